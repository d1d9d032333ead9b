"""What a journey found: steps with their times, failures with remedies; as text and as JSON."""

import math
import statistics
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud import ui
from localcloud.i18n import N_, _, ngettext, number

# Every step in the order of a report, with what a person reads.
LABELS = {
    "accounts": N_("Make throw-away accounts"),
    "page": N_("Open the address, find the login form"),
    "closed": N_("Closed to visitors without a login"),
    "login": N_("Log in on the form"),
    "spawn": N_("Start the server"),
    "server": N_("Enter the server"),
    "kernel": N_("Open a kernel"),
    "cell": N_("Run a cell"),
    "file": N_("Save a file and read it back"),
    "home_private": N_("Another user's home is closed"),
    "server_private": N_("Another user's server is closed"),
    "port_private": N_("Closed on the host's own ports too"),
    "shared": N_("Shared data can be read, not changed"),
    "limits": N_("Limits in force"),
    "stop": N_("Stop the server"),
    "logout": N_("Log out"),
    "cleanup": N_("Remove the throw-away accounts"),
}
# What a student waits for, from the address to a saved file.
WAITED = ("page", "login", "spawn", "server", "kernel", "cell", "file")


@dataclass
class Step:
    """One step of one user; ``user`` is "" for steps that belong to nobody.

    ``info`` is a translated remark of a step that passed; ``details`` are verbatim words of
    another program about a step that failed.
    """

    name: str
    label: str
    user: str
    seconds: float
    ok: bool
    problem_id: str = ""
    message: str = ""
    remedy: str = ""
    details: str = ""
    info: str = ""


@dataclass(frozen=True)
class Times:
    """Seconds of a step over all users; p95 by nearest rank."""

    count: int
    failed: int
    median: float
    p95: float
    slowest: float


@dataclass
class JourneyReport:
    url: str
    users: int
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """No step failed, and every user got as far as a saved file."""
        arrived = sum(step.ok for step in self.of("file"))
        return not self.failures and arrived == self.users

    @property
    def failures(self) -> list[Step]:
        return [step for step in self.steps if not step.ok]

    def of(self, name: str) -> list[Step]:
        return [step for step in self.steps if step.name == name]

    def times(self) -> dict[str, Times]:
        """Per step; a failed step counts as failed, its time does not count."""
        return {
            name: summarise((step.seconds for step in found if step.ok), len(found))
            for name in LABELS
            if (found := self.of(name))
        }

    def whole(self) -> Times:
        """From the address to a saved file, over the users who got that far."""
        reached = {step.user for step in self.of("file") if step.ok}
        started = {step.user for step in self.of("page")}
        sums = [
            sum(s.seconds for s in self.steps if s.user == user and s.name in WAITED)
            for user in sorted(reached)
        ]
        return summarise(sums, len(started))

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: plain data, numbers in seconds."""
        return {
            "url": self.url,
            "ok": self.ok,
            "users": self.users,
            "seconds": round(self.seconds, 3),
            "whole": vars(self.whole()),
            "times": {name: vars(times) for name, times in self.times().items()},
            "steps": [{**vars(step), "seconds": round(step.seconds, 3)} for step in self.steps],
        }

    def render(self) -> str:
        """The report as lines for a terminal or a log."""
        rows = _times_rows(self) if self.users > 2 else _steps_rows(self)
        lines = [_headline(self), "", *_aligned(rows)]
        lines += [ui.wrap(step.info, "  ") for step in self.steps if step.info]
        for found in _grouped(self.failures):
            lines += ["", *_failure(found)]
        return "\n".join(lines)


def summarise(seconds: Iterable[float], count: int) -> Times:
    """``count`` is the number of attempts; those without a time failed."""
    ordered = sorted(seconds)
    if not ordered:
        return Times(count, count, 0.0, 0.0, 0.0)
    rank = math.ceil(0.95 * len(ordered)) - 1
    return Times(
        count,
        count - len(ordered),
        round(statistics.median(ordered), 3),
        round(ordered[rank], 3),
        round(ordered[-1], 3),
    )


def _headline(report: JourneyReport) -> str:
    people = ngettext("{count} user", "{count} users", report.users).format(count=report.users)
    verdict = _("passed") if report.ok else _("FAILED")
    words = _("Journey through {url} with {people}: {verdict} after {seconds} s")
    return ui.wrap(
        words.format(
            url=report.url, people=people, verdict=verdict, seconds=number(report.seconds, 1)
        )
    )


def _steps_rows(report: JourneyReport) -> list[list[str]]:
    """One row per step; with two users, the slower one counts."""
    rows = []
    for name, times in report.times().items():
        sign = "✗" if times.failed else "✓"
        slowest = max(step.seconds for step in report.of(name))
        rows.append([sign, _(LABELS[name]), f"{number(slowest, 2)} s"])
    return rows


def _times_rows(report: JourneyReport) -> list[list[str]]:
    rows = [["", _("Step"), _("passed"), _("median"), "p95", _("slowest")]]
    everybody = {*WAITED, "closed", "stop", "logout"}
    named = [
        (_(LABELS[name]), times, report.users if name in everybody else times.count)
        for name, times in report.times().items()
    ]
    named.append((_("From the address to a saved file"), report.whole(), report.users))
    for label, times, count in named:
        rows.append(
            [
                "✗" if times.failed else "✓",
                label,
                f"{times.count - times.failed}/{count}",
                *(f"{number(value, 2)} s" for value in (times.median, times.p95, times.slowest)),
            ]
        )
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns: the sign, the label to the left, numbers to the right."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _grouped(failures: Sequence[Step]) -> list[list[Step]]:
    """Failures of the same kind together, in the order of their first one."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in failures:
        groups.setdefault((step.name, step.problem_id), []).append(step)
    return list(groups.values())


def _failure(found: list[Step]) -> list[str]:
    first = found[0]
    lines = [ui.wrap(f"✗ {first.label}: {first.message}", "  ").lstrip()]
    if first.details:
        lines += textwrap.indent(first.details.strip(), "    ").splitlines()
    lines.append(ui.wrap(_("What to do: {remedy}").format(remedy=first.remedy), "  "))
    if len(found) > 1:
        others = ngettext(
            "The same happened to {count} other user.",
            "The same happened to {count} other users.",
            len(found) - 1,
        )
        lines.append("  " + others.format(count=len(found) - 1))
    return lines
