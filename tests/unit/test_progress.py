"""What a person sees while a run goes on, on a terminal and in a pipe."""

import fcntl
import io
import os
import pty
import re
import struct
import termios
import time

import pytest

from localcloud import durations, i18n, progress
from localcloud.estimates import Estimate
from localcloud.phases import JOURNEY, Phase
from localcloud.records import Past
from tests.unit.run_cases import INSTALL, event

CONFIGURE = Phase("jupyterhub", "configure")
NO_IDEA = Estimate([], "install", [])


def test_in_a_pipe_one_line_for_each_phase():
    stream = io.StringIO()
    with progress.follow(NO_IDEA, stream) as view:
        view(event("task", host=None))
        view(event("host"))
        assert stream.getvalue() == "Installing JupyterHub … "
        view(event(status="ok"))
        view(event("host", phase=CONFIGURE))
        view(event(status="failed", phase=CONFIGURE))
    first, second = stream.getvalue().splitlines()
    assert re.fullmatch(r"Installing JupyterHub … done \(0\.\d s\)", first)
    assert re.fullmatch(r"Configuring JupyterHub … failed \(0\.\d s\)", second)
    assert "\x1b" not in stream.getvalue()


def test_a_phase_that_was_cut_short_is_not_called_done():
    stream = io.StringIO()
    with progress.follow(NO_IDEA, stream) as view:
        view(event("host"))
    assert "stopped" in stream.getvalue() and "done" not in stream.getvalue()


class Terminal:
    """A pseudo-terminal, and what stands on it: a small emulator of the signs we send."""

    def __init__(self, columns, rows):
        self.master, slave = pty.openpty()
        self.size(columns, rows)
        self.stream = os.fdopen(slave, "w")
        os.set_blocking(self.master, False)
        self.lines, self.row, self.visible_cursor = [""], 0, True

    def size(self, columns, rows):
        self.columns = columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def look(self):
        data = b""
        while True:
            try:
                data += os.read(self.master, 65536)
            except (BlockingIOError, OSError):
                break
        for part in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|[^\x1b]+", data.decode()):
            self._take(part)
        return [line for line in self.lines if line.strip()]

    def _take(self, part):
        if part.endswith("A") and part[0] == "\x1b":
            self.row -= int(part[2:-1])
            assert self.row >= 0, "went above what it had drawn"
        elif part == "\x1b[J":
            del self.lines[self.row :]
            self.lines.append("")
        elif part in ("\x1b[?25l", "\x1b[?25h"):
            self.visible_cursor = part.endswith("h")
        elif part[0] != "\x1b":
            for line in re.split("(\n)", part.replace("\r", "")):
                if line == "\n":
                    self.row += 1
                    self.lines[self.row :] = [""]
                else:
                    assert len(line) <= self.columns, f"wraps: {line}"
                    self.lines[self.row] += line


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    return Terminal(80, 24)


def draw(view):
    time.sleep(progress._REDRAW * 2.5)


def test_on_a_terminal_the_current_step_of_each_host_and_the_finished_phases(terminal):
    with progress.follow(NO_IDEA, terminal.stream) as view:
        view(event("task", host=None))
        view(event("task", host=None))
        for number in (10, 9, 1):
            view(event("host", host=f"node{number}", task=f"Ensure part {number}"))
        draw(view)
        first, *hosts = terminal.look()
        assert "Installing JupyterHub" in first and "left" not in first
        assert [line.split() for line in hosts] == [
            ["node1", "step", "2"],
            ["node9", "step", "2"],
            ["node10", "step", "2"],
        ]
        assert not terminal.visible_cursor
        view(event(host="node1"))
        view(event("retry", host="node9", task="Wait", result={"attempts": 3}))
        draw(view)
        assert [line.split()[0] for line in terminal.look()[1:]] == ["node9", "node10"]
        assert "attempt 3" in terminal.look()[1]
        view(event("host", phase=CONFIGURE, host="node1"))
        draw(view)
        lines = terminal.look()
        assert lines[0].startswith("– Installing JupyterHub") or lines[0].startswith("✓")
        assert "Configuring JupyterHub" in lines[1] and len(lines) == 3
        view(event(phase=CONFIGURE, host="node1"))
    lines = terminal.look()
    assert lines[-1].startswith("✓ Configuring JupyterHub") and len(lines) == 2
    assert terminal.visible_cursor


