"""How tasks travel to the hosts: Mitogen where it is known to work, stock Ansible elsewhere.

Mitogen is an accelerator, never a dependency: it does not say which ansible-core it supports, so
the kit uses it only with the pairs of versions that it was tried with.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _

STOCK, MITOGEN = "stock", "mitogen"
# (ansible-core's minor series, mitogen's release) that ran every role on real hosts.
TRIED: frozenset[tuple[str, str]] = frozenset({("2.19", "0.3.54")})
_ASK = "LOCALCLOUD_STRATEGY"


@dataclass(frozen=True)
class Versions:
    """Installed releases; mitogen is empty if it is not installed."""

    ansible: str
    mitogen: str

    def as_dict(self) -> dict[str, str]:
        return {"ansible-core": self.ansible, "mitogen": self.mitogen}

    @property
    def tried(self) -> bool:
        return (".".join(self.ansible.split(".")[:2]), self.mitogen) in TRIED


def installed() -> Versions:
    try:
        mitogen = version("mitogen")
    except PackageNotFoundError:
        mitogen = ""
    return Versions(version("ansible-core"), mitogen)


def plugins_dir() -> Path | None:
    """Where Mitogen keeps its strategies, found without importing it (it patches as it loads)."""
    spec = find_spec("ansible_mitogen")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(next(iter(spec.submodule_search_locations))) / "plugins" / "strategy"
    return found if found.is_dir() else None


def choose(hosts_without_python: Iterable[str], versions: Versions) -> str:
    """``mitogen`` or ``stock``. LOCALCLOUD_STRATEGY forces one; a bare host always means stock."""
    asked = os.environ.get(_ASK, "")
    if asked not in ("", STOCK, MITOGEN):
        raise UsageError(
            _("{name} is {value}, which is no strategy.").format(name=_ASK, value=asked),
            _("Set it to stock or mitogen, or do not set it."),
        )
    if asked == STOCK or any(True for _host in hosts_without_python):
        return STOCK  # Mitogen needs a Python on the host for its first byte
    usable = plugins_dir() is not None
    if asked == MITOGEN:
        if not usable:
            raise UsageError(
                _("The Mitogen strategy was asked for, but mitogen is not installed."),
                _("Install it beside localcloud, or do not set {name}.").format(name=_ASK),
            )
        return MITOGEN
    return MITOGEN if usable and versions.tried else STOCK
