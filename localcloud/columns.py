"""Texts in columns: how wide they are on a terminal, wrapped between words, and set in tables."""

import re
import unicodedata
from collections.abc import Callable, Sequence

# A word; a command in quotes is one, so that it can be copied from one line.
_WORD = re.compile(r"(\s*)((?:`[^`\n]+`|[“«]localcloud [^”»\n]+[”»]|\S)+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLAIN = "\x1b[0m"
_GAP = 2


def width(text: str) -> int:
    """Columns of a text on a terminal; colours take none."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in _COLOUR.sub("", text)
    )


def wrapped(text: str, room: int) -> list[str]:
    """Lines of at most ``room`` columns, broken between words only; a longer word stays whole, and
    so does a command in backticks.

    Blanks within a line stay as they are. A colour goes on in the next line.
    """
    lines = [""]
    for blanks, word in _WORD.findall(text):
        if lines[-1] and width(lines[-1] + blanks + word) > room:
            lines.append(word)
        else:
            lines[-1] += blanks + word
    return _coloured(lines)


def _coloured(lines: list[str]) -> list[str]:
    """Each line opens and closes its own colour, so that none runs into the next column."""
    open_code, done = "", []
    for line in lines:
        begun = open_code + line
        codes = _COLOUR.findall(begun)
        open_code = codes[-1] if codes and codes[-1] != _PLAIN else ""
        done.append(begun + _PLAIN if open_code else begun)
    return done


def table(
    headers: list[str], rows: list[list[str]], room: int, head: Callable[[str], str] = str
) -> list[str]:
    """The lines of a table; one block for each row if the columns do not fit.

    ``head`` styles the header's lines, or the first line of each block.
    """
    cells = [headers, *rows]
    widths = [max(width(row[i]) for row in cells) for i in range(len(headers))]
    least = [max(_longest_word(row[i]) for row in cells) for i in range(len(headers))]
    over = sum(widths) + _GAP * (len(widths) - 1) - room
    while over > 0:
        slack = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not slack:
            return _blocks(headers, rows, room, head)
        # The widest gives way first; of equals the last, which most often holds sentences.
        widths[max(slack, key=lambda i: (widths[i], i))] -= 1
        over -= 1
    body = [line for row in rows for line in _row(row, widths)]
    return [*map(head, _row(headers, widths)), *body]


def _longest_word(text: str) -> int:
    return max((width(word) for _blanks, word in _WORD.findall(text)), default=0)


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    parts = [wrapped(cell, room) for cell, room in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, parts))):
        line = [part[number] if number < len(part) else "" for part in parts]
        padded = [
            cell + " " * (room - width(cell)) for cell, room in zip(line, widths, strict=True)
        ]
        lines.append((" " * _GAP).join(padded).rstrip())
    return lines


def _blocks(
    headers: list[str], rows: list[list[str]], room: int, head: Callable[[str], str]
) -> list[str]:
    """The rows one below the other: first a row's name, then a line for each other column."""
    label = max(map(width, headers[1:]), default=0)
    lines = []
    for row in rows:
        lines.append(head(f"{headers[0]} {row[0]}".strip()))
        for header, cell in zip(headers[1:], row[1:], strict=True):
            if cell:
                found = wrapped(cell, room - label - 2 * _GAP)
                lines.append(f"  {header}{' ' * (label - width(header))}  {found[0]}".rstrip())
                lines += [" " * (label + 2 * _GAP) + more for more in found[1:]]
    return lines
