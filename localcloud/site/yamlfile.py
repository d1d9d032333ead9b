"""Read YAML as Ansible does, but remember where each value stands and refuse duplicate keys."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from localcloud import foreign
from localcloud.i18n import _
from localcloud.site.complaints import Complaint

Keys = tuple[Any, ...]
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class VaultText(str):
    """A value tagged ``!vault``: the cipher text, opened only when the value is needed."""


class UnsafeText(str):
    """A value tagged ``!unsafe``: braces in it are text, never a template."""


class Unreadable(Exception):
    """A file that is no YAML, carrying the complaint to show."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


@dataclass(frozen=True)
class Document:
    """One file's data; ``positions`` maps the keys leading to a value to its line (from 1).

    ``sealed``: the file is a vault, and no message may show what is in it.
    """

    path: Path
    data: Any
    positions: dict[Keys, int] = field(default_factory=dict)
    sealed: bool = False

    def line(self, *keys: Any) -> int:
        """The line of a value, or of the nearest thing around it that is known."""
        for length in range(len(keys), -1, -1):
            if keys[:length] in self.positions:
                return self.positions[keys[:length]]
        return 0


class _Loader(_Base):
    """The safe loader with Ansible's own tags."""


def _unsafe(loader: Any, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return UnsafeText(loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return _freeze(loader.construct_sequence(node, deep=True))
    return _freeze(loader.construct_mapping(node, deep=True))


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _freeze(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_freeze(item) for item in value]
    return UnsafeText(value) if isinstance(value, str) else value


def _vault(loader: Any, node: yaml.Node) -> VaultText:
    return VaultText(loader.construct_scalar(node))


_Loader.add_constructor("!unsafe", _unsafe)
_Loader.add_constructor("!vault", _vault)
_Loader.add_constructor("!vault-encrypted", _vault)


def parse(path: Path, content: bytes) -> Document:
    """Parse a file's bytes; raises :class:`Unreadable` with file, line, column and the line."""
    try:
        loader = _Loader(content)
        node = loader.get_single_node()
        if node is None:
            return Document(path, None)
        positions = _positions(path, node, content, loader)
        return Document(path, loader.construct_document(node), positions)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax(path, content, error)) from error
    except (yaml.YAMLError, ValueError) as error:
        # A ReaderError (bytes that are no text), or a scalar like 2024-99-99 that is no date.
        position = getattr(error, "position", 0)
        line = content[:position].count(b"\n") + 1 if position else 0
        message = _("This file holds characters or values that YAML does not allow: {error}.")
        complaint = Complaint(
            message.format(error=str(error).splitlines()[0].rstrip(".")),
            _("Save it as UTF-8 text, and put unusual values in quotes."),
            path,
            line,
        )
        raise Unreadable(complaint) from error


def _positions(path: Path, root: yaml.Node, content: bytes, loader: Any) -> dict[Keys, int]:
    """Walk the nodes once (aliases are not followed twice) and refuse duplicate keys."""
    positions: dict[Keys, int] = {}
    visited: set[int] = set()
    waiting: list[tuple[Keys, yaml.Node]] = [((), root)]
    while waiting:
        keys, node = waiting.pop()
        positions.setdefault(keys, node.start_mark.line + 1)
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen: dict[Any, yaml.Node] = {}
            for key_node, value_node in node.value:
                key = _key(key_node, loader)
                if key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                    raise Unreadable(_duplicate(path, content, key, seen[key], key_node))
                seen[key] = key_node
                # A key's own line is where a person looks; a block value starts one below.
                positions[(*keys, key)] = key_node.start_mark.line + 1
                waiting.append(((*keys, key), value_node))
        elif isinstance(node, yaml.SequenceNode):
            waiting += [((*keys, index), item) for index, item in enumerate(node.value)]
    return positions


def _key(node: yaml.Node, loader: Any) -> Any:
    """The key as it will stand in the data; a key that is no scalar only stands for itself."""
    if not isinstance(node, yaml.ScalarNode):
        return id(node)
    if node.tag == "tag:yaml.org,2002:merge":
        return node.value
    return loader.construct_object(node)


def _line_of(content: bytes, line: int) -> str:
    lines = content.decode("utf-8", errors="replace").splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _duplicate(
    path: Path, content: bytes, key: Any, first: yaml.Node, second: yaml.Node
) -> Complaint:
    mark = second.start_mark
    return Complaint(
        _("“{key}” stands twice: here and in line {line}.").format(
            key=key, line=first.start_mark.line + 1
        ),
        _("Keep one of the two; the other would be lost without a word."),
        path,
        mark.line + 1,
        mark.column + 1,
        _line_of(content, mark.line + 1),
    )


def _syntax(path: Path, content: bytes, error: yaml.MarkedYAMLError) -> Complaint:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    text = _line_of(content, line)
    if not text.strip():  # the parser often notices only after the line that is to blame
        context = error.context_mark.line + 1 if error.context_mark else 0
        text = _line_of(content, context) or text
    return Complaint(
        _("This is not valid YAML: {problem}.").format(problem=_plain(error)),
        _remedy(text, error),
        path,
        line,
        column,
        _quote(text, column if text == _line_of(content, line) else 0),
    )


def _plain(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return foreign.in_words(", ".join(parts).rstrip("."))


def _quote(text: str, column: int) -> str:
    """The offending line with tabs made visible and a caret below the place."""
    if not text:
        return ""
    shown = text.replace("\t", "⇥")
    return f"{shown}\n{' ' * (column - 1)}^" if column else shown


def _remedy(text: str, error: yaml.MarkedYAMLError) -> str:
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return _("YAML wants spaces: replace each tab (⇥) at the start of the line by spaces.")
    if "could not determine a constructor for the tag" in str(error.problem):
        return _("Of Ansible's tags only !vault and !unsafe are understood; quote a leading “!”.")
    problem = str(error.problem)
    if "{{" in text and ("unhashable" in problem or "expected" in problem or "did not" in problem):
        return _('Put a value that begins with braces in quotes: name: "{{ other }}".')
    if "mapping values are not allowed" in problem:
        return _("A value that holds “: ” needs quotes, and keys of one level the same indent.")
    return _("Look at the indent, quotes and brackets of this line and the one above it.")
