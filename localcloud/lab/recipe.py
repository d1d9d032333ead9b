"""What a practice machine is made of, and the fingerprint by which its image is found again."""

import hashlib
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import aptconf, distributions, sources
from localcloud.lab.distributions import Distribution

# A minimal campus server, as the installer leaves it. No python3-apt: a bare host is bare.
PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "sudo", "python3"),
    *("iproute2", "iputils-ping", "procps", "ca-certificates", "less", "nano"),
)
_FILES = Path(__file__).parent / "files"
_HOME = "usr/lib/localcloud-lab"
_SSHD = "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n"


@dataclass(frozen=True)
class Kind:
    """What is special to containers or to virtual machines.

    ``script`` ends the bootstrap, in the new root. ``early``: files (path → content, mode) that
    must be there before packages are installed. ``loopback``: the address by which a machine
    reaches what listens on this computer's 127.0.0.1 (empty: it cannot).
    """

    script: str
    packages: tuple[str, ...] = ()
    kernel: bool = False
    early: tuple[tuple[str, str, int], ...] = ()
    loopback: str = ""


CONTAINER = Kind("container.sh")
VIRTUAL = Kind(
    "virtual.sh",
    ("initramfs-tools", "kmod", "udev", "e2fsprogs"),
    kernel=True,
    # An initial RAM disk with all drivers takes a slow computer seconds to unpack.
    early=(
        ("etc/initramfs-tools/conf.d/localcloud-lab", "MODULES=list\nRESUME=none\n", 0o644),
        ("etc/initramfs-tools/hooks/localcloud-lab", (_FILES / "initramfs.sh").read_text(), 0o755),
    ),
    loopback="10.0.2.2",
)


@dataclass(frozen=True)
class Recipe:
    """``overlay`` is a tar laid over the bootstrapped root before ``customize.sh`` runs in it.

    ``early`` is one laid over it before packages are installed (empty: none).
    """

    distribution: Distribution
    packages: tuple[str, ...]
    sources: str  # deb822 text for the bootstrap and for the machine
    apt_options: tuple[str, ...]  # lines of apt.conf for the bootstrap
    overlay: bytes = field(repr=False)
    early: bytes = field(default=b"", repr=False)
    has_secrets: bool = False  # a password in a mirror's or proxy's address, or in auth.conf

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that change whenever the image would."""
        parts = [self.distribution.name, *self.packages, "--", self.sources, *self.apt_options]
        whole = hashlib.sha256("\0".join(parts).encode())
        whole.update(self.early)
        whole.update(self.overlay)
        return whole.hexdigest()[:12]

    @property
    def name(self) -> str:
        return f"{self.distribution.name}-{self.digest}"

    @property
    def image(self) -> str:
        return f"localhost/localcloud-lab:{self.name}"


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar of root-owned files (path → content, mode); equal input gives equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _overlay(kind: Kind, source_text: str, apt_lines: Sequence[str], keys: Sequence[Path]) -> bytes:
    files: dict[str, tuple[bytes, int]] = {
        f"{_HOME}/prepare.sh": ((_FILES / "prepare.sh").read_bytes(), 0o755),
        f"{_HOME}/customize.sh": ((_FILES / "customize.sh").read_bytes(), 0o755),
        f"{_HOME}/kind.sh": ((_FILES / kind.script).read_bytes(), 0o755),
        "etc/systemd/system/localcloud-lab.service": (
            (_FILES / "localcloud-lab.service").read_bytes(),
            0o644,
        ),
        "etc/ssh/sshd_config.d/localcloud-lab.conf": (_SSHD.encode(), 0o644),
        "etc/sudoers.d/localcloud-lab": (b"admin ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440),
        "etc/localcloud-lab/README": (b"The practice lab mounts its files here.\n", 0o644),
    }
    if source_text:
        files["etc/apt/sources.list.d/localcloud-lab.sources"] = (source_text.encode(), 0o644)
    if apt_lines:
        text = "\n".join(apt_lines) + "\n"
        files["etc/apt/apt.conf.d/90localcloud-lab"] = (text.encode(), 0o644)
    for key in keys:
        files[f"{_HOME}/keys{key}"] = (key.read_bytes(), 0o644)
    for path in aptconf.credentials():
        files[str(path).lstrip("/")] = (path.read_bytes(), 0o600)
    return _tar(files)


def _own_sources(distribution: Distribution, loopback: bool) -> list[sources.Source]:
    """This computer's sources for the wanted release; empty where apt's defaults must serve.

    ``loopback``: whether a machine can reach servers on this computer itself.
    """
    family = distributions.family_of_this_computer()
    if family not in ("debian", "ubuntu"):
        return []
    if family != distribution.family:
        raise UsageError(
            _("This computer's package sources are {own}'s, so it cannot make a {wanted}.").format(
                own=family, wanted=distribution.name
            ),
            _("Choose a --distribution of the same family, or leave the option out."),
        )
    own = distributions.codename_of_this_computer()
    found = sources.fit(sources.read(), own, distribution.codename, loopback)
    if not found:
        raise UsageError(
            _("No package source of this computer would serve a practice machine."),
            _(
                "Sources on this computer itself (file:, cdrom:, localhost) do not count. Add the "
                "distribution's mirror to /etc/apt/sources.list.d and try again."
            ),
        )
    return found


def build(distribution: Distribution, kind: Kind = CONTAINER) -> Recipe:
    """The recipe on this computer, today."""
    found = _own_sources(distribution, bool(kind.loopback))
    options = aptconf.options()
    text = "\n".join(source.deb822() for source in found)
    inside = "\n".join(source.seen_from_machine(kind.loopback).deb822() for source in found)
    kernel = (distribution.kernel_package,) if kind.kernel else ()
    early = {path: (text.encode(), mode) for path, text, mode in kind.early}
    return Recipe(
        distribution,
        (*PACKAGES, distribution.keyring_package, *kind.packages, *kernel),
        text,
        tuple(options),
        _overlay(kind, inside, aptconf.inside(options, kind.loopback), aptconf.key_files(found)),
        _tar(early) if early else b"",
        bool(aptconf.credentials())
        or bool(re.search(r"://[^/\s\"]*@", "\n".join([text, *options]))),
    )
