"""Records of runs: what was done, when and with what result, under ``<site>/.localcloud/runs/``.

A record is written as the run goes on, so that one that was killed can still be read. Everything in
it has been through the site's redactor.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud import recordlog
from localcloud.errors import UsageError
from localcloud.events import Event
from localcloud.i18n import _
from localcloud.phases import Phase
from localcloud.redaction import Redactor

KEPT = 50
RUNNING, DONE, FAILED = "running", "done", "failed"
UNREACHABLE, INTERRUPTED = "unreachable", "interrupted"
_NAME = re.compile(r"^\d{8}T\d{6}Z-[a-z]+(-\d+)?$")


def new_id(verb: str) -> str:
    """An id no other run has, on any computer: it marks this run's processes on the hosts."""
    return f"{_stamp(time.time())}-{verb}-{secrets.token_hex(4)}"


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")


def _alive(pid: int, started: str) -> bool:
    """True if that very process still runs (a process number can be given to another)."""
    return started != "" and started == process_start(pid)


def process_start(pid: int) -> str:
    """When a process began, in the kernel's ticks since boot; empty if it is gone or unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if len(fields) > 19 else ""


@dataclass
class Record:
    """A run being written down. ``data`` is what run.json holds; times are seconds since 1970."""

    directory: Path
    redactor: Redactor
    data: dict[str, Any]
    _phase: Phase | None = None
    _phase_began: float = 0.0
    _seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def start(cls, run_dir: Path, run_id: str, redactor: Redactor, **facts: Any) -> "Record":
        """Begin a record; ``facts`` must hold ``verb``; oldest records beyond 50 go."""
        began = time.time()
        directory = _make_directory(run_dir / "runs", f"{_stamp(began)}-{facts['verb']}")
        data = {
            "id": run_id,
            "status": RUNNING,
            "started": began,
            "pid": os.getpid(),
            "pid_started": process_start(os.getpid()),
            **redactor.data(facts),
        }
        record = cls(directory, redactor, data)
        record._save()
        record._append("output.log", recordlog.head(data))
        _prune(run_dir / "runs")
        return record

    def write(self, event: Event) -> None:
        """Add an event; it is already redacted (see :class:`localcloud.events.Reader`)."""
        self._follow(event)
        line = json.dumps(event.as_dict(), ensure_ascii=False, default=str)
        self._append("events.jsonl", line + "\n")
        if text := recordlog.lines(event):
            self._append("output.log", text)

    def note(self, text: str) -> None:
        """Add free text to the readable log."""
        self._append("output.log", self.redactor.text(text).rstrip("\n") + "\n")

    def add(self, **facts: Any) -> None:
        """Add facts to run.json at once."""
        self.data.update(self.redactor.data(facts))
        self._save()

    def finish(self, status: str, **facts: Any) -> None:
        """Close the record: ``status`` is done, failed, unreachable or interrupted."""
        now = time.time()
        self._end_phase(now)
        seconds = round(now - self.data["started"], 2)
        self.add(status=status, finished=now, seconds=seconds, phases=self.phases(), **facts)
        self._append("output.log", recordlog.tail(self.data))

    def phases(self) -> list[tuple[str, float]]:
        """Key and seconds of each phase so far, in the order in which they began."""
        return [(key, round(seconds, 2)) for key, seconds in self._seconds.items()]

    def _follow(self, event: Event) -> None:
        if event.phase is None or event.phase == self._phase:
            return
        self._end_phase(event.time)
        self._phase, self._phase_began = event.phase, event.time
        self._seconds.setdefault(event.phase.key, 0.0)
        self.data["phases"] = self.phases()
        self._save()
        self._append("output.log", recordlog.phase(event))

    def _end_phase(self, now: float) -> None:
        if self._phase is not None:
            self._seconds[self._phase.key] += max(0.0, now - self._phase_began)
            self._phase = None

    def _save(self) -> None:
        path = self.directory / "run.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n")
        temporary.replace(path)

    def _append(self, name: str, text: str) -> None:
        with (self.directory / name).open("a", encoding="utf-8") as file:
            file.write(text)


def _make_directory(parent: Path, name: str) -> Path:
    for folder in (parent.parent, parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        directory = parent / f"{name}{suffix}"
        try:
            directory.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return directory
    raise FileExistsError(parent / name)


def directories(run_dir: Path) -> list[Path]:
    """The records of a site, oldest first."""
    runs = run_dir / "runs"
    if not runs.is_dir():
        return []
    return sorted((path for path in runs.iterdir() if _NAME.match(path.name)), key=_order)


def _order(path: Path) -> tuple[str, int]:
    stamp, _verb, *number = path.name.split("-")
    return stamp, int(number[0]) if number else 1


def _prune(runs: Path) -> None:
    for path in directories(runs.parent)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Past:
    """A record read back. ``data`` is run.json; a run that was killed counts as interrupted."""

    directory: Path
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def status(self) -> str:
        status = str(self.data.get("status", INTERRUPTED))
        if status == RUNNING and not _alive(
            int(self.data.get("pid", 0)), str(self.data.get("pid_started", ""))
        ):
            return INTERRUPTED
        return status

    @property
    def changed(self) -> int:
        """How many steps changed something, over all hosts."""
        counts = self.data.get("counts") or {}
        return sum(int(count.get("changed", 0)) for count in counts.values())

    def events(self) -> Iterator[dict[str, Any]]:
        """The events, as written; a last line cut short by a kill is left out."""
        path = self.directory / "events.jsonl"
        if not path.is_file():
            return
        with path.open(encoding="utf-8") as file:
            for line in file:
                with suppress(ValueError):
                    yield json.loads(line)

    def log(self) -> str:
        path = self.directory / "output.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def read(directory: Path) -> Past:
    """Read a record back; one without a readable run.json is an interrupted run."""
    data: Any = None
    with suppress(OSError, ValueError):
        data = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    if not isinstance(data, dict) or "verb" not in data:
        data = {"verb": directory.name.split("-")[1], "status": INTERRUPTED}
    return Past(directory, data)


def all_of(run_dir: Path) -> list[Past]:
    """Every record of a site, oldest first."""
    return [read(directory) for directory in directories(run_dir)]


def find(run_dir: Path, name: str | None = None) -> Past:
    """The last record, or the one whose name begins so. Raises UsageError."""
    known = directories(run_dir)
    if not known:
        raise UsageError(
            _("This site has no runs yet."), _("A run is recorded when you install or reset.")
        )
    if name is None:
        return read(known[-1])
    fitting = [path for path in known if path.name.startswith(name)]
    exact = [path for path in fitting if path.name == name] or fitting
    if len(exact) != 1:
        words = _("There is no run {name}.") if not exact else _("Several runs begin with {name}.")
        raise UsageError(
            words.format(name=name), _("`localcloud logs --list` shows the names of all runs.")
        )
    return read(exact[0])


def amend(directory: Path, redactor: Redactor, **facts: Any) -> None:
    """Add what was found out after the run (such as a journey) to its record."""
    past = read(directory)
    Record(directory, redactor, past.data).add(**facts)
