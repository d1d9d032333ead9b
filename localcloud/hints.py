"""Commands that a person is told to run next, with the program's place and the site."""

import os
import re
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

_NAME = "localcloud"
# Verbs that look for a site; `init` and `lab up` name their directory themselves.
_OF_A_SITE = re.compile(r"`(localcloud (?:check|install|verify|status|reset|logs)\b[^`]*)`")
# A command of ours anywhere in a sentence, unless its path is there already.
_OURS = re.compile(
    r"(?<![\w/.-])localcloud(?= (?:init|check|install|verify|status|reset|logs|lab)\b)"
)
_chosen: Path | None = None  # as typed after -i


def use_site(directory: Path | None) -> None:
    """Remember which site the command at hand works on (None: nobody said)."""
    global _chosen
    _chosen = directory


def command(words: str) -> str:
    """``logs X`` → ``localcloud logs X -i my-site``; without ``-i`` where it finds the site."""
    return called(_complete(f"localcloud {words}"))


def called(text: str) -> str:
    """A sentence or a command line in which our commands begin as the shell here finds them."""
    name = program()
    return text if name == _NAME else _OURS.sub(lambda _found: name, text)


def program() -> str:
    """``localcloud``, or the path of what runs now if the shell finds nothing, or something else.

    So it is after ``make demo``, whose command lies in ``.venv/bin``.
    """
    here = Path(sys.argv[0])
    if here.name != _NAME or not here.is_file():
        return _NAME  # python -m localcloud, or a test
    found = shutil.which(_NAME)
    if found and here.samefile(found):
        return _NAME
    place = here.absolute()
    with suppress(ValueError):
        place = place.relative_to(Path.cwd())
    shown = str(place)
    return shlex.quote(shown if "/" in shown else f"./{shown}")


def complete(text: str) -> str:
    """A sentence whose commands in backticks can be copied as they stand."""
    return called(_OF_A_SITE.sub(lambda found: f"`{_complete(found.group(1))}`", text))


def _complete(line: str) -> str:
    if _chosen is None or _is_found_anyway(_chosen) or " -i " in line:
        return line
    return f"{line} -i {shlex.quote(str(_chosen))}"


def _is_found_anyway(directory: Path) -> bool:
    """Whether the next command needs no ``-i``: it looks here, or where the environment says."""
    return directory.resolve() == Path(os.environ.get("LOCALCLOUD_INVENTORY") or ".").resolve()
