"""``localcloud verify``: walk through the hub as a student would."""

import json
from pathlib import Path

import click

from localcloud import cancel, progress, receipts, screen, ui
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.estimates import Estimate
from localcloud.i18n import _
from localcloud.site import Endpoint, Site, load_site


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
    _make_sure_it_is_there(site, endpoints)
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


def _make_sure_it_is_there(site: Site, endpoints: list[Endpoint]) -> None:
    """Raises LocalcloudError if nothing is installed: a journey would fail for odd reasons."""
    wanted = {one.host: one.component for one in endpoints}
    found = receipts.of_all(site, [site.hosts[host] for host in wanted])
    bare = []
    for host, answer in found.items():
        if isinstance(answer, LocalcloudError):
            raise answer
        if wanted[host] not in answer:
            bare.append(host)
    if bare:
        raise LocalcloudError(
            _("Nothing is installed on {hosts}, so there is no hub to walk through.").format(
                hosts=screen.names(bare)
            ),
            _("Run `localcloud install`, which walks through the hub at its end."),
        )
