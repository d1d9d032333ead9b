"""What a person sees: colour, tables, errors and questions. Nothing else prints."""

import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from typing import TextIO

from localcloud import columns, hints
from localcloud.errors import LocalcloudError
from localcloud.i18n import _

_CODES = {"good": "32", "bad": "31", "warning": "33", "heading": "1", "dim": "2", "accent": "36"}


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
    out(f"{style('✓', 'good')} {_fitted(text, sys.stdout)}")


def warn(text: str) -> None:
    err(f"{style('!', 'warning')} {_fitted(text, sys.stderr)}")


def bad(text: str) -> None:
    err(f"{style('✗', 'bad')} {_fitted(text, sys.stderr)}")


def _fitted(text: str, stream: TextIO) -> str:
    """What stands behind a sign, wrapped below itself on a terminal; whole lines for a pipe."""
    return wrap(text, "  ").lstrip() if stream.isatty() else text


def terminal_width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def wrap(text: str, indent: str = "") -> str:
    """Wrap each paragraph to the terminal, keeping the line breaks and margins that are there."""
    width = min(terminal_width(), 110)
    lines = []
    for line in text.splitlines() or [""]:
        words = line.lstrip()
        margin = indent if len(indent) > len(line) - len(words) else line[: len(line) - len(words)]
        lines += [margin + part for part in columns.wrapped(words, width - len(margin))]
    return "\n".join(line.rstrip() for line in lines)


def apart(text: str, value: str) -> str:
    """A line that ends in a path or a command, which gets a line of its own where both do not fit:
    a terminal would break it in the middle of a word, and it could not be copied. Pipes get one."""
    head = text.removesuffix(value).rstrip()
    fits = columns.width(text) <= terminal_width()
    if head == text or fits or not sys.stdout.isatty():
        return text
    margin = " " * (len(text) - len(text.lstrip()) + 2)
    return f"{head}\n{margin}{value}"


def error(problem: LocalcloudError) -> None:
    """Show an error: what is wrong, what else is known, what to do next."""
    bad(wrap(problem.message, "  ").lstrip())
    if problem.details:
        details = textwrap.indent(problem.details.rstrip(), "    ")
        err(wrap(details) if sys.stderr.isatty() else details)
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


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, wrapped between words to the terminal; rows as blocks if too wide."""
    if not rows:
        return
    cells = [list(map(str, row)) for row in rows]
    for line in columns.table(
        list(headers), cells, terminal_width(), lambda text: style(text, "heading")
    ):
        out(line)


def confirm(question: str, default: bool = False) -> bool:
    """Ask on a terminal until the answer is yes or no; the default for Enter, and without one."""
    if not is_terminal():
        return default
    yes, no = _("y"), _("n")
    shown = f"[{yes.upper()}/{no}]" if default else f"[{yes}/{no.upper()}]"
    words = {yes: True, _("yes"): True, "y": True, "yes": True, "si": True}
    words |= {no: False, _("no"): False, "n": False, "no": False}
    while True:
        answer = ask(f"{question} {shown}").lower().rstrip(".!")
        if not answer:
            return default
        if answer in words:
            return words[answer]
        warn(_("Please answer {yes} or {no}.").format(yes=_("yes"), no=_("no")))


def ask(question: str) -> str:
    """What a person types behind a question, which is wrapped between words."""
    return input(f"{wrap(question)} ").strip()
