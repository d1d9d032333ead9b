"""What a person sees while a run goes on: a live view on a terminal, plain lines elsewhere."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from localcloud import columns, durations, phases, screen, ui
from localcloud.estimates import Estimate
from localcloud.events import Event
from localcloud.i18n import _, ngettext
from localcloud.phases import Phase

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_REDRAW = 0.2  # seconds
_HIDE, _SHOW, _CLEAR = "\x1b[?25l", "\x1b[?25h", "\x1b[J"
_SIGNS = {"done": ("✓", "good"), "failed": ("✗", "bad"), "stopped": ("–", "warning")}
_BAD = ("failed", "unreachable")


@dataclass
class State:
    """Where the run is. Times are ``time.monotonic()`` of this computer."""

    phase: Phase | None = None
    began: float = 0.0
    done: list[str] = field(default_factory=list)  # keys of finished phases
    failed: bool = False  # in the current phase
    changed: bool = False  # in the whole run
    steps: int = 0  # begun in the current phase
    named: bool = False  # show tasks by their names, which are English whatever the site speaks
    at_work: dict[str, str] = field(default_factory=dict)  # host → its step

    def take(self, event: Event) -> None:
        if event.kind == "task":
            self.steps += 1
        elif event.kind == "host" and event.host:
            self.at_work[event.host] = self._step(event)
        elif event.kind == "retry" and event.host:
            tries = event.result.get("attempts", "")
            self.at_work[event.host] = _("{step} (again, attempt {number})").format(
                step=self._step(event), number=tries
            )
        elif event.kind == "result":
            self.at_work.pop(event.host or "", None)
            self.failed |= event.status in _BAD
            self.changed |= event.status == "changed"

    def _step(self, event: Event) -> str:
        """What a host is at: a journey's steps are translated, a playbook's are numbered."""
        if event.phase == phases.JOURNEY:
            return event.task or ""
        step = _("step {number}").format(number=max(1, self.steps))
        return f"{step}: {event.task}" if self.named and event.task else step

    def enter(self, phase: Phase) -> None:
        self.phase, self.began, self.failed, self.steps = phase, time.monotonic(), False, 0

    def leave(self) -> None:
        if self.phase is not None:
            self.done.append(self.phase.key)
            self.phase = None
            self.at_work.clear()

    @property
    def outcome(self) -> str:
        """Of the phase, if it ended now: failed, stopped (a host is still at it) or done."""
        if self.failed:
            return "failed"
        return "stopped" if self.at_work else "done"

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began


class Progress:
    """Follows events; use it as a context manager and give it to the runner as ``on_event``."""

    def __init__(self, estimate: Estimate, stream: TextIO, named: bool = False) -> None:
        self.state = State(named=named)
        self.estimate = estimate
        self.stream = stream
        self.lock = threading.RLock()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_exception: object) -> None:
        with self.lock:
            self._leave()

    def __call__(self, event: Event) -> None:
        with self.lock:
            if event.phase and event.phase != self.state.phase and event.kind != "end":
                self._leave()
                self.state.enter(event.phase)
                self.begin(phases.label(event.phase))
            self.state.take(event)

    def _leave(self) -> None:
        if self.state.phase is not None:
            label, took = phases.label(self.state.phase), durations.exact(self.state.elapsed)
            self.end(label, took, self.state.outcome)
            self.state.leave()

    def begin(self, label: str) -> None:
        """A phase starts."""

    def end(self, label: str, took: str, outcome: str) -> None:
        """A phase is over: ``done``, ``failed`` or ``stopped``."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed terminal must not stop the run's clean-up
            self.stream.write(text)
            self.stream.flush()


class Plain(Progress):
    """One line for each phase, for logs and pipes."""

    def begin(self, label: str) -> None:
        self.write(f"{label} … ")

    def end(self, label: str, took: str, outcome: str) -> None:
        words = {
            "done": _("done ({time})"),
            "failed": _("failed ({time})"),
            "stopped": _("stopped ({time})"),
        }[outcome]
        self.write(words.format(time=took) + "\n")


class Live(Progress):
    """Finished phases scroll by; below them the current one with each host's step, redrawn."""

    def __init__(self, estimate: Estimate, stream: TextIO, named: bool = False) -> None:
        super().__init__(estimate, stream, named)
        self._drawn: list[str] = []
        self._over = threading.Event()
        self._echo: Callable[[], None] = lambda: None
        self._turn = 0
        self._painter = threading.Thread(target=self._paint, daemon=True, name="progress")

    def __enter__(self) -> "Progress":
        self._echo = screen.no_echo()
        self.write(_HIDE)
        self._painter.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._painter.join()
        with self.lock:
            self._leave()
            self.write(self._back() + _SHOW)
            self._drawn = []
        self._echo()

    def end(self, label: str, took: str, outcome: str) -> None:
        sign = ui.style(*_SIGNS[outcome])
        width = screen.size(self.stream)[0] - 1
        line = screen.cut(_row(label, took, width), width - 2)
        self.write(f"{self._back()}{sign} {line}\n")
        self._drawn = []

    def _paint(self) -> None:
        while not self._over.wait(_REDRAW):
            with self.lock:
                lines = self._lines()
                styled = [*lines[:1], *(ui.style(line, "dim") for line in lines[1:])]
                self.write(self._back() + "".join(f"{line}\n" for line in styled))
                self._drawn = lines

    def _back(self) -> str:
        """Go back over what was drawn; a terminal made narrower meanwhile has wrapped it."""
        width = screen.size(self.stream)[0]
        rows = sum(max(1, -(-columns.width(line) // width)) for line in self._drawn)
        return f"\x1b[{rows}A\r{_CLEAR}" if rows else f"\r{_CLEAR}"

    def _lines(self) -> list[str]:
        width, height = screen.size(self.stream)
        self._turn += 1
        sign = _SPINNER[self._turn % len(_SPINNER)]
        state = self.state
        if state.phase is None:
            return [screen.cut(f"{sign} {_('Starting')}", width - 1)]
        spent = durations.clock(state.elapsed)
        rest = self.estimate.rest(state.done, state.phase.key, state.elapsed, state.changed)
        times = spent if rest is None else f"{spent}, {durations.left(rest)}"
        first = screen.cut(f"{sign} {_row(phases.label(state.phase), times, width)}", width - 1)
        return [first, *_hosts(state.at_work, max(1, min(12, height - 4)), width - 1)]


def _row(label: str, times: str, width: int) -> str:
    """Label and times, in columns where there is room."""
    return f"{label:<44}  {times}" if width >= 70 else f"{label}  {times}"


def _hosts(at_work: dict[str, str], most: int, width: int) -> list[str]:
    """A line for each host at work, no more than ``most`` in all."""
    pairs = sorted(at_work.items(), key=lambda pair: screen.by_number(pair[0]))
    shown = pairs if len(pairs) <= most else pairs[: most - 1]
    longest = max((len(host) for host, _step in shown), default=0)
    lines = [screen.cut(f"    {host:<{longest}}  {step}", width) for host, step in shown]
    if more := len(pairs) - len(shown):
        words = ngettext("… and {count} more host", "… and {count} more hosts", more)
        lines.append(screen.cut("    " + words.format(count=more), width))
    return lines


def follow(estimate: Estimate, stream: TextIO | None = None, verbose: int = 0) -> Progress:
    """The view that fits the stream (default: standard output); ``verbose`` names the tasks."""
    stream = stream or sys.stdout
    live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return (Live if live else Plain)(estimate, stream, verbose > 0)


def silent() -> Progress:
    """Shows nothing: for ``--json``."""
    return Progress(Estimate([], "", []), sys.stderr)
