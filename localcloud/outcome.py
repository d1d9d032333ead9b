"""What a run came to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud import failures
from localcloud.events import Event
from localcloud.failures import Failure

_COUNTS = {
    "ok": "ok",
    "changed": "changed",
    "failures": "failed",
    "dark": "unreachable",
    "skipped": "skipped",
    "rescued": "rescued",
    "ignored": "ignored",
}


@dataclass
class RunResult:
    """How a run ended. ``hosts``: host → counts (ok, changed, failed, unreachable, skipped, …);
    ``phases``: (key, seconds) in order; ``left_out``: hosts a dry run could not look at;
    ``slowest``: phase's key → the host that was at work in it longest, and its seconds;
    ``not_cleaned``: hosts on which stopping could not be made sure; ``outputs``: from set_stats;
    ``run_id``: what the roles know as ``localcloud_run.id``."""

    status: str
    record: Path
    strategy: str
    hosts: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)
    slowest: dict[str, tuple[str, float]] = field(default_factory=dict)
    seconds: float = 0.0
    left_out: list[str] = field(default_factory=list)
    not_cleaned: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @property
    def ok(self) -> int:
        return sum(counts.get("ok", 0) for counts in self.hosts.values())

    @property
    def changed(self) -> int:
        return sum(counts.get("changed", 0) for counts in self.hosts.values())


@dataclass
class Seen:
    """What the events of a run told."""

    users: dict[str, str]
    failures: list[Failure] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    end: dict[str, Any] | None = None
    # Mitogen's own process is gone; ansible-playbook would wait for it for ever.
    crashed: bool = False
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    spent: dict[str, dict[str, float]] = field(default_factory=dict)  # phase's key → host → seconds

    def take(self, event: Event) -> None:
        if event.kind == "end":
            self.end = event.result
        elif event.kind == "note" and event.status in ("error", "verbose"):
            said = str(event.result.get("msg", ""))
            self.errors.append(said)
            self.crashed |= "ansible_mitogen" in said and "crashed" in said
        elif event.kind == "result" and event.host and event.status:
            if event.phase and event.seconds:
                times = self.spent.setdefault(event.phase.key, {})
                times[event.host] = times.get(event.host, 0.0) + event.seconds
            host = self.tally.setdefault(event.host, {})
            # Ansible counts a changed step as ok, too.
            for name in {event.status, "ok"} if event.status == "changed" else {event.status}:
                host[name] = host.get(name, 0) + 1
            if event.status in ("failed", "unreachable"):
                user = self.users.get(event.host, "")
                self.failures.append(failures.from_event(event, user))

    def slowest(self) -> dict[str, tuple[str, float]]:
        """Phase's key → the host with the most seconds of work in it, and these seconds."""
        longest = {key: max(times, key=times.__getitem__) for key, times in self.spent.items()}
        return {key: (host, round(self.spent[key][host], 2)) for key, host in longest.items()}

    def counts(self) -> dict[str, dict[str, int]]:
        """Ansible's own counts; of a run that was stopped, what was seen until then."""
        if self.end is None:
            return self.tally
        found: dict[str, dict[str, int]] = {}
        for theirs, ours in _COUNTS.items():
            for host, number in (self.end.get(theirs) or {}).items():
                found.setdefault(host, {})[ours] = number
        return found
