"""``localcloud install``: check, playbook, journey, summary."""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localcloud import (
    cancel,
    durations,
    moving,
    preview,
    progress,
    records,
    runner,
    screen,
    summary,
    ui,
)
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, LocalcloudError
from localcloud.estimates import Estimate
from localcloud.i18n import _, ngettext
from localcloud.outcome import RunResult
from localcloud.site import Site, load_site
from localcloud.ssh import Connections

if TYPE_CHECKING:
    from localcloud.preflight import Move


@click.command("install", help=_("Make the servers what the site says."))
@limit_option
@click.option("--dry-run", is_flag=True, help=_("Change nothing; show what would be changed."))
@click.option("--no-journey", is_flag=True, help=_("Do not walk through the hub at the end."))
@click.option(
    "--show-password", is_flag=True, help=_("Print the admin's password off a terminal, too.")
)
@json_option
@site_options
def command(
    inventory: Path,
    limit: str | None,
    dry_run: bool,
    no_journey: bool,
    show_password: bool,
    as_json: bool,
    verbose: int,
) -> int:
    with cancel.as_interrupt():
        site = load_site(inventory, limit=limit)
        with site.lock("install"), Connections() as kept:
            code, moves = _check(site, as_json, kept)
            if code != ExitCode.DONE:
                return int(code)
            seen = preview.Preview() if dry_run else None
            if dry_run and not as_json:
                ui.out(ui.style(_("Dry run: nothing is changed."), "heading"))
            result = _run(site, limit, seen, as_json, verbose, moves, kept)
            summary.raise_if_interrupted(result)
            good = result.status == records.DONE
            journeys = [] if dry_run or no_journey or not good else _journeys(site, result, as_json)
            went_back = [] if dry_run else _go_back(site, result, journeys)
    code = summary.exit_code(result)
    if good and not all(report.ok for report in journeys):
        code = ExitCode.FAILED
    if as_json:
        _print_json(site, result, journeys, went_back, moves, code)
    elif not good:
        summary.show_failures(result)
        _tell(went_back)
        moving.show_way_back([] if dry_run or went_back else moves)
    elif seen is not None:
        seen.show(result, verbose > 0)
    else:
        _summary(site, result, journeys, show_password)
        if went_back:
            _tell(went_back)
        elif code != ExitCode.DONE:
            ui.bad(_("The hub is installed, but a student's journey through it failed: see above."))
            moving.show_way_back(moves)
        else:
            moving.show_left(moves)
    return int(code)


def _check(site: Site, quiet: bool, kept: Connections) -> "tuple[ExitCode, list[Move]]":
    """The preflight, shown in full only where it blocks; and whose people will move."""
    if os.environ.get(runner.SKIP_CHECK):
        return ExitCode.DONE, []
    from localcloud import preflight
    from localcloud.cli import check

    began = time.monotonic()
    report = preflight.check(site, "install", kept)
    code = check.exit_code(report)
    if quiet:
        if code != ExitCode.DONE:
            ui.out(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
        return code, report.moves
    if code != ExitCode.DONE:
        check.show(report)
        return code, []
    check.show_warnings(report)
    words = ngettext("Server {hosts} is ready", "Servers {hosts} are ready", len(site.hosts))
    words = words.format(hosts=screen.names(list(site.hosts)))
    ui.ok(f"{words:<44}  {durations.exact(time.monotonic() - began)}")
    return code, report.moves


def _run(
    site: Site,
    limit: str | None,
    seen: "preview.Preview | None",
    quiet: bool,
    verbose: int,
    moves: "list[Move]",
    kept: Connections,
) -> RunResult:
    dry_run = seen is not None
    flags = {"moves": moving.as_json(moves)} if moves else {}
    past = records.all_of(site.run_dir)
    estimate = Estimate(past, "install", list(site.hosts), dry_run)
    with _view(quiet, estimate, verbose) as view:

        def on_event(event: Any) -> None:
            view(event)
            if seen is not None:
                seen.take(event)

        return runner.run(
            "install", site, limit=limit, dry_run=dry_run, flags=flags, on_event=on_event, kept=kept
        )


def _journeys(site: Site, result: RunResult, quiet: bool) -> list[Any]:
    """Walk through every hub of the site; the record keeps the reports."""
    endpoints = site.endpoints()
    if not endpoints:
        return []
    from localcloud.redaction import Redactor
    from localcloud.walk import walk

    reports = []
    for endpoint in endpoints:
        with _view(quiet, Estimate([], "", [])) as view:
            reports.append(walk(endpoint, site, view))
        if not quiet and not reports[-1].ok:
            ui.err(reports[-1].render())
    redactor = Redactor(site.secret_values())
    records.amend(result.record, redactor, journeys=[report.as_dict() for report in reports])
    return reports


def _go_back(site: Site, result: RunResult, journeys: list[Any]) -> list[Any]:
    """Undo an upgrade that failed, or after which a student could not work."""
    from localcloud import going_back

    pairs = zip(site.endpoints(), journeys, strict=True) if journeys else ()
    bad = {failure.host for failure in result.failures if not failure.unreachable}
    bad |= {endpoint.host for endpoint, report in pairs if not report.ok}
    return going_back.after(site, result.run_id, bad) if bad else []


def _tell(went_back: list[Any]) -> None:
    for one in went_back:
        ui.err()
        ui.error(one if isinstance(one, LocalcloudError) else one.as_error())


def _view(quiet: bool, estimate: Estimate, verbose: int = 0) -> progress.Progress:
    return progress.silent() if quiet else progress.follow(estimate, verbose=verbose)


def _summary(site: Site, result: RunResult, journeys: list[Any], show_password: bool) -> None:
    ui.out()
    ui.ok(summary.changes(result, sum(report.seconds for report in journeys)))
    for endpoint in site.endpoints():
        ui.out("  " + _("Address:  {url}").format(url=ui.style(endpoint.url, "accent")))
        if endpoint.admins:
            ui.out("  " + _("Admin:    {name}").format(name=", ".join(endpoint.admins)))
        if endpoint.admin_password:
            ui.out("  " + _password(endpoint.admin_password, show_password))
    if longest := summary.longest(result):
        ui.out(ui.wrap(_("Longest:  {phases}").format(phases=longest), "  "))
    place = str(result.record)
    ui.out(ui.apart("  " + _("Record:   {path}").format(path=place), place))


def _password(password: str, show: bool) -> str:
    if show or ui.is_terminal():
        return _("Password: {password}").format(password=password)
    return _("Password: in the site's secrets; --show-password prints it")


def _print_json(
    site: Site,
    result: RunResult,
    journeys: list[Any],
    went_back: list[Any],
    moves: "list[Move]",
    code: ExitCode,
) -> None:
    endpoints = [
        {"component": one.component, "host": one.host, "url": one.url, "admins": list(one.admins)}
        for one in site.endpoints()
    ]
    found = {
        **summary.as_dict(result),
        "exit_code": int(code),
        "endpoints": endpoints,
        "journeys": [report.as_dict() for report in journeys],
        "went_back": [
            {"error": one.message} if isinstance(one, LocalcloudError) else one.as_dict()
            for one in went_back
        ],
        "moves": moving.as_json(moves),
    }
    ui.out(json.dumps(found, indent=1, ensure_ascii=False))
