"""``localcloud verify``: what the site has proves that it works."""

import json
from pathlib import Path
from typing import Any

import click

from localcloud import cancel, durations, progress, records, runner, screen, summary, ui
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, UsageError
from localcloud.estimates import Estimate
from localcloud.i18n import _
from localcloud.outcome import RunResult
from localcloud.phases import component_name
from localcloud.site import Site, load_site


@click.command("verify", help=_("Prove that it works: a student's walk, nodes, volumes."))
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
    from localcloud import proofs

    site = load_site(inventory, limit=limit)
    roles, endpoints = proofs.of_roles(site), site.endpoints()
    if not roles and not endpoints:
        raise UsageError(
            _("There is nothing to verify on {hosts}.").format(
                hosts=screen.names(list(site.hosts))
            ),
            _("Put the servers into groups in hosts.yml, or widen --limit."),
        )
    proofs.make_sure_it_is_there(site)
    result, reports = None, []
    with cancel.as_interrupt(), site.lock("verify"):
        if roles:
            result = _play(site, limit, roles, as_json, verbose)
            summary.raise_if_interrupted(result)
        for endpoint in endpoints:
            reports.append(_walk(site, endpoint, users, as_json))
    code = summary.exit_code(result) if result else ExitCode.DONE
    if code == ExitCode.DONE and not all(report.ok for report in reports):
        code = ExitCode.FAILED
    if as_json:
        _print_json(result, reports, code)
    return int(code)


def _play(site: Site, limit: str | None, roles: list[str], quiet: bool, verbose: int) -> RunResult:
    estimate = Estimate(records.all_of(site.run_dir), "verify", list(site.hosts))
    with progress.silent() if quiet else progress.follow(estimate, verbose=verbose) as view:
        result = runner.run("verify", site, limit=limit, tags=",".join(roles), on_event=view)
    if quiet or result.status == records.INTERRUPTED:
        return result
    if result.status == records.DONE:
        names = screen.names([component_name(role) for role in roles])
        took = durations.exact(result.seconds)
        ui.ok(_("Proved to work: {components} ({time}).").format(components=names, time=took))
    else:
        summary.show_failures(result)
    return result


def _walk(site: Site, endpoint: Any, users: int, quiet: bool) -> Any:
    from localcloud.walk import walk

    with progress.silent() if quiet else progress.follow(Estimate([], "", [])) as view:
        report = walk(endpoint, site, view, users=users)
    if not quiet:
        ui.out(report.render())
    return report


def _print_json(result: RunResult | None, reports: list[Any], code: ExitCode) -> None:
    found = {
        "exit_code": int(code),
        "run": summary.as_dict(result) if result else None,
        "journeys": [report.as_dict() for report in reports],
    }
    ui.out(json.dumps(found, indent=1, ensure_ascii=False))
