"""The terminal: its size, its echo, and texts cut to fit."""

import os
import re
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from localcloud import columns
from localcloud.i18n import ngettext


def cut(text: str, width: int) -> str:
    """A text that takes no more than so many columns."""
    text = " ".join(text.splitlines())
    if columns.width(text) <= width:
        return text
    while text and columns.width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def size(stream: TextIO) -> tuple[int, int]:
    """Columns and rows of the terminal, as they are now ($COLUMNS would be as they were)."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return 80, 24
    return max(10, size.columns or 80), max(3, size.lines or 24)


def no_echo() -> Callable[[], None]:
    """Keep what is typed meanwhile from being printed into the view; gives the way back."""
    try:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
        if os.tcgetpgrp(keyboard) != os.getpgrp():
            return lambda: None  # in the background, touching the terminal would stop us
        quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    except (termios.error, OSError, ValueError):
        return lambda: None  # no terminal there

    def back() -> None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)

    return back


def names(hosts: Sequence[str], most: int = 5) -> str:
    """Host names in a row; many of them cut short."""
    if len(hosts) <= most:
        return ", ".join(hosts)
    more = len(hosts) - most
    words = ngettext("{names} and {count} more", "{names} and {count} more", more)
    return words.format(names=", ".join(hosts[:most]), count=more)


def by_number(host: str) -> list[tuple[int, str]]:
    """Sorts node10 after node9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", host)]
