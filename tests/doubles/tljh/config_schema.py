"""A piece of TLJH's schema."""

config_schema = {
    "properties": {
        "limits": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"memory": {"type": "string"}},
        }
    }
}
