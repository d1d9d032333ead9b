"""`localcloud logs`: the last run, a named one, all of them."""

import json

import click.testing
import pytest

from localcloud import records
from localcloud.cli import logs
from localcloud.errors import UsageError
from localcloud.redaction import Redactor
from tests.unit.run_cases import event


@pytest.fixture
def site(tmp_path):
    (tmp_path / "hosts.yml").write_text("all:\n")
    return tmp_path


@pytest.fixture
def recorded(site):
    def make(verb="install", status="done", dry_run=False, **more):
        hosts = more.pop("hosts", ["node1"])
        facts = {"verb": verb, "hosts": hosts, "dry_run": dry_run}
        record = records.Record.start(site / ".localcloud", "id", Redactor([]), **facts)
        record.write(event(task=f"jupyterhub : Ensure {verb} works"))
        for task in ("Write its files", "Start it"):
            record.write(event(task=f"jupyterhub : {task}", status="changed"))
        if status:
            record.finish(status, counts={"node1": {"changed": 7}}, **more)
        return record.directory.name

    return make


def call(site, *arguments):
    found = click.testing.CliRunner().invoke(
        logs.command, ["-i", str(site), *arguments], standalone_mode=False
    )
    if found.exception and not isinstance(found.exception, UsageError):
        raise found.exception
    return found


def test_the_last_run_in_short(site, recorded):
    recorded("install")
    name = recorded("reset", "failed")
    output = call(site, name).output
    assert f"{name}: failed" in output
    assert "2 steps changed something:\n  Write its files\n  Start it\n" in output
    assert "Ensure reset works" not in output, "a step that changed nothing"
    assert f"Record:   {site / '.localcloud' / 'runs' / name}" in output
    assert f"All of it: localcloud logs {name} --full -i {site}" in output


def test_the_last_run_in_full(site, recorded):
    recorded("install")
    name = recorded("reset", "failed")
    output = call(site, name, "--full").output
    assert output.startswith(f"{name}: failed\n")
    assert "Ensure reset works" in output and "Ensure install works" not in output
    assert "  hosts: node1\n" in output, "no notation of a programming language"


def test_a_person_gets_the_whole_log_page_by_page(site, recorded, monkeypatch):
    shown = []
    monkeypatch.setattr("localcloud.ui.is_terminal", lambda: True)
    monkeypatch.setattr("click.echo_via_pager", shown.append)
    recorded()
    assert call(site, "--full").output == ""
    assert "Ensure install works" in shown[0]


def test_of_several_hosts_each_phase_names_the_slowest(site, recorded):
    recorded(hosts=["node1", "node2"], slowest={"jupyterhub/install": ("node2", 4.5)})
    (phase,) = [line for line in call(site).output.splitlines() if "Installing JupyterHub" in line]
    assert phase.endswith("node2 4.5 s")


def test_the_end_says_in_the_readers_language_how_it_went(site, recorded):
    failure = {
        "host": "node1",
        "task": "Write its files",
        "phase": ["jupyterhub", "install"],
        "message": "The disk of host node1 is full (/).",
        "remedy": "Free some space.",
        "details": "No space left on device",
    }
    recorded(status="failed", failures=[failure])
    lines = call(site).output.splitlines()
    (phase,) = [line for line in lines if line.startswith("  Installing JupyterHub ")]
    assert phase.endswith(" s")
    at = lines.index("✗ The disk of host node1 is full (/).")
    assert lines[at + 1 : at + 5] == [
        "  Host: node1",
        "  Step: Installing JupyterHub, “Write its files”",
        "    No space left on device",
        "  What to do: Free some space.",
    ]


def test_a_failed_journey_is_told(site, recorded):
    step = {"name": "login", "label": "Log in on the form", "user": "lcj-1", "seconds": 1.0}
    step |= {"ok": False, "message": "The hub refused the login.", "remedy": "Look."}
    recorded(
        journeys=[{"ok": False, "url": "http://h/", "users": 1, "seconds": 3, "steps": [step]}]
    )
    output = call(site).output
    assert "Log in on the form: The hub refused the login." in output
    assert "Walking through the hub as a student" in output


def test_an_interrupted_run_says_how_to_go_on(site, recorded):
    name = recorded(status="interrupted")
    output = call(site).output
    assert f"{name}: interrupted" in output and "Run the same command again" in output


def test_the_list_has_result_time_and_changes(site, recorded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    first = recorded()
    second = recorded("reset", "failed")
    third = recorded(status=None)
    fourth = recorded(journeys=[{"ok": False}])
    lines = {line.split()[0]: line for line in call(site, "--list").output.splitlines()}
    assert " done " in lines[first] and " 7 " in lines[first] and "node1" in lines[first]
    assert " failed " in lines[second]
    assert " running " in lines[third], "this process is still alive"
    assert "done, journey failed" in lines[fourth]


def test_a_dry_run_is_told_apart(site, recorded):
    name, failed = recorded(dry_run=True), recorded(status="failed", dry_run=True)
    lines = {line.split()[0]: line for line in call(site, "--list").output.splitlines()}
    assert " dry run " in lines[name] and "done" not in lines[name]
    assert " dry run, failed " in lines[failed]
    output = call(site, name).output
    assert f"{name}: dry run\n" in output and "2 steps would change something:" in output


def test_a_list_of_good_runs_has_one_line_each_in_80_columns(site, recorded, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for _number in range(3):
        recorded()
    head, *lines = call(site, "--list").output.splitlines()
    assert len(lines) == 3 and max(map(len, [head, *lines])) <= 80
    assert all(line.endswith("node1") for line in lines)


def test_events_and_json_are_for_programs(site, recorded):
    name = recorded()
    one, *_more = [json.loads(line) for line in call(site, name, "--events").output.splitlines()]
    assert (
        one["task"] == "jupyterhub : Ensure install works" and one["phase"] == "jupyterhub/install"
    )
    said = json.loads(call(site, "--json").output)
    assert (said["name"], said["status"]) == (name, "done")
    assert [run["name"] for run in json.loads(call(site, "--list", "--json").output)] == [name]


def test_no_site_no_runs_no_such_run(site, recorded, tmp_path):
    assert "no runs yet" in call(site).exception.message
    recorded()
    assert "no run 1999" in call(site, "1999").exception.message
    assert "--list" in call(site, "1999").exception.remedy
    assert "not a site" in call(tmp_path / "elsewhere").exception.message
