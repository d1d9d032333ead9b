"""What happens in a run: ansible-runner's raw events, made small, typed and free of secrets."""

import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from localcloud.phases import Phase, Tracker
from localcloud.redaction import Redactor

_STATUS = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_skipped": "skipped",
    "runner_on_unreachable": "unreachable",
}
_NOTES = ("warning", "deprecated", "error", "system_warning", "verbose", "debug")
_BAD = ("failed", "unreachable")
# What of a good result is worth keeping; of a failed one, everything is.
_KEPT = ("msg", "diff", "warnings", "cmd", "rc", "censored")
_CHANGED = re.compile(r"^changed: \[", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``kind``: ``task`` (a step starts, no host), ``host`` (a host starts on it), ``result``,
    ``retry``, ``note`` (Ansible says something; ``status`` is warning, deprecated, error or
    verbose) or ``end`` (``result`` holds Ansible's counts per host).
    ``status`` of a result: ok, changed, skipped, failed, ignored, unreachable.
    ``time``: seconds since 1970.
    """

    kind: str
    time: float
    host: str | None = None
    role: str | None = None
    task: str | None = None
    phase: Phase | None = None
    status: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; empty fields left out."""
        found = asdict(self) | {"phase": self.phase.key if self.phase else None}
        return {name: value for name, value in found.items() if value not in (None, {})}


def _moment(raw: dict[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(raw.get("created"))).timestamp()
    except ValueError:
        return time.time()


class Reader:
    """Turns raw events into :class:`Event`, in order; remembers the step under way."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._tracker = Tracker()

    def read(self, raw: dict[str, Any]) -> Iterator[Event]:
        """Yield no event or one for a raw one."""
        kind = raw.get("event", "")
        if kind == "playbook_on_task_start":
            yield self._task(raw)
        elif kind == "runner_on_start":
            yield self._make("host", raw)
        elif kind in _STATUS:
            yield self._result(raw, _STATUS[kind])
        elif kind == "runner_retry":
            result = raw.get("event_data", {}).get("res") or {}
            few = {key: result[key] for key in ("attempts", "retries") if key in result}
            yield self._make("retry", raw, result=few)
        elif kind == "playbook_on_stats":
            yield self._make("end", raw, result=raw.get("event_data", {}))
        elif kind in _NOTES:
            text = _COLOUR.sub("", str(raw.get("stdout") or "")).strip()
            if text:
                status = "error" if text.startswith(("ERROR", "[ERROR]")) else kind
                yield self._make("note", raw, status=status, result={"msg": text})

    def _task(self, raw: dict[str, Any]) -> Event:
        data = raw.get("event_data", {})
        self._tracker.enter(str(data.get("task_path") or ""), str(data.get("task_action") or ""))
        return self._make("task", raw)

    def _result(self, raw: dict[str, Any], status: str) -> Event:
        data = raw.get("event_data", {})
        result = data.get("res") or {}
        # Of a host that may be unreachable, only Ansible's own words tell.
        said = _COLOUR.sub("", str(raw.get("stdout") or "")).rstrip()
        if status in _BAD and (data.get("ignore_errors") or said.endswith("\n...ignoring")):
            status = "ignored"
        # A result hidden by no_log has lost its "changed"; Ansible's own line still says it.
        if status == "ok" and (result.get("changed") or _CHANGED.search(raw.get("stdout") or "")):
            status = "changed"
        if status not in _BAD:
            result = {key: result[key] for key in _KEPT if result.get(key)}
        return self._make("result", raw, status=status, result=result)

    def _make(
        self,
        kind: str,
        raw: dict[str, Any],
        status: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> Event:
        data = raw.get("event_data", {})
        seconds = data.get("duration")
        return Event(
            kind=kind,
            time=_moment(raw),
            host=data.get("host"),
            role=data.get("role"),
            task=self._redactor.text(str(data["task"])) if data.get("task") else None,
            phase=self._tracker.current,
            status=status,
            result=self._redactor.data(result or {}),
            seconds=round(float(seconds), 3) if seconds is not None else None,
        )
