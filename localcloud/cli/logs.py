"""``localcloud logs``: read the records of earlier runs."""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from localcloud import durations, phases, records, screen, ui
from localcloud.cli.options import json_option, site_options
from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.records import Past
from localcloud.site import load_site


@click.command("logs", help=_("Show the last run, or the RUN whose name begins so."))
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--list", "as_list", is_flag=True, help=_("List all runs, the newest last."))
@click.option("--events", is_flag=True, help=_("Print every event as a line of JSON."))
@json_option
@site_options
def command(
    inventory: Path, run: str | None, as_list: bool, events: bool, as_json: bool, verbose: int
) -> None:
    run_dir = _run_dir(inventory)
    if as_list:
        _list(records.all_of(run_dir), as_json)
        return
    past = records.find(run_dir, run)
    if events:
        for event in past.events():
            ui.out(json.dumps(event, ensure_ascii=False))
    elif as_json:
        ui.out(json.dumps(_as_dict(past), indent=1, ensure_ascii=False))
    else:
        _show(past)


def _run_dir(inventory: Path) -> Path:
    """Records can be read even of a site with a fault; one without sets the language."""
    if not (inventory / "hosts.yml").is_file():
        raise UsageError(
            _("{directory} is not a site: it has no hosts.yml.").format(
                directory=inventory.resolve()
            ),
            _("Name a site with -i DIR."),
        )
    with suppress(LocalcloudError):
        load_site(inventory, need_secrets=False)
    return inventory / ".localcloud"


def _status(past: Past) -> str:
    words = {
        records.DONE: ui.style(_("done"), "good"),
        records.FAILED: ui.style(_("failed"), "bad"),
        records.UNREACHABLE: ui.style(_("unreachable"), "bad"),
        records.INTERRUPTED: ui.style(_("interrupted"), "warning"),
        records.RUNNING: ui.style(_("running"), "accent"),
    }
    status = words.get(past.status, past.status)
    journeys = past.data.get("journeys") or []
    if past.status == records.DONE and not all(one.get("ok") for one in journeys):
        return ui.style(_("done, journey failed"), "bad")
    return status


def _as_dict(past: Past) -> dict[str, Any]:
    return {"name": past.name, "path": str(past.directory), **past.data, "status": past.status}


def _list(runs: list[Past], as_json: bool) -> None:
    if as_json:
        ui.out(json.dumps([_as_dict(past) for past in runs], indent=1, ensure_ascii=False))
        return
    rows = []
    for past in runs:
        began = past.data.get("started")
        when = _begun(began) if began else "?"
        took = durations.exact(past.data["seconds"]) if "seconds" in past.data else ""
        hosts = screen.names(past.data.get("hosts") or [], 3)
        rows.append([past.name, when, _status(past), took, str(past.changed), hosts])
    ui.table([_("Run"), _("Begun"), _("Result"), _("Took"), _("Changed"), _("Host")], rows)


def _begun(moment: float) -> str:
    """Local time; the year only of earlier ones, so that a row fits into 80 columns."""
    when, now = datetime.fromtimestamp(moment), datetime.now()
    return when.strftime("%m-%d %H:%M" if when.year == now.year else "%Y-%m-%d %H:%M")


def _show(past: Past) -> None:
    ui.heading(f"{past.name}: {_status(past)}")
    log = past.log().rstrip()
    ui.out(ui.wrap(log) if ui.is_terminal() else log)
    if past.status == records.INTERRUPTED:
        ui.out()
        ui.warn(_("This run did not end by itself. Run the same command again to go on."))
    ui.out()
    slowest = past.data.get("slowest") or {} if len(past.data.get("hosts") or []) > 1 else {}
    for key, seconds in past.data.get("phases") or []:
        label, took = phases.label(phases.from_key(key)), durations.exact(seconds)
        host, its = slowest.get(key, ("", 0.0))
        ui.out(f"  {label:<44}  {took:<12}{host} {durations.exact(its) if host else ''}".rstrip())
    for one in past.data.get("failures") or []:
        ui.out()
        ui.bad(str(one.get("message", "")))
        if one.get("remedy"):
            ui.err(ui.wrap(_("What to do: {remedy}").format(remedy=one["remedy"]), "  "))
    ui.out("  " + _("Record:   {path}").format(path=past.directory))
