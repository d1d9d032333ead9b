"""Leftover processes: found by their mark, ended with their children, others left alone."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from localcloud import leftovers, workplace
from localcloud.ansible_env import CONTROLLER_MARK, SITE_MARK
from localcloud.ssh import Completed
from tests.unit.run_cases import unique


@pytest.fixture
def spawn():
    started = []

    def start(environment, script="sleep 300"):
        process = subprocess.Popen(
            ["sh", "-c", script], env={"PATH": os.environ["PATH"], **environment}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def gone(process, seconds=5):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.poll() is not None


def end(**arguments):
    """Run the hosts' script on this computer, under a mark of this test's own."""
    script = leftovers.ending_script(**arguments)
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_hosts_script_ends_one_run_and_no_other(spawn):
    mark = f"MARK_{unique().replace('-', '_')}"
    ours, other = spawn({mark: "run-1"}), spawn({mark: "run-12"})
    unmarked = spawn({})
    said = end(only="run-1", mark=mark)
    assert gone(ours) and other.poll() is None and unmarked.poll() is None
    assert f"{ours.pid} " in said and "sleep 300" in said


def test_children_go_with_their_parents_even_without_the_mark(spawn, tmp_path):
    mark = f"MARK_{unique().replace('-', '_')}"
    note = tmp_path / "pid"
    parent = spawn({mark: "run-1"}, f"env -i sleep 300 & echo $! > {note}; wait")
    while not note.exists() or not note.read_text().strip():
        time.sleep(0.02)
    child = Path("/proc") / note.read_text().strip()
    assert child.exists()
    end(only="run-1", mark=mark)
    assert gone(parent)
    assert not child.exists()


def test_who_does_not_listen_is_forced(spawn):
    mark = f"MARK_{unique().replace('-', '_')}"
    stubborn = spawn({mark: "run-1"}, "trap '' TERM; while :; do sleep 0.1; done")
    time.sleep(0.2)
    end(only="run-1", mark=mark)
    assert gone(stubborn)


def test_with_the_lock_in_hand_every_run_but_ours_ends(spawn):
    mark = f"MARK_{unique().replace('-', '_')}"
    old, ours = spawn({mark: "run-1"}), spawn({mark: "run-2"})
    local = spawn({mark: "run-3", CONTROLLER_MARK: "run-3"})  # a controller that works here
    end(keep="run-2", mark=mark)
    assert gone(old) and ours.poll() is None and local.poll() is None
    assert end(keep="run-2", mark=mark) == ""


def test_a_host_that_does_not_answer_is_reported_and_hides_no_other():
    from localcloud.ssh import Unreachable

    class Connected:
        def __init__(self, answer):
            self.answer = answer

        def run(self, command, stdin, timeout, sudo):
            assert command == "sh -s" and sudo and b"LOCALCLOUD_RUN" in stdin
            if isinstance(self.answer, Exception):
                raise self.answer
            return Completed(0, self.answer, "")

    lost = Unreachable("unreachable_lost", "b")
    found = leftovers.end_on_hosts({"a": Connected("7 sleep"), "b": Connected(lost)}, only="x")
    assert found == {"a": ["7 sleep"], "b": lost}


def test_local_processes_of_a_run_and_orphans_of_a_site(spawn, tmp_path):
    run, site = unique(), str(tmp_path)
    ours = spawn({CONTROLLER_MARK: run, SITE_MARK: site})
    assert ours.pid in leftovers.local_processes(run)
    assert leftovers.orphans(tmp_path, [], run) == set()
    assert ours.pid in leftovers.orphans(tmp_path, [], "another")
    assert leftovers.orphans(tmp_path / "other", [], "another") == set()
    assert leftovers.end_here(lambda: leftovers.local_processes(run)) == set()
    assert gone(ours)


def test_an_ssh_master_is_known_by_its_socket(spawn, tmp_path):
    """It overwrites its environment with a title; this stand-in only has the title."""
    control = tmp_path / "localcloud-x"
    title = f"ssh: {control}/abc [mux]"
    master = subprocess.Popen(["bash", "-c", f"exec -a '{title}' sleep 300"], env={})
    try:
        time.sleep(0.2)
        assert leftovers.local_processes("none", control) == {master.pid}
        assert leftovers.orphans(tmp_path / "s", [control], "none") == {master.pid}
    finally:
        master.kill()
        master.wait()


def test_private_folders_go_at_the_end_and_after_a_kill(tmp_path):
    with workplace.make(tmp_path, workplace.scratch_name()) as place:
        (place.private / "secret").write_text("x")
        assert oct(place.private.stat().st_mode)[-3:] == "700"
        assert oct(place.control.stat().st_mode)[-3:] == "700"
        assert oct(place.scratch.stat().st_mode)[-3:] == "700"
        # ssh adds a slash, 40 signs and a suffix of 17; a socket's path holds 107
        assert len(str(place.control)) + 58 <= 107
        assert workplace.left_controls(tmp_path) == [place.control]
        workplace.sweep(tmp_path)
        for folder in (place.private, place.control, place.scratch):
            assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_another_command_leaves_its_folder_to_the_next_run(tmp_path):
    """The journey's copy of the hub's authority, if the journey is killed."""
    folder = workplace.temporary(tmp_path / "run")
    assert folder.parent == tmp_path / "run" and oct(folder.stat().st_mode)[-3:] == "700"
    workplace.sweep(tmp_path / "run")
    assert not folder.exists()


def test_sweeping_follows_no_foreign_link(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    left = tmp_path / "run" / "work-1"
    left.mkdir(parents=True)
    (left / "control").symlink_to(precious)
    workplace.sweep(tmp_path / "run")
    assert precious.exists() and not left.exists()
