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
class Recipe:
    """``overlay`` is a tar laid over the bootstrapped root before ``customize.sh`` runs in it."""

    distribution: Distribution
    packages: tuple[str, ...]
    sources: str  # deb822 text for the bootstrap and for the machine
    apt_options: tuple[str, ...]  # lines of apt.conf for the bootstrap
    overlay: bytes = field(repr=False)
    has_secrets: bool = False  # a password in a mirror's or proxy's address, or in auth.conf

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that change whenever the image would."""
        parts = [self.distribution.name, *self.packages, "--", self.sources, *self.apt_options]
        whole = hashlib.sha256("\0".join(parts).encode())
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


def _overlay(source_text: str, apt_lines: Sequence[str], keys: Sequence[Path]) -> bytes:
    files: dict[str, tuple[bytes, int]] = {
        f"{_HOME}/prepare.sh": ((_FILES / "prepare.sh").read_bytes(), 0o755),
        f"{_HOME}/customize.sh": ((_FILES / "customize.sh").read_bytes(), 0o755),
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


def _own_sources(distribution: Distribution) -> list[sources.Source]:
    """This computer's sources for the wanted release; empty where apt's defaults must serve."""
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
    found = sources.fit(sources.read(), own, distribution.codename)
    if not found:
        raise UsageError(
            _("No package source of this computer would serve a practice machine."),
            _(
                "Sources on this computer itself (file:, cdrom:, localhost) do not count. Add the "
                "distribution's mirror to /etc/apt/sources.list.d and try again."
            ),
        )
    return found


def build(distribution: Distribution) -> Recipe:
    """The recipe on this computer, today."""
    found = _own_sources(distribution)
    options = aptconf.options()
    text = "\n".join(source.deb822() for source in found)
    return Recipe(
        distribution,
        (*PACKAGES, distribution.keyring_package),
        text,
        tuple(options),
        _overlay(text, aptconf.inside(options), aptconf.key_files(found)),
        bool(aptconf.credentials())
        or bool(re.search(r"://[^/\s\"]*@", "\n".join([text, *options]))),
    )
