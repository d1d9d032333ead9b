"""Places and config.yaml, as tljh/config.py has them; YAML is JSON here."""

import contextlib
import json
import os
from pathlib import Path

INSTALL_PREFIX = os.environ["TLJH_INSTALL_PREFIX"]
HUB_ENV_PREFIX = f"{INSTALL_PREFIX}/hub"
USER_ENV_PREFIX = f"{INSTALL_PREFIX}/user"
STATE_DIR = f"{INSTALL_PREFIX}/state"
CONFIG_DIR = f"{INSTALL_PREFIX}/config"
CONFIG_FILE = f"{CONFIG_DIR}/config.yaml"


@contextlib.contextmanager
def config_file_lock(_path):
    yield


def get_current_config(path):
    return json.loads(Path(path).read_text()) if Path(path).exists() else {}
