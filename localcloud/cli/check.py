"""``localcloud check``: look at every server before anything is changed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode
from localcloud.i18n import _, ngettext

if TYPE_CHECKING:
    from localcloud.preflight import Finding, Report


@click.command(
    "check",
    help=_(
        "Look at every server (or those of --limit) at once and say what stands in the way. "
        "Changes nothing."
    ),
)
@site_options
@limit_option
@json_option
def command(inventory: Path, verbose: int, limit: str | None, as_json: bool) -> int:
    from localcloud.preflight import check
    from localcloud.site import load_site

    site = load_site(inventory, limit=limit, need_secrets=False)
    report = check(site)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        show(report)
    return exit_code(report)


def exit_code(report: "Report") -> ExitCode:
    if report.unreachable:
        return ExitCode.UNREACHABLE
    return ExitCode.BLOCKED if report.blocking else ExitCode.DONE


def show(report: "Report") -> None:
    """The findings, worst first, each with all its hosts; then how it stands as a whole."""
    from localcloud import hints, ui

    groups = report.grouped()
    rows = [[_hosts(hosts), _mark(one.severity), _words(one)] for one, hosts in groups]
    ui.table([_("Host"), "", _("Finding and remedy")], rows)
    ui.out()
    number = len(report.blocking)
    if number:
        words = ngettext(
            "{number} finding must be settled before anything can be installed.",
            "{number} findings must be settled before anything can be installed.",
            number,
        )
        ui.bad(words.format(number=number))
    else:
        ui.ok(hints.complete(_("Nothing stands in the way of `localcloud install`.")))


def show_warnings(report: "Report") -> None:
    """Each once, with the hosts that it is about."""
    from localcloud import ui

    for one, hosts in report.grouped():
        if one.severity == "warning":
            where = f"{_hosts(hosts)}: " if hosts != [""] and len(report.hosts) > 1 else ""
            ui.warn(ui.wrap(f"{where}{one.message} {one.remedy}".rstrip(), "  ").lstrip())


def _hosts(names: list[str]) -> str:
    if names == [""]:
        return _("all")
    if len(names) <= 3:
        return ", ".join(names)
    return _("{first} … {last} ({number} hosts)").format(
        first=names[0], last=names[-1], number=len(names)
    )


def _mark(severity: str) -> str:
    from localcloud import ui

    words = {
        "ok": ui.style(_("ready"), "good"),
        "note": ui.style(_("note"), "dim"),
        "warning": ui.style(_("warning"), "warning"),
        "blocking": ui.style(_("stops"), "bad"),
    }
    return words[severity]


def _words(found: "Finding") -> str:
    return " → ".join(part for part in (found.message, found.remedy, found.details) if part)
