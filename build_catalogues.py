"""The message catalogues: compiled when the wheel is built, so that no binary stands in git.

``python build_catalogues.py`` compiles them; ``python build_catalogues.py --update`` first collects what
people read from the code, from the roles' descriptions of settings, and from click.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by `make` in an environment without the build backend
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "gettext": None}


def catalogues(root: Path) -> list[Path]:
    return sorted((root / "localcloud" / "locale").glob("*/LC_MESSAGES/*.po"))


def compile_catalogues(root: Path) -> list[Path]:
    """Write a ``.mo`` beside each ``.po`` under ``localcloud/locale`` and return their paths."""
    written = []
    for source in catalogues(root):
        target = source.with_suffix(".mo")
        with source.open("rb") as po, target.open("wb") as mo:
            write_mo(mo, read_po(po))
        written.append(target)
    return written


def from_code(root: Path) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Messages in our own modules, and in click's: its words are part of our help pages."""
    import click

    for folder, label in ((root / "localcloud", "localcloud"), (Path(click.__file__).parent, "click")):
        for name, _line, message, _comments, _context in extract_from_dir(folder, keywords=KEYWORDS):
            yield f"{label}/{name}", message


def from_roles(root: Path) -> Iterator[tuple[str, str]]:
    """Descriptions of settings, which `localcloud init` writes beside each of them."""
    import yaml

    def walk(options: dict) -> Iterator[str]:
        for option in options.values():
            yield option["description"]
            yield from walk(option.get("options") or {})

    for path in sorted((root / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text())["argument_specs"]["main"]
        for description in walk(specs.get("options") or {}):
            yield str(path.relative_to(root)), description


def collect(root: Path = ROOT) -> Catalog:
    """Everything a person can read, as a template catalogue (file names without lines: small diffs)."""
    template = Catalog(project="localcloud", charset="utf-8", fuzzy=False)
    for place, message in [*from_code(root), *from_roles(root)]:
        key = message[:2] if isinstance(message, tuple) else message
        template.add(key, locations=[(place, 0)])
    return template


def update(root: Path = ROOT) -> None:
    """Bring new messages into each catalogue; translations that fit no message any more go."""
    template = collect(root)
    for path in catalogues(root):
        with path.open("rb") as stream:
            catalogue = read_po(stream)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with path.open("wb") as stream:
            write_po(stream, catalogue, width=100, sort_output=True, include_lineno=False)


class CatalogueHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    PLUGIN_NAME = "catalogues"

    def initialize(self, version: str, build_data: dict) -> None:
        compile_catalogues(Path(self.root))


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
    compile_catalogues(ROOT)
