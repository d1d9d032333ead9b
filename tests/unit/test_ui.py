"""What a person sees on a terminal."""

import re

import click
import pytest

from localcloud import columns, durations, i18n, ui
from localcloud.cli import lab
from localcloud.errors import LocalcloudError


def test_colours_do_not_move_the_columns(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    rows = [
        ["uno", ui.style("listo", "good"), "Debian 12, 2 núcleos, " * 3],
        ["dos", ui.style("inalcanzable", "bad"), "El servidor no respondió."],
    ]
    ui.table(["Servidor", "", "Hallazgo"], rows)
    printed = capsys.readouterr().out
    assert "\x1b[32mlisto\x1b[0m" in printed
    lines = re.sub(r"\x1b\[\d+m", "", printed).splitlines()
    column = len("Servidor") + 2 + len("inalcanzable") + 2
    assert [line[:column].strip() for line in lines[2:-1]] == [""] * (len(lines) - 3)
    assert lines[0].index("Hallazgo") == lines[1].index("Debian") == column
    assert lines[-1].index("El servidor") == column
    assert max(map(len, lines)) <= 60


RUNS = ["20261122T135329Z-install", "2026-11-22 13:53", "done, journey failed", "1 min 05 s", "18"]


def test_columns_give_way_to_fit_and_break_between_words(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    ui.table(["Run", "Begun", "Result", "Took", "Changed", "Hosts"], [[*RUNS, "node1, node2"]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith(RUNS[0]), "a name is never cut"
    words = " ".join(lines[1:]).split()
    assert sorted(words) == sorted(" ".join([*RUNS, "node1, node2"]).split())


def test_a_row_that_fits_in_no_way_becomes_a_block(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    address = "https://hub.physics.example.edu:24432/"
    ui.table(["Host", "SSH", "Address"], [["node1", "127.0.0.1:22001", address], ["b", "", "x y"]])
    assert capsys.readouterr().out.splitlines() == [
        "Host node1",
        "  SSH      127.0.0.1:22001",
        f"  Address  {address}",
        "Host b",
        "  Address  x y",
    ]


def test_a_colour_goes_on_in_the_next_line_and_nowhere_else():
    red, plain = "\x1b[31m", "\x1b[0m"
    assert columns.wrapped(f"{red}one two{plain} three", 5) == [
        f"{red}one{plain}",
        f"{red}two{plain}",
        "three",
    ]
    assert columns.wrapped("ab  cd", 6) == ["ab  cd"] and columns.wrapped("", 6) == [""]


@pytest.mark.parametrize("columns_", ["40", "80"])
def test_a_question_is_wrapped_before_it_is_asked(monkeypatch, columns_):
    monkeypatch.setenv("COLUMNS", columns_)
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or " yes ")
    words = "Name that people will type into their browser (without https://) [hub.example.edu]:"
    assert ui.ask(words) == "yes"
    assert " ".join(asked[0].split()) == words and asked[0].endswith(" ")
    assert max(map(len, asked[0].splitlines())) <= int(columns_)


@pytest.mark.parametrize(
    ("language", "answers", "agreed"),
    [
        ("en", ["maybe", "Yes"], True),
        ("en", ["n"], False),
        ("en", [""], False),
        ("es", ["tal vez", "sí"], True),
        ("es", ["si"], True),
        ("es", ["s"], True),
        ("es", ["yo no", "no"], False),
    ],
)
def test_only_yes_and_no_are_answers(monkeypatch, capsys, language, answers, agreed):
    i18n.activate(language)
    left = list(answers)
    monkeypatch.setattr(ui, "is_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _prompt: left.pop(0))
    assert ui.confirm("Remove all of it?") is agreed
    assert not left
    asked_again = "Please answer yes or no." if language == "en" else "Responda sí o no."
    assert (asked_again in capsys.readouterr().err) is (len(answers) > 1)


def test_a_long_message_hangs_below_its_sign_on_a_terminal_and_stays_whole_in_a_pipe(
    monkeypatch, capsys
):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    words = "Dry run: 19 steps would change something (11 s). Nothing was changed."
    ui.ok(words)
    assert capsys.readouterr().out == f"✓ {words}\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ui.ok(words)
    first, *more = capsys.readouterr().out.splitlines()
    assert first.startswith("✓ Dry run") and all(line.startswith("  ") for line in more)
    assert max(map(len, [first, *more])) <= 40


def test_a_command_is_never_broken(monkeypatch, capsys):
    """It could not be copied; it has a line of its own where it does not fit."""
    command = "`ssh-copy-id -i /home/ana/.ssh/id -p 22 root@192.0.2.10`"
    words = f"Bring your key to the host: {command}, then “localcloud check -i my-site” again."
    lines = columns.wrapped(words, 60)
    assert lines == [
        "Bring your key to the host:",
        f"{command},",
        "then “localcloud check -i my-site” again.",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    ui.table(["Host", "", "Finding"], [["node1", "blocking", words]])
    assert command in capsys.readouterr().out


def test_a_long_path_gets_a_line_of_its_own(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    path = "/home/ana/localcloud/demo/.localcloud/runs/20261122T1-install"
    assert ui.apart(f"  Record:   {path}", path) == f"  Record:   {path}", "in a pipe"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert ui.apart(f"  Record:   {path}", path) == f"  Record:\n    {path}"
    assert ui.apart("  Record:   /short", "/short") == "  Record:   /short"


def test_a_list_of_problems_is_wrapped_for_a_person(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    details = "settings.yml:3: " + "hub_domain does not fit and that is said at length " * 3
    ui.error(LocalcloudError("The site has problems.", details=details))
    assert details.strip() in capsys.readouterr().err, "whole lines for a pipe"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    ui.error(LocalcloudError("The site has problems.", details=details))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 3 and max(map(len, lines)) <= 60
    assert all(line.startswith("    ") for line in lines[1:])


@pytest.mark.parametrize(("language", "said"), [("en", "9.1 s"), ("es", "9,1 s")])
def test_decimals_are_written_as_people_write_them(language, said):
    i18n.activate(language)
    assert durations.exact(9.12) == said


def test_the_help_of_lab_is_not_cut(monkeypatch):
    context = click.Context(lab.command, info_name="lab", max_content_width=80)
    text = " ".join(lab.command.get_help(context).split())
    assert "..." not in text.replace("]...", "]")
    assert "or run a command there: lab ssh node1 -- uptime" in text
