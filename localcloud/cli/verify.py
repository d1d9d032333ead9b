"""``localcloud verify``: walk through the hub as a student would."""

import json
from pathlib import Path

import click

from localcloud import cancel, progress, screen, ui
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, UsageError
from localcloud.estimates import Estimate
from localcloud.i18n import _
from localcloud.site import load_site


@click.command("verify", help=_("Walk through the hub as a student would."))
@click.option(
    "--users",
    type=click.IntRange(1, 500),
    default=2,
    show_default=True,
    help=_("How many throw-away students at once; from 3 on with median and p95."),
)
@limit_option
@json_option
@site_options
def command(inventory: Path, users: int, limit: str | None, as_json: bool, verbose: int) -> int:
    from localcloud.walk import walk

    site = load_site(inventory, limit=limit)
    endpoints = site.endpoints()
    if not endpoints:
        raise UsageError(
            _("No server of this site offers a hub: {hosts}.").format(
                hosts=screen.names(list(site.hosts))
            ),
            _("Put a server into a hub's group in hosts.yml, or widen --limit."),
        )
    reports = []
    with cancel.as_interrupt(), site.lock("verify"):
        for endpoint in endpoints:
            view = progress.silent() if as_json else progress.follow(Estimate([], "", []))
            with view:
                reports.append(walk(endpoint, site, view, users=users))
            if not as_json:
                ui.out(reports[-1].render())
    if as_json:
        found = [report.as_dict() for report in reports]
        ui.out(json.dumps(found, indent=1, ensure_ascii=False))
    return int(ExitCode.DONE if all(report.ok for report in reports) else ExitCode.FAILED)
