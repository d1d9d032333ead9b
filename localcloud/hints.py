"""Commands that a person is told to run next, completed with the site they are meant for."""

import os
import re
import shlex
from pathlib import Path

# Verbs that look for a site; `init` and `lab up` name their directory themselves.
_OF_A_SITE = re.compile(r"`(localcloud (?:check|install|verify|status|reset|logs)\b[^`]*)`")
_chosen: Path | None = None  # as typed after -i


def use_site(directory: Path | None) -> None:
    """Remember which site the command at hand works on (None: nobody said)."""
    global _chosen
    _chosen = directory


def command(words: str) -> str:
    """``logs X`` → ``localcloud logs X -i my-site``; without ``-i`` where it finds the site."""
    return _complete(f"localcloud {words}")


def complete(text: str) -> str:
    """A sentence whose commands in backticks can be copied as they stand."""
    return _OF_A_SITE.sub(lambda found: f"`{_complete(found.group(1))}`", text)


def _complete(line: str) -> str:
    if _chosen is None or _is_found_anyway(_chosen) or " -i " in line:
        return line
    return f"{line} -i {shlex.quote(str(_chosen))}"


def _is_found_anyway(directory: Path) -> bool:
    """Whether the next command needs no ``-i``: it looks here, or where the environment says."""
    return directory.resolve() == Path(os.environ.get("LOCALCLOUD_INVENTORY") or ".").resolve()
