"""Commands a person is told to run can be copied as they stand, wherever the site is."""

import click.testing
import pytest

from localcloud import hints, records, ui
from localcloud.cli import logs
from localcloud.errors import LocalcloudError, UsageError
from localcloud.problems import explain
from localcloud.redaction import Redactor


@pytest.fixture
def away(tmp_path, monkeypatch):
    """A site that is not the current directory."""
    site = tmp_path / "my site"
    site.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOCALCLOUD_INVENTORY", raising=False)
    hints.use_site(site.relative_to(tmp_path))
    return site


def test_the_site_is_named_as_it_was_typed(away):
    assert hints.command("logs 20") == "localcloud logs 20 -i 'my site'"
    problem = explain("reset_left", {"host": "node1", "left": "/srv"})
    assert "run `localcloud reset -i 'my site'` again" in problem.remedy
    problem = explain("component_left", {"host": "node1", "component": "k3s"})
    assert "`localcloud reset --limit node1 -i 'my site'`" in problem.remedy


def test_nothing_is_added_where_the_site_is_found_anyway(away, monkeypatch):
    monkeypatch.setenv("LOCALCLOUD_INVENTORY", str(away))
    assert hints.command("logs 20") == "localcloud logs 20"
    monkeypatch.delenv("LOCALCLOUD_INVENTORY")
    monkeypatch.chdir(away)
    hints.use_site(away)
    assert hints.command("logs 20") == "localcloud logs 20"
    hints.use_site(None)
    assert hints.complete("`localcloud check`") == "`localcloud check`"


def test_init_and_what_names_a_site_already_stay(away):
    for text in ("`localcloud init DIR`", "`localcloud check -i other`", "localcloud check"):
        assert hints.complete(text) == text


def test_every_error_is_shown_so(away, capsys):
    ui.error(LocalcloudError("No.", "Run `localcloud check`."))
    assert "`localcloud check -i 'my site'`" in capsys.readouterr().err


def test_the_option_after_the_verb_counts(tmp_path, capsys):
    (tmp_path / "hosts.yml").write_text("all:\n")
    records.Record.start(tmp_path / ".localcloud", "id", Redactor([]), verb="reset", hosts=[])
    arguments = ["-i", str(tmp_path), "1999"]
    found = click.testing.CliRunner().invoke(logs.command, arguments, standalone_mode=False)
    assert isinstance(found.exception, UsageError)
    ui.error(found.exception)
    said = " ".join(capsys.readouterr().err.split())
    assert f"`localcloud logs --list -i {tmp_path}`" in said


def test_what_is_not_on_path_is_named_by_its_place(away, monkeypatch, tmp_path, capsys):
    """As after `make demo`: the command lies in .venv/bin."""
    program = tmp_path / ".venv" / "bin" / "localcloud"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("sys.argv", [str(program), "install"])
    assert hints.command("logs 20") == ".venv/bin/localcloud logs 20 -i 'my site'"
    ui.error(LocalcloudError("No.", "Run `localcloud check`, or “localcloud lab up” for me."))
    said = " ".join(capsys.readouterr().err.split())
    assert "`.venv/bin/localcloud check -i 'my site'`" in said
    assert "“.venv/bin/localcloud lab up” for me." in said
    assert hints.complete(hints.command("logs 20")).count(".venv") == 1, "completed once"

    monkeypatch.setenv("PATH", f"/usr/bin:/bin:{program.parent}")
    assert hints.command("logs 20") == "localcloud logs 20 -i 'my site'"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(away)
    assert hints.program() == str(program), "elsewhere, by its whole path"
