"""What a person sees: colour, tables, errors and questions. Nothing else prints."""

import os
import re
import shutil
import sys
import textwrap
import traceback
import unicodedata
from collections.abc import Sequence

from localcloud import hints
from localcloud.errors import LocalcloudError
from localcloud.i18n import _

_CODES = {"good": "32", "bad": "31", "warning": "33", "heading": "1", "dim": "2", "accent": "36"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def is_terminal() -> bool:
    """True if a person is at both ends: output goes to a terminal and questions can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def style(text: str, kind: str) -> str:
    """Colour a text (kinds: good, bad, warning, heading, dim, accent); plain off a terminal."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\x1b[{_CODES[kind]}m{text}\x1b[0m"


def out(text: str = "") -> None:
    print(text, flush=True)


def err(text: str = "") -> None:
    print(text, file=sys.stderr, flush=True)


def heading(text: str) -> None:
    out(style(text, "heading"))


def ok(text: str) -> None:
    out(f"{style('✓', 'good')} {text}")


def warn(text: str) -> None:
    err(f"{style('!', 'warning')} {text}")


def bad(text: str) -> None:
    err(f"{style('✗', 'bad')} {text}")


def terminal_width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def wrap(text: str, indent: str = "") -> str:
    """Wrap each paragraph to the terminal, keeping the line breaks that are there."""
    width = min(terminal_width(), 110)
    return "\n".join(
        textwrap.fill(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,
        )
        for line in text.splitlines() or [""]
    )


def error(problem: LocalcloudError) -> None:
    """Show an error: what is wrong, what else is known, what to do next."""
    bad(wrap(problem.message).lstrip())
    if problem.details:
        err(textwrap.indent(problem.details.rstrip(), "    "))
    if problem.remedy:
        remedy = hints.complete(problem.remedy)
        err(wrap(_("What to do: {remedy}").format(remedy=remedy), "  "))


def unexpected(exception: BaseException) -> LocalcloudError:
    """Dress a defect of ours: its place, never a raw traceback."""
    last = traceback.extract_tb(exception.__traceback__)[-1:]
    place = f"{last[0].filename}:{last[0].lineno}" if last else "?"
    return LocalcloudError(
        _("localcloud met a situation that its authors did not foresee."),
        _("Please report it with the lines above; LOCALCLOUD_DEBUG=1 shows all of it."),
        f"{type(exception).__name__}: {exception}\n{place}",
    )


def _columns(text: str) -> int:
    """Width of a text on a terminal, in columns; colours take none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in _COLOUR.sub("", text)
    )


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; the last one takes what width is left and wraps."""
    if not rows:
        return
    cells = [list(map(str, row)) for row in rows]
    widths = [max(_columns(row[i]) for row in [list(headers), *cells]) for i in range(len(headers))]
    left = sum(widths[:-1]) + 2 * (len(widths) - 1)
    last = max(24, terminal_width() - left)
    out(style(_line(list(headers), widths), "heading"))
    for row in cells:
        wrapped = textwrap.wrap(row[-1], last, break_on_hyphens=False) or [""]
        out(_line([*row[:-1], wrapped[0]], widths))
        for more in wrapped[1:]:
            out(" " * left + more)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell + " " * max(0, width - _columns(cell))
        for cell, width in zip(row[:-1], widths[:-1], strict=True)
    ]
    return "  ".join([*padded, row[-1]]).rstrip()


def confirm(question: str, default: bool = False) -> bool:
    """Ask yes or no on a terminal; the default without one."""
    if not is_terminal():
        return default
    yes, no = _("y"), _("n")
    shown = f"[{yes.upper()}/{no}]" if default else f"[{yes}/{no.upper()}]"
    answer = input(f"{question} {shown} ").strip().lower()
    return answer.startswith((yes, "y")) if answer else default
