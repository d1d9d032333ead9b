"""``localcloud logs``: read the records of earlier runs."""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from localcloud import durations, records, recordview, screen, ui
from localcloud.cli.options import json_option, site_options
from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _
from localcloud.records import Past
from localcloud.site import load_site


@click.command("logs", help=_("Show the last run, or the RUN whose name begins so."))
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--list", "as_list", is_flag=True, help=_("List all runs, the newest last."))
@click.option("--full", is_flag=True, help=_("The whole log, in English, page by page."))
@click.option("--events", is_flag=True, help=_("Print every event as a line of JSON."))
@json_option
@site_options
def command(
    inventory: Path,
    run: str | None,
    as_list: bool,
    full: bool,
    events: bool,
    as_json: bool,
    verbose: int,
) -> None:
    run_dir = _run_dir(inventory)
    if as_list:
        _list(records.all_of(run_dir), as_json)
        return
    past = records.find(run_dir, run)
    if full:
        _show_all(past)
    elif events:
        for event in past.events():
            ui.out(json.dumps(event, ensure_ascii=False))
    elif as_json:
        ui.out(json.dumps(_as_dict(past), indent=1, ensure_ascii=False))
    else:
        recordview.show(past)


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
        rows.append([past.name, when, recordview.status(past), took, str(past.changed), hosts])
    ui.table([_("Run"), _("Begun"), _("Result"), _("Took"), _("Changed"), _("Host")], rows)


def _begun(moment: float) -> str:
    """Local time; the year only of earlier ones, so that a row fits into 80 columns."""
    when, now = datetime.fromtimestamp(moment), datetime.now()
    return when.strftime("%m-%d %H:%M" if when.year == now.year else "%Y-%m-%d %H:%M")


def _show_all(past: Past) -> None:
    """The whole log, page by page for a person."""
    text = f"{past.name}: {click.unstyle(recordview.status(past))}\n{past.log().rstrip()}"
    if ui.is_terminal():
        click.echo_via_pager(text)
    else:
        ui.out(text)
