"""This computer's package sources, made fit for a practice machine.

Kept: the distribution's own suites, from wherever this computer fetches them (a campus mirror, a
snapshot). Left out: sources of other vendors, ``file:`` and ``cdrom:`` entries and servers on this
computer itself, none of which a practice machine could reach or should trust.
Formats: sources.list(5), one-line style and deb822 style.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

OFFICIAL = {
    *("main", "contrib", "non-free", "non-free-firmware"),
    *("universe", "multiverse", "restricted"),
}
_SCHEMES = {"http", "https", "mirror+http", "mirror+https"}
_LOOPBACK = re.compile(r"^(localhost|127\..*|::1|0\.0\.0\.0)$")
_PRIVATE_ARCHIVES = ("ppa.launchpad", "ppa.launchpadcontent")
# Options that change how the archive is trusted or fetched, by their one-line name.
_OPTIONS = {
    "trusted": "Trusted",
    "check-valid-until": "Check-Valid-Until",
    "check-date": "Check-Date",
    "by-hash": "By-Hash",
}


@dataclass(frozen=True)
class Source:
    """One stanza of ``Types: deb``. ``signed_by``: key file paths, or an embedded key block."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def deb822(self) -> str:
        lines = ["Types: deb", f"URIs: {' '.join(self.uris)}", f"Suites: {' '.join(self.suites)}"]
        lines.append(f"Components: {' '.join(self.components)}")
        lines += [f"{name}: {value}" for name, value in self.options]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"

    def seen_from_machine(self, loopback: str) -> "Source":
        """The same with the machine's address for this computer (see :func:`from_machine`)."""
        return replace(self, uris=tuple(from_machine(uri, loopback) for uri in self.uris))

    @property
    def key_files(self) -> list[Path]:
        return [Path(word) for word in re.split(r"[\s,]+", self.signed_by) if word.startswith("/")]


def _options(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    known = ((_OPTIONS.get(name.lower()), value) for name, value in pairs)
    return tuple((name, value) for name, value in known if name)


def parse_list(text: str) -> Iterator[Source]:
    """Sources of a one-line style file."""
    for raw in text.splitlines():
        found = re.match(
            r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$", raw.split("#")[0].strip()
        )
        if not found:
            continue
        pairs = [word.partition("=")[::2] for word in (found[1] or "").split()]
        signed = " ".join(value for name, value in pairs if name.lower() == "signed-by")
        yield Source((found[2],), (found[3],), tuple(found[4].split()), signed, _options(pairs))


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a deb822 style file; disabled stanzas and source packages are left out."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, _colon, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        yield Source(
            tuple(fields.get("uris", "").split()),
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
            fields.get("signed-by", ""),
            _options(fields.items()),
        )


def read(directory: Path = Path("/etc/apt")) -> list[Source]:
    """Every source of an apt configuration directory, in apt's own order."""
    found: list[Source] = []
    parts = sorted((directory / "sources.list.d").glob("*"))
    for path in [directory / "sources.list", *parts]:
        if path.suffix == ".list" and path.is_file():
            found += parse_list(path.read_text(errors="replace"))
        elif path.suffix == ".sources" and path.is_file():
            found += parse_deb822(path.read_text(errors="replace"))
    return found


def from_machine(url: str, loopback: str) -> str:
    """A URL as a practice machine must write it; empty if it leads nowhere from there.

    A server on this computer's 127.0.0.1 has the address ``loopback`` there, or none if that is
    empty. A certificate would not be good for that address, so this is for plain HTTP.
    """
    parts = urlsplit(url if "://" in url else f"//{url}")
    host = parts.hostname or ""
    if not _LOOPBACK.match(host):
        return url if host else ""
    if not loopback or parts.scheme not in ("", "http"):
        return ""
    login, at, _place = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    moved = urlunsplit(parts._replace(netloc=f"{login}{at}{loopback}{port}"))
    return moved if "://" in url else moved.removeprefix("//")


def _reachable(uri: str, loopback: bool) -> bool:
    """Whether a practice machine can fetch from this address, too."""
    parts = urlsplit(uri)
    return (
        parts.scheme in _SCHEMES
        and bool(from_machine(uri, "here" if loopback else ""))
        and not (parts.hostname or "").startswith(_PRIVATE_ARCHIVES)
    )


def fit(sources: Iterable[Source], own: str, wanted: str, loopback: bool = False) -> list[Source]:
    """Keep the distribution's own suites (codename ``own``) and turn them into ``wanted``'s.

    ``loopback``: whether machines reach servers on this computer itself.
    ``bookworm-security`` becomes ``trixie-security`` at the same address. Backports stay out:
    a server just installed does not have them.
    """
    kept = []
    for source in sources:
        suites = tuple(
            wanted + suite[len(own) :]
            for suite in source.suites
            if re.fullmatch(re.escape(own) + r"(-updates|-security)?", suite)
        )
        uris = tuple(uri for uri in source.uris if _reachable(uri, loopback))
        components = tuple(part for part in source.components if part in OFFICIAL)
        if suites and uris and components:
            kept.append(replace(source, uris=uris, suites=suites, components=components))
    return kept