def test_tasks_have_english_names_so_only_v_shows_them(terminal):
    i18n.activate("es")
    try:
        for verbose, words in ((0, "paso 1"), (1, "paso 1: Ensure it works")):
            with progress.follow(NO_IDEA, terminal.stream, verbose) as view:
                view(event("task", host=None))
                view(event("host"))
                draw(view)
                assert terminal.look()[-1].split(maxsplit=1) == ["node1", words]
            terminal.look()
    finally:
        i18n.activate("en")


def test_the_steps_of_a_journey_are_translated_and_shown(terminal):
    with progress.follow(NO_IDEA, terminal.stream) as view:
        view(event("host", host="ana", task="✓ Run a cell", phase=JOURNEY))
        draw(view)
        assert terminal.look()[-1].split(maxsplit=1) == ["ana", "✓ Run a cell"]


def test_many_hosts_stay_within_a_small_screen(terminal):
    terminal.size(40, 10)
    with progress.follow(NO_IDEA, terminal.stream) as view:
        for number in range(30):
            view(event("host", host=f"node{number}", task="Ensure a long-winded step " * 5))
        draw(view)
        lines = terminal.look()
        assert len(lines) <= 8
        assert "and 25 more hosts" in lines[-1]
        assert max(map(len, lines)) < 40


def test_a_terminal_that_becomes_narrower_is_not_overwritten_above(terminal):
    """Its lines wrap: going back over them takes more rows than were drawn."""
    back = []
    with progress.follow(NO_IDEA, terminal.stream) as view:
        view(event("host", task="Ensure " + "x" * 60, phase=JOURNEY))
        draw(view)
        with view.lock:
            drawn = list(view._drawn)
            terminal.size(30, 24)
            back = re.match(r"\x1b\[(\d+)A", view._back())
            view._drawn = []
    assert int(back.group(1)) == sum(-(-len(line) // 30) for line in drawn) > len(drawn)


def test_a_terminal_that_is_gone_does_not_stop_the_run(terminal):
    with progress.follow(NO_IDEA, terminal.stream) as view:
        view(event("host"))
        os.close(terminal.master)
        draw(view)
        view(event(status="ok"))


def past(path, seconds, changed, **more):
    data = {"verb": "install", "status": "done", "hosts": ["a", "b"], "dry_run": False}
    data |= {"phases": list(seconds.items()), "counts": {"a": {"changed": changed}}, **more}
    return Past(path, data)


def test_the_rest_is_the_median_of_earlier_runs(tmp_path):
    runs = [past(tmp_path, {"x/a": s, "x/b": 60}, 5) for s in (10, 20, 90)]
    estimate = Estimate(runs, "install", ["b", "a"])
    assert estimate.rest([], "x/a", 5.0, changed=True) == 15 + 60
    assert estimate.rest(["x/a"], "x/b", 50.0, changed=True) == 10
    assert estimate.rest(["x/a"], "x/b", 61.0, changed=True) == 0
    assert estimate.rest(["x/a"], "x/b", 500.0, changed=True) is None, "this time it is different"


def test_no_estimate_rather_than_a_lie(tmp_path):
    busy = past(tmp_path, {"x/a": 100}, 5)
    quiet = past(tmp_path, {"x/a": 2}, 0)
    assert Estimate([], "install", []).rest([], "x/a", 0, changed=False) is None
    assert Estimate([busy], "install", ["a", "b"]).rest([], "x/a", 0, changed=False) is None
    both = Estimate([busy, quiet], "install", ["a", "b"])
    assert both.rest([], "x/a", 0, changed=False) == 2
    assert both.rest([], "x/a", 0, changed=True) == 100
    for other in (
        past(tmp_path, {"x/a": 2}, 0, status="failed"),
        past(tmp_path, {"x/a": 2}, 0, verb="reset"),
        past(tmp_path, {"x/a": 2}, 0, dry_run=True),
        past(tmp_path, {"x/a": 2}, 0, hosts=["a"]),
    ):
        assert Estimate([other], "install", ["a", "b"]).rest([], "x/a", 0, False) is None


def test_the_estimate_stands_beside_the_time(terminal, tmp_path):
    runs = [past(tmp_path, {INSTALL.key: 300.0}, 0)]
    with progress.follow(Estimate(runs, "install", ["a", "b"]), terminal.stream) as view:
        view(event("host"))
        draw(view)
        assert "about 5 min left" in terminal.look()[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.44, "0.4 s"),
        (12.4, "12 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3725, "1 h 02 min"),
    ],
)
def test_durations(seconds, words):
    assert durations.exact(seconds) == words


def test_remaining_times_are_no_more_exact_than_they_are():
    assert [durations.left(s) for s in (4, 34, 95, 400)] == [
        "a few seconds left",
        "about 30 s left",
        "about 100 s left",
        "about 7 min left",
    ]
