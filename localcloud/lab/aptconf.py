"""This computer's apt options and keys that a bootstrap needs (proxy, certificates, dates)."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from localcloud.lab.sources import Source, from_machine

_WANTED = re.compile(
    r"^Acquire::(?:"
    r"(?:http|https)(?:::Proxy)?::(?!User-Agent)\S+"
    r"|(?:http|https|ftp)::Proxy"
    r"|Check-Valid-Until|Check-Date|Retries|ForceIPv[46]"
    r") \".+\";$"
)
# Paths on this computer: of use while bootstrapping, of none inside the machine.
_OUTSIDE_ONLY = re.compile(r"::(?:CaInfo|CaPath|SslCert|SslKey|IssuerCert|CrlFile) ", re.IGNORECASE)


def options(dump: str | None = None) -> list[str]:
    """Lines of apt configuration that decide how this computer reaches its mirrors."""
    if dump is None:
        if not shutil.which("apt-config"):
            return []
        done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
        dump = done.stdout
    return [line for line in dump.splitlines() if _WANTED.match(line)]


def inside(lines: Iterable[str], loopback: str = "") -> list[str]:
    """Those options that make sense within a practice machine, too.

    ``loopback``: as in :func:`localcloud.lab.sources.from_machine`.
    """
    found = []
    for line in lines:
        name, _quote, rest = line.partition('"')
        value = rest.removesuffix('";')
        if "://" in value:
            value = from_machine(value, loopback)
            line = f'{name}"{value}";' if value else ""
        if line and not _OUTSIDE_ONLY.search(line):
            found.append(line)
    return found


def key_files(sources: Iterable[Source], apt: Path = Path("/etc/apt")) -> list[Path]:
    """Keys that the sources name, and those that this computer trusts for every source."""
    named = [path for source in sources for path in source.key_files]
    trusted = [apt / "trusted.gpg", *(apt / "trusted.gpg.d").glob("*")]
    usable = [path for path in trusted if path.suffix in (".gpg", ".asc")]
    return sorted({path for path in [*named, *usable] if path.is_file()})


def credentials(apt: Path = Path("/etc/apt")) -> list[Path]:
    """apt's password files (auth.conf(5)) that this user may read."""
    found = []
    for path in [apt / "auth.conf", *(apt / "auth.conf.d").glob("*.conf")]:
        try:
            if path.is_file() and path.read_bytes().strip():
                found.append(path)
        except PermissionError:
            continue
    return sorted(found)
