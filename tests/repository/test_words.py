"""What people read: complete in Spanish, and the pages tell the truth about the commands."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from build_catalogues import catalogues, collect
from localcloud.cli import VERBS, cli

ROOT = Path(__file__).resolve().parents[2]
FIELD = re.compile(r"\{(\w+)[^}]*\}|%(?:\((\w+)\))?[sdr]")


def messages():
    return [message for message in collect() if message.id]


def spanish():
    (path,) = catalogues(ROOT)
    with path.open("rb") as stream:
        return read_po(stream)


def test_every_message_has_a_spanish_translation():
    known = spanish()
    missing = []
    for message in messages():
        found = known.get(message.id)
        strings = (
            found.string
            if found and isinstance(found.string, tuple)
            else (found.string,)
            if found
            else ()
        )
        if not strings or not all(strings) or found.fuzzy:
            missing.append(message.id)
    assert missing == [], f"{len(missing)} without translation: make messages, then translate"


def test_translations_keep_their_fields():
    wrong = []
    for message in spanish():
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set().union(*(set(FIELD.findall(text)) for text in ids))
        for text in strings:
            if text and not set(FIELD.findall(text)) <= wanted:
                wrong.append((ids[0], text))
        if all(strings) and not wanted <= set().union(*(set(FIELD.findall(t)) for t in strings)):
            wrong.append((ids[0], strings))
    assert wrong == []


def commands(command: click.Command, name: str = "localcloud"):
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


@pytest.mark.parametrize(("name", "command"), list(commands(cli)), ids=lambda v: str(v)[:40])
def test_every_command_and_option_has_help(name, command):
    assert command.help, name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_verb_and_option_is_on_the_commands_page(language):
    page = (ROOT / "docs" / language / "commands.md").read_text()
    for name, command in commands(cli):
        if name == "localcloud":
            continue
        assert f"`{name}" in page, name
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name not in (
                "inventory",
                "verbose",
            ):
                assert any(option in page for option in parameter.opts), (name, parameter.opts)


def test_both_languages_have_the_same_pages():
    english = {path.name for path in (ROOT / "docs/en").glob("*.md")}
    assert english == {path.name for path in (ROOT / "docs/es").glob("*.md")}
    assert (ROOT / "README.es.md").is_file()


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=str
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_verbs_are_those_of_the_readme():
    for name in ("README.md", "README.es.md"):
        text = (ROOT / name).read_text()
        for verb in VERBS:
            assert f"localcloud {verb}" in text, (name, verb)


@pytest.mark.parametrize(
    ("language", "line"), [("en", "Show this list"), ("es", "Muestra esta lista")]
)
def test_make_help_speaks_both_languages(language, line):
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed here")
    shown = subprocess.run(
        [make, "help"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LANG": f"{language}_XX.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"  help         {line}\n" in shown
    assert "##" not in shown and all(len(each.split()) > 2 for each in shown.splitlines())
