"""The message catalogues: compiled when the wheel is built, so that no binary stands in git.

``python build_catalogues.py`` compiles them; ``python build_catalogues.py --update`` first collects
what people read from the code, from the roles' descriptions of settings, and from click.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by `make` in an environment without the build backend
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
KEYWORDS = {"_": 1, "N_": 1, "gettext": 1, "ngettext": 2}  # how many arguments are messages
# Nothing in the catalogue changes unless a message does.
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def catalogues(root: Path) -> list[Path]:
    return sorted((root / "localcloud" / "locale").glob("*/LC_MESSAGES/*.po"))


def compile_catalogues(root: Path) -> list[Path]:
    """Write a ``.mo`` beside each ``.po`` under ``localcloud/locale`` and return their paths."""
    written = []
    for source in catalogues(root):
        target = source.with_suffix(".mo")
        # Tests run beside each other, and may read the one that is there.
        fresh = target.with_suffix(f".{os.getpid()}.mo")
        with source.open("rb") as po, fresh.open("wb") as mo:
            write_mo(mo, read_po(po))
        fresh.replace(target)
        written.append(target)
    return written


def from_code(root: Path) -> Iterator[tuple[str, str | tuple[str, str]]]:
    """Messages in our own modules, and in click's: its words are part of our help pages."""
    import click

    for folder, label in (
        (root / "localcloud", "localcloud"),
        (Path(click.__file__).parent, "click"),
    ):
        for path in sorted(folder.rglob("*.py")):
            for message in in_module(path.read_text()):
                yield f"{label}/{path.relative_to(folder)}", message


def in_module(code: str) -> Iterator[str | tuple[str, str]]:
    """Messages of one module. Its syntax tree shows also those inside f-strings."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))  # _() or i18n._()
        texts = [
            argument.value
            for argument in node.args[: KEYWORDS.get(called, 0)]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if texts and all(texts) and len(texts) == KEYWORDS[called]:
            yield texts[0] if len(texts) == 1 else (texts[0], texts[1])


def from_roles(root: Path) -> Iterator[tuple[str, str]]:
    """Descriptions of settings, which `localcloud init` writes beside each of them."""
    import yaml

    def walk(options: dict) -> Iterator[str]:
        for option in options.values():
            text = option["description"]
            yield ("\n".join(map(str, text)) if isinstance(text, list) else text).strip()
            yield from walk(option.get("options") or {})

    for path in sorted((root / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text())["argument_specs"]["main"]
        for description in walk(specs.get("options") or {}):
            yield str(path.relative_to(root)), description


def collect(root: Path = ROOT) -> Catalog:
    """Everything a person can read, as a template (file names without lines: small diffs)."""
    template = Catalog(project="localcloud", charset="utf-8", fuzzy=False, creation_date=DAY)
    for place, message in [*from_code(root), *from_roles(root)]:
        template.add(message, locations=[(place, 0)])
    return template


def read(path: Path) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream)


def write(path: Path, catalogue: Catalog) -> None:
    """One form for every writer: sorted by message, and nothing that changes by itself."""
    catalogue.project = catalogue.last_translator = "localcloud"
    catalogue.version = catalogue.msgid_bugs_address = "-"
    catalogue.creation_date = catalogue.revision_date = DAY
    with path.open("wb") as stream:
        write_po(stream, catalogue, width=100, sort_output=True, include_lineno=False)


def untranslated(messages: Iterable[Message]) -> list[Message]:
    """Those without a translation, or with one of their plural forms missing."""
    return [
        one
        for one in messages
        if one.id and not (one.string if isinstance(one.string, str) else all(one.string or ()))
    ]


def update(root: Path = ROOT) -> None:
    """Bring new messages into each catalogue; translations that fit no message any more go."""
    template = collect(root)
    for path in catalogues(root):
        catalogue = read(path)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        write(path, catalogue)
        if missing := untranslated(catalogue):
            print(f"{path.relative_to(root)}: {len(missing)} without translation")


class CatalogueHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    PLUGIN_NAME = "catalogues"

    def initialize(self, version: str, build_data: dict) -> None:
        compile_catalogues(Path(self.root))


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    compile_catalogues(ROOT)
