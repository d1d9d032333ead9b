"""Where the playbooks, roles and sample sites are: in the wheel, or in a checkout."""

from functools import cache
from pathlib import Path


@cache
def data_dir() -> Path:
    """The folder that holds ``playbooks/``, ``roles/`` and ``inventories/``."""
    package = Path(__file__).resolve().parent
    installed = package / "data"
    return installed if (installed / "playbooks").is_dir() else package.parent


def playbooks_dir() -> Path:
    return data_dir() / "playbooks"


def roles_dir() -> Path:
    return data_dir() / "roles"


def samples_dir() -> Path:
    return data_dir() / "inventories"
