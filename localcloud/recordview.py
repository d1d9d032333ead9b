"""A run of the past in short: what ran, its phases, what it changed, what failed and why."""

from datetime import datetime
from typing import Any

from localcloud import durations, hints, phases, records, screen, summary, ui
from localcloud.failures import Failure
from localcloud.i18n import _, ngettext
from localcloud.records import Past

_MOST = 30  # steps on a screen; the whole log has them all


def status(past: Past) -> str:
    """One or a few words, coloured. A dry run that got to its end is not “done”: it did nothing."""
    words = {
        records.DONE: ui.style(_("done"), "good"),
        records.FAILED: ui.style(_("failed"), "bad"),
        records.UNREACHABLE: ui.style(_("unreachable"), "bad"),
        records.INTERRUPTED: ui.style(_("interrupted"), "warning"),
        records.RUNNING: ui.style(_("running"), "accent"),
    }
    word = words.get(past.status, past.status)
    if past.data.get("dry_run"):
        dry = ui.style(_("dry run"), "accent")
        return dry if past.status == records.DONE else f"{dry}, {word}"
    if past.status == records.DONE and not all(one.get("ok") for one in _journeys(past)):
        return ui.style(_("done, journey failed"), "bad")
    return word


def show(past: Past) -> None:
    ui.heading(f"{past.name}: {status(past)}")
    _show_head(past)
    _show_phases(past)
    _show_changes(past)
    if past.status == records.INTERRUPTED:
        ui.out()
        ui.warn(_("This run did not end by itself. Run the same command again to go on."))
    found = [_failure(one) for one in past.data.get("failures") or []]
    summary.show_blocks(found)
    for journey in _journeys(past):
        if not journey.get("ok"):
            _show_journey(journey)
    ui.out()
    place, whole = str(past.directory), hints.command(f"logs {past.name} --full")
    ui.out(ui.apart("  " + _("Record:   {path}").format(path=place), place))
    ui.out(ui.apart("  " + _("All of it: {command}").format(command=whole), whole))


def _journeys(past: Past) -> list[dict[str, Any]]:
    return past.data.get("journeys") or []


def _show_head(past: Past) -> None:
    if began := past.data.get("started"):
        words = _("Begun:    {time}")
        if "seconds" in past.data:
            words = _("Begun:    {time}, took {duration}")
        took = durations.exact(past.data.get("seconds", 0.0))
        when = datetime.fromtimestamp(began).strftime("%Y-%m-%d %H:%M")
        ui.out("  " + words.format(time=when, duration=took))
    if hosts := past.data.get("hosts"):
        ui.out("  " + _("Hosts:    {names}").format(names=screen.names(hosts, 10)))


def _show_phases(past: Past) -> None:
    """Phases and their times; of several hosts, with the slowest one of each."""
    slowest = past.data.get("slowest") or {} if len(past.data.get("hosts") or ()) > 1 else {}
    roles = past.data.get("roles")  # of a reset: those that had something to take out
    rows = []
    for key, seconds in past.data.get("phases") or ():
        phase = phases.from_key(key)
        if roles is not None and phase.role and phase.role not in roles:
            continue
        host, its = slowest.get(key, ("", 0.0))
        rows.append(
            (phases.label(phase), seconds, f"{host} {durations.exact(its)}" if host else "")
        )
    rows += [(phases.label(phases.JOURNEY), one.get("seconds", 0.0), "") for one in _journeys(past)]
    if rows:
        ui.out()
    for label, seconds, more in rows:
        ui.out(f"  {label:<44}  {durations.exact(seconds):<12}{more}".rstrip())


def _show_changes(past: Past) -> None:
    """The steps that changed something; their names are English, as in the whole log."""
    steps: dict[tuple[str, str], list[str]] = {}
    for event in past.events():
        if event.get("kind") == "result" and event.get("status") == "changed":
            key = (str(event.get("phase", "")), _plain(str(event.get("task") or "?")))
            steps.setdefault(key, []).append(str(event.get("host", "?")))
    if not steps:
        return
    ui.out()
    if past.data.get("dry_run"):
        words = ngettext(
            "{count} step would change something:",
            "{count} steps would change something:",
            len(steps),
        )
    else:
        words = ngettext(
            "{count} step changed something:", "{count} steps changed something:", len(steps)
        )
    ui.out(words.format(count=len(steps)))
    several = len(past.data.get("hosts") or ()) > 1
    for (_phase, task), hosts in list(steps.items())[:_MOST]:
        where = (
            f"  ({screen.names(sorted(set(hosts), key=screen.by_number), 3)})" if several else ""
        )
        ui.out(ui.wrap(f"  {task}{ui.style(where, 'dim') if where else ''}"))
    if (more := len(steps) - _MOST) > 0:
        words = ngettext("… and {count} more step", "… and {count} more steps", more)
        ui.out("  " + words.format(count=more))


def _plain(task: str) -> str:
    """A task's name without its role's in front."""
    return task.partition(" : ")[2] or task


def _failure(data: dict[str, Any]) -> Failure:
    known = {name: data[name] for name in Failure.__dataclass_fields__ if name in data}
    phase = known.get("phase")
    known["phase"] = phases.Phase(*phase) if isinstance(phase, list) and len(phase) == 2 else None
    blank = dict.fromkeys(("host", "problem", "message", "remedy", "details"), "")
    return Failure(**{**blank, "role": None, "task": None, **known})


def _show_journey(data: dict[str, Any]) -> None:
    from localcloud.journey.report import JourneyReport, Step

    steps = [Step(**step) for step in data.get("steps") or ()]
    report = JourneyReport(
        data.get("url", ""), data.get("users", 1), steps, data.get("seconds", 0.0)
    )
    ui.err()
    ui.err(report.render())
