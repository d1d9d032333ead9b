"""How long a run still takes, judged by earlier runs; no estimate rather than a lie."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from localcloud import records
from localcloud.records import Past

_RECENT = 5


@dataclass(frozen=True)
class _Pool:
    """Median seconds of each phase over some runs, in the order of the newest one."""

    seconds: dict[str, float]

    @classmethod
    def of(cls, runs: Sequence[Past]) -> "_Pool | None":
        if not runs:
            return None
        known = [dict(run.data.get("phases") or []) for run in runs[-_RECENT:]]
        return cls({key: median([one[key] for one in known if key in one]) for key in known[-1]})


class Estimate:
    """Judges by successful runs of the same verb on the same hosts.

    A re-run that changes nothing takes seconds, an installation minutes: once something has
    changed, only runs that changed something count, and before that only those that did not.
    """

    def __init__(
        self, past: Iterable[Past], verb: str, hosts: Sequence[str], dry_run: bool = False
    ) -> None:
        fitting = [
            run
            for run in past
            if run.status == records.DONE
            and run.data.get("verb") == verb
            and bool(run.data.get("dry_run")) == dry_run
            and set(run.data.get("hosts") or []) == set(hosts)
        ]
        self._busy = _Pool.of([run for run in fitting if run.changed])
        self._quiet = _Pool.of([run for run in fitting if not run.changed])

    def rest(
        self, done: Iterable[str], current: str | None, elapsed: float, changed: bool
    ) -> float | None:
        """Seconds left after the phases ``done``, ``elapsed`` seconds into the current one."""
        pool = self._busy if changed else self._quiet
        if pool is None or current not in pool.seconds:
            return None
        usual = pool.seconds[current]
        if elapsed > 3 * usual + 10:
            return None  # this time it is different
        over = {*done, current}
        later = sum(seconds for key, seconds in pool.seconds.items() if key not in over)
        return max(0.0, usual - elapsed) + later
