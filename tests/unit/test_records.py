"""Records: written as the run goes, readable after a kill, the last fifty kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import records
from localcloud.errors import UsageError
from localcloud.phases import Phase
from localcloud.redaction import Redactor
from tests.unit.run_cases import event

CONFIGURE = Phase("jupyterhub", "configure")


@pytest.fixture
def begin(tmp_path):
    def start(verb="install", secrets=(), **facts):
        facts.setdefault("hosts", ["node1"])
        return records.Record.start(
            tmp_path / ".localcloud", "id-1", Redactor(secrets), verb=verb, **facts
        )

    return start


@pytest.fixture
def run_dir(tmp_path):
    return tmp_path / ".localcloud"


def test_phases_get_the_time_until_the_next_one(begin):
    record = begin()
    record.write(event(time=100.0))
    record.write(event(time=112.0, phase=CONFIGURE))
    record.write(event(time=113.0))  # back, as with a second play
    record.finish("done")
    (install, seconds), (configure, few) = record.phases()
    assert (install, configure, few) == ("jupyterhub/install", "jupyterhub/configure", 1.0)
    assert seconds >= 12.0


def test_a_record_of_a_killed_run_reads_as_interrupted(begin, run_dir):
    code = f"""
import os, signal
from pathlib import Path
from localcloud import records
from localcloud.redaction import Redactor
from tests.unit.run_cases import event
record = records.Record.start(Path({str(run_dir)!r}), "id", Redactor([]), verb="install", hosts=[])
record.write(event(task="Ensure half of it is there"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], cwd=Path.cwd(), check=False)
    past = records.find(run_dir)
    assert json.loads((past.directory / "run.json").read_text())["status"] == "running"
    assert past.status == "interrupted"
    assert "Ensure half of it is there" in past.log()
    assert [one["task"] for one in past.events()] == ["Ensure half of it is there"]


def test_a_run_under_way_reads_as_running(begin, run_dir):
    begin()
    assert records.find(run_dir).status == "running"


def test_a_cut_last_line_and_a_broken_run_json_do_not_hide_the_rest(begin, run_dir):
    record = begin()
    record.write(event())
    with (record.directory / "events.jsonl").open("a") as file:
        file.write('{"kind": "resu')
    (record.directory / "run.json").write_text('{"verb"')
    past = records.find(run_dir)
    assert (past.status, past.data["verb"]) == ("interrupted", "install")
    assert len(list(past.events())) == 1


def test_a_failed_task_is_there_in_full(begin):
    record = begin(secrets=["s3cr3t-token"])
    failed = {
        "msg": "non-zero return code",
        "stdout": "line 1\nline 2",
        "stdout_lines": ["line 1", "line 2"],
        "invocation": {"module_args": {"cmd": "hub --check", "chdir": None}},
    }
    record.write(event(status="failed", result=failed, seconds=3.14))
    record.note("and s3cr3t-token")
    record.finish("failed")
    log = (record.directory / "output.log").read_text()
    assert "node1  FAILED    Ensure it works  (3.1 s)" in log
    assert "stdout:" in log and "line 2" in log and "hub --check" in log
    assert log.count("line 1") == 1 and "chdir" not in log
    assert "s3cr3t-token" not in log
    assert "failed after" in log


def test_what_a_dry_run_would_write_is_a_readable_difference(begin):
    diff = {"before": "a\nb\n", "after": "a\nc\n", "before_header": "/etc/x", "after_header": ""}
    record = begin()
    record.write(event(status="changed", result={"diff": [diff]}))
    log = (record.directory / "output.log").read_text()
    assert "--- /etc/x" in log and "-b" in log and "+c" in log and "-a" not in log


def test_the_last_fifty_are_kept(begin, run_dir):
    for _number in range(records.KEPT + 3):
        begin()
    names = [path.name for path in records.directories(run_dir)]
    assert len(names) == records.KEPT
    assert len(set(names)) == records.KEPT
    assert names[-1] == records.find(run_dir).name


def test_runs_of_the_same_second_keep_their_order(run_dir):
    for name in ("20260101T000000Z-install", "20260101T000000Z-install-2"):
        (run_dir / "runs" / name).mkdir(parents=True)
    (run_dir / "runs" / "20260101T000000Z-install-10").mkdir()
    (run_dir / "runs" / "notes").mkdir()
    names = [past.name for past in records.all_of(run_dir)]
    assert [name[-3:] for name in names] == ["all", "l-2", "-10"]


def test_a_run_is_found_by_the_beginning_of_its_name(begin, run_dir):
    install, reset = begin(), begin("reset")
    assert records.find(run_dir, install.directory.name).directory == install.directory
    assert records.find(run_dir).directory in (install.directory, reset.directory)
    with pytest.raises(UsageError, match="no run 1999"):
        records.find(run_dir, "1999")
    with pytest.raises(UsageError, match="Several"):
        records.find(run_dir, "20")


def test_a_site_without_runs_says_so(run_dir):
    with pytest.raises(UsageError, match="no runs yet"):
        records.find(run_dir)


def test_what_comes_after_the_run_is_added(begin, run_dir):
    record = begin()
    record.finish("done", counts={"node1": {"changed": 2}, "node2": {"changed": 1}})
    records.amend(record.directory, Redactor(["hidden-word"]), journeys=[{"ok": "hidden-word"}])
    past = records.find(run_dir)
    assert (past.status, past.changed) == ("done", 3)
    assert past.data["journeys"] == [{"ok": "«redacted»"}]
