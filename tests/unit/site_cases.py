"""Sites for the tests: a good one to begin with, and what load_site says of a bad one."""

from pathlib import Path

import pytest

from localcloud.errors import UsageError
from localcloud.site import Site, load_site

ROLES = Path(__file__).parents[1] / "doubles" / "site_roles"
HOSTS = """\
all:
  children:
    web:
      hosts:
        server1:
          ansible_host: 10.0.0.5
          ansible_user: debian
"""
SETTINGS = """\
web_name: hub.uni.edu
web_admins: [ana]
"""


def write_site(directory: Path, hosts: str = HOSTS, settings: str = SETTINGS, **more: str) -> Path:
    """Write a site; ``more`` maps paths (with ``__`` for the slashes) to texts."""
    files = {"hosts.yml": hosts, "group_vars/all/settings.yml": settings}
    files |= {name.replace("__", "/"): text for name, text in more.items()}
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def load(directory: Path, **options: object) -> Site:
    return load_site(directory, **{"need_secrets": False, **options})  # type: ignore[arg-type]


def said(directory: Path, **options: object) -> str:
    """Everything a person reads when this site is refused."""
    with pytest.raises(UsageError) as caught:
        load(directory, **options)
    error = caught.value
    assert error.exit_code == 2
    return f"{error.message}\n{error.details}\n{error.remedy}"


def with_setting(directory: Path, line: str) -> str:
    """What a person reads when a line is added to the settings of a good site."""
    write_site(directory, settings=f"{SETTINGS}{line}\n")
    return said(directory)
