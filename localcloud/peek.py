"""The language of the site at hand, before anything is loaded: help pages are in it, too.

Reads the few lines it needs as text, since loading a site takes longer than showing a help page.
What it misses (templates, sealed files, host_vars) :func:`localcloud.site.load_site` finds later.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localcloud.paths import roles_dir

_WITH_VALUE = ("-i", "--inventory", "--lang")


def language(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """What the site of ``-i``, the environment or the current directory says; None without one."""
    verb, directory = _verb_and_site(arguments)
    place = Path(directory or environment.get("LOCALCLOUD_INVENTORY") or ".")
    if place.name == "hosts.yml":
        place = place.parent
    if verb == "init" or not (place / "hosts.yml").is_file():  # init writes a site of its own
        return None
    for name, default in _settings():
        for text in _texts(place):
            if found := _value(name, text):
                return found
        if default:
            return default
    return None


def _verb_and_site(arguments: Sequence[str]) -> tuple[str, str]:
    """The first word that is no option, and the last ``-i DIR``, in any of its spellings."""
    verb, directory, words = "", "", iter(arguments)
    for word in words:
        if word == "--":
            break
        if word in _WITH_VALUE:
            value = next(words, "")
            directory = directory if word == "--lang" else value
        elif word.startswith("--inventory="):
            directory = word.partition("=")[2]
        elif word.startswith("-i"):
            directory = word[2:]
        elif not word.startswith("-"):
            verb = verb or word
    return verb, directory


def _settings() -> Iterator[tuple[str, str]]:
    """Each setting that is a site's language (``language:`` of a role), and its default."""
    for meta in sorted(roles_dir().glob("*/meta/localcloud.yml")):
        with suppress(OSError, UnicodeDecodeError):
            if name := _value("language", meta.read_text()):
                defaults = meta.parents[1] / "defaults" / "main.yml"
                yield name, _value(name, defaults.read_text())


def _texts(place: Path) -> Iterator[str]:
    """The site's files of settings, those of all hosts last: a group's own goes before."""
    files = sorted(
        (place / "group_vars").rglob("*.y*ml"),
        key=lambda file: "all" in (file.stem, file.parent.name),
    )
    for path in [*files, place / "hosts.yml"]:
        with suppress(OSError, UnicodeDecodeError):
            yield path.read_text()


def _value(name: str, text: str) -> str:
    found = re.search(rf"^[ ]*{name}:[ ]*[\"']?(\w+)", text, re.MULTILINE)
    return found.group(1) if found else ""
