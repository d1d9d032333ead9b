"""The systems a practice machine can be, and which of them this computer runs itself."""

import platform
from dataclasses import dataclass

from localcloud.errors import UsageError
from localcloud.i18n import _


@dataclass(frozen=True)
class Distribution:
    """``codename`` is the archive's suite; ``needs_cgroup2``: its systemd refuses cgroup v1."""

    name: str
    family: str
    codename: str
    needs_cgroup2: bool = False

    @property
    def kernel_package(self) -> str:
        """The kernel for virtual machines: no drivers of real hardware, all of its features."""
        return {"debian": "linux-image-cloud-amd64", "ubuntu": "linux-image-virtual"}[self.family]

    @property
    def keyring_package(self) -> str:
        return {"debian": "debian-archive-keyring", "ubuntu": "ubuntu-keyring"}[self.family]


KNOWN = {
    item.name: item
    for item in (
        Distribution("debian12", "debian", "bookworm"),
        # systemd 257 refuses the legacy hierarchy unless the kernel command line forces it.
        Distribution("debian13", "debian", "trixie", needs_cgroup2=True),
        Distribution("ubuntu24.04", "ubuntu", "noble"),
    )
}
FALLBACK = "debian12"


def this_computer() -> Distribution | None:
    """The distribution this computer runs, or None if the lab does not know it."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    return KNOWN.get(release.get("ID", "") + release.get("VERSION_ID", ""))


def family_of_this_computer() -> str:
    """``debian``, ``ubuntu`` or another ID of os-release (empty if there is none)."""
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def codename_of_this_computer() -> str:
    """The release's codename, also of one that is no lab distribution (empty if unknown)."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def choose(name: str | None) -> Distribution:
    """The distribution asked for, else this computer's own, else Debian 12."""
    if name is None:
        return this_computer() or KNOWN[FALLBACK]
    if name not in KNOWN:
        raise UsageError(
            _("The lab knows no distribution {name}.").format(name=name),
            _("Choose one of: {names}.").format(names=", ".join(KNOWN)),
        )
    return KNOWN[name]
