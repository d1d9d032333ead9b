"""config.yaml over TLJH's defaults."""

from tljh import config


def load_config():
    keys = ("http", "https", "traefik_api")
    return {key: config.get_current_config(config.CONFIG_FILE).get(key, {}) for key in keys}
