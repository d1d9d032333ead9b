"""How a run's end is told: one readable failure block, and the way to go on."""

from textwrap import indent
from typing import Any

from localcloud import durations, failures, hints, phases, records, screen, ui
from localcloud.errors import ExitCode, LocalcloudError
from localcloud.failures import Failure
from localcloud.i18n import _, ngettext
from localcloud.outcome import RunResult

_MOST = 5  # failure blocks on a screen; the record has them all


def exit_code(result: RunResult) -> ExitCode:
    return {
        records.DONE: ExitCode.DONE,
        records.UNREACHABLE: ExitCode.UNREACHABLE,
        records.INTERRUPTED: ExitCode.INTERRUPTED,
    }.get(result.status, ExitCode.FAILED)


def raise_if_interrupted(result: RunResult) -> None:
    """Say how to go on after Ctrl-C; raises LocalcloudError with exit code 130."""
    if result.status != records.INTERRUPTED:
        return
    if result.not_cleaned:
        message = _("Stopped, but these hosts could not be asked to stop: {hosts}.").format(
            hosts=screen.names(result.not_cleaned)
        )
    else:
        message = _("Stopped. Nothing of the run is left at work, here or on the hosts.")
    raise LocalcloudError(
        message,
        _("To go on, run the same command again: what is done already is kept."),
        exit_code=ExitCode.INTERRUPTED,
    )


def show_failures(result: RunResult) -> None:
    """What went wrong: where, at which step, why, what to do, and where all of it is written."""
    show_blocks(result.failures)
    ui.err()
    log = str(result.record / "output.log")
    ui.err(ui.apart("  " + _("Full log: {path}").format(path=log), log))
    show = hints.command(f"logs {result.record.name} --full")
    ui.err(ui.apart("  " + _("Show it: {command}").format(command=show), show))


def show_blocks(found: list[Failure]) -> None:
    """A block for each failure; those that differ in the host alone are one."""
    groups = failures.grouped(found)
    for failure, hosts in groups[:_MOST]:
        _show(failure, hosts)
    if (more := len(groups) - _MOST) > 0:
        words = ngettext("… and {count} more failure.", "… and {count} more failures.", more)
        ui.err(words.format(count=more))


def _show(failure: Failure, hosts: list[str]) -> None:
    ui.err()
    ui.bad(ui.wrap(failure.message).lstrip())
    if failure.host:
        label = ngettext("Host: {hosts}", "Hosts: {hosts}", len(hosts))
        ui.err("  " + label.format(hosts=screen.names(hosts, 10)))
    if failure.task:
        # The task's own name, in quotes: it is English in every language, and what a search finds.
        step = _("“{task}”").format(task=failure.task)
        step = f"{phases.label(failure.phase)}, {step}" if failure.phase else step
        ui.err("  " + _("Step: {step}").format(step=step))
    if failure.details:
        ui.err(ui.style(indent(failure.details, "    "), "dim"))
    if failure.remedy:
        ui.err(ui.wrap(_("What to do: {remedy}").format(remedy=failure.remedy), "  "))


def changes(result: RunResult, journey: float = 0.0) -> str:
    """One sentence: how many steps changed something, and how long it took.

    ``journey``: seconds of the students' journeys, which are part of what a person waited for.
    """
    took = durations.exact(result.seconds + journey)
    if journey:
        part = durations.exact(journey)
        took = _("{time}, of which the journey {part}").format(time=took, part=part)
    if not result.changed:
        return _("Nothing had to be changed ({time}).").format(time=took)
    words = ngettext(
        "{count} step changed something ({time}).",
        "{count} steps changed something ({time}).",
        result.changed,
    )
    return words.format(count=result.changed, time=took)


def longest(result: RunResult) -> str:
    """Where the time of a run on several hosts went: long phases, and the slowest host of each."""
    if len(result.hosts) < 2:
        return ""
    least = sum(seconds for _key, seconds in result.phases) / 10
    found = sorted((one for one in result.phases if one[1] >= least), key=lambda one: -one[1])
    shown = []
    for key, seconds in found:
        words = f"{phases.label(phases.from_key(key))} {durations.exact(seconds)}"
        if key in result.slowest:
            host, its = result.slowest[key]
            words += f" ({host} {durations.exact(its)})"
        shown.append(words)
    return ", ".join(shown)


def as_dict(result: RunResult) -> dict[str, Any]:
    """For ``--json``: plain data, times in seconds."""
    return {
        "status": result.status,
        "seconds": result.seconds,
        "changed": result.changed,
        "strategy": result.strategy,
        "hosts": result.hosts,
        "phases": [
            {"phase": key, "seconds": seconds, "slowest": result.slowest.get(key)}
            for key, seconds in result.phases
        ],
        "failures": [
            {
                "host": one.host,
                "problem": one.problem,
                "phase": one.phase.key if one.phase else None,
                "task": one.task,
                "message": one.message,
                "remedy": one.remedy,
                "details": one.details,
            }
            for one in result.failures
        ],
        "left_out": result.left_out,
        "record": str(result.record),
    }
