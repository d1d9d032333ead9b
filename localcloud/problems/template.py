"""The form of one catalogue entry."""

from dataclasses import dataclass


@dataclass(frozen=True, init=False)
class Template:
    """``message`` and ``remedy`` are marked with ``N_``; ``fields`` names the data they may use."""

    message: str
    remedy: str
    fields: tuple[str, ...]

    def __init__(self, message: str, remedy: str, *fields: str) -> None:
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "remedy", remedy)
        object.__setattr__(self, "fields", fields)
