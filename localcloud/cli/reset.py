"""``localcloud reset``: take out what install put in."""

import json
from pathlib import Path
from typing import Any

import click

from localcloud import (
    cancel,
    durations,
    kept,
    moving,
    progress,
    receipts,
    records,
    runner,
    summary,
    ui,
)
from localcloud.cli import reset_shown
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.estimates import Estimate
from localcloud.events import Event
from localcloud.i18n import _
from localcloud.outcome import RunResult
from localcloud.receipts import Components
from localcloud.redaction import Redactor
from localcloud.site import Site, load_site


@click.command("reset", help=_("Take out what install put in; home directories and accounts stay."))
@limit_option
@click.option("--delete-data", is_flag=True, help=_("Delete the users' home directories, too."))
@click.option(
    "--old-hub", is_flag=True, help=_("Take out only a hub that people have moved away from.")
)
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@click.option(
    "--yes-delete-data", is_flag=True, help=_("Do not ask about the home directories either.")
)
@click.option("--dry-run", is_flag=True, help=_("Change nothing; show what would go."))
@json_option
@site_options
def command(
    inventory: Path,
    limit: str | None,
    delete_data: bool,
    old_hub: bool,
    yes: bool,
    yes_delete_data: bool,
    dry_run: bool,
    as_json: bool,
    verbose: int,
) -> int:
    delete_data = delete_data or yes_delete_data
    if old_hub and delete_data:
        raise UsageError(
            _("Home directories do not go with an old hub: people may be working in them."),
            _(
                "Use --old-hub without --delete-data. Of homes that were copied to a cluster, the "
                "old ones stay in /home of their host: delete them there when nobody needs them."
            ),
        )
    with cancel.as_interrupt():
        site = load_site(inventory, limit=limit)
        with site.lock("reset"):
            before, left = _receipts(site), kept.left(site)
            if old_hub:
                before, left = moving.old_hubs(before), {}
            if not as_json:
                reset_shown.plan(site, before, left, delete_data, old_hub)
            left = left if delete_data else {}
            anything = any(before.values()) or bool(left)
            sure = yes or yes_delete_data
            if anything and not dry_run and not _agreed(site, delete_data, sure, yes_delete_data):
                ui.err(_("Nothing was touched."))
                return int(ExitCode.FAILED)  # what was asked for is not done: `reset && …` ends
            if dry_run or not anything:
                if as_json:
                    ui.out(json.dumps({"hosts": before}, indent=1, ensure_ascii=False))
                return int(ExitCode.DONE)
            if old_hub:
                moving.prove(site, before, as_json)
            if not delete_data:
                # Before the first receipt goes: a run may end halfway, with some hosts done.
                kept.remember(site, moving.leaving_homes(before) if old_hub else before)
            result = _run(site, before, left, delete_data, as_json, verbose, old_hub)
            summary.raise_if_interrupted(result)
            good = result.status == records.DONE
            if good and delete_data:
                kept.forget(site, list(site.hosts))
            after = _receipts(site) if good else {}
            after = moving.old_hubs(after) if old_hub else after
    return int(_conclude(result, after, as_json, old_hub))


def _receipts(site: Site) -> dict[str, Components]:
    """Every host's receipt; the first host that cannot be read ends the command."""
    found: dict[str, Components] = {}
    for host, answer in receipts.of_all(site, list(site.hosts.values())).items():
        if isinstance(answer, LocalcloudError):
            raise answer
        found[host] = answer
    return found


def _agreed(site: Site, delete_data: bool, yes: bool, yes_data: bool) -> bool:
    """Ask; deleting homes takes the site's name, typed. Raises UsageError if nobody can answer."""
    name = site.directory.resolve().name
    if not yes and not ui.is_terminal():
        raise UsageError(
            _("There is no terminal to ask on."),
            _("In a script, add --yes (and --yes-delete-data to delete home directories)."),
        )
    if delete_data and not yes_data:
        if not ui.is_terminal():
            raise UsageError(
                _("Home directories are deleted without a question only with --yes-delete-data."),
                _("Add it, or leave --delete-data out."),
            )
        question = _("Type the site's name, {name}, to delete the home directories:")
        return ui.ask(question.format(name=name)) == name
    return yes or ui.confirm(_("Take all this out?"))


def _run(
    site: Site,
    before: dict[str, Components],
    left: dict[str, kept.Left],
    delete_data: bool,
    quiet: bool,
    verbose: int,
    old_hub: bool,
) -> RunResult:
    # Hosts with nothing to remove may not even have a Python for Ansible.
    limit = ",".join(host for host, components in before.items() if components or host in left)
    flags: dict[str, Any] = {"delete_data": delete_data, **({"left": left} if left else {})}
    estimate = Estimate(records.all_of(site.run_dir), "reset", list(site.hosts))
    with progress.silent() if quiet else progress.follow(estimate, verbose=verbose) as view:
        there = _roles(before)

        def on_event(event: Event) -> None:
            if event.phase is None or not event.phase.role or event.phase.role in there:
                view(event)

        # The basis, which has no tag, stays for the hub that is there now.
        only: dict[str, Any] = {"tags": ",".join(sorted(there - {"base"}))} if old_hub else {}
        result = runner.run("reset", site, limit=limit, flags=flags, on_event=on_event, **only)
    records.amend(result.record, Redactor(site.secret_values()), roles=sorted(there))
    return result


def _roles(before: dict[str, Components]) -> set[str]:
    """Whose steps concern anybody; the playbook asks every role, also those never there."""
    return {"base", *(name for components in before.values() for name in components)}


def _conclude(
    result: RunResult, after: dict[str, Components], as_json: bool, old_hub: bool
) -> ExitCode:
    code = summary.exit_code(result)
    left = {host: sorted(components) for host, components in after.items() if components}
    if code == ExitCode.DONE and left:
        code = ExitCode.FAILED
    if as_json:
        found = {**summary.as_dict(result), "left": left, "exit_code": int(code)}
        ui.out(json.dumps(found, indent=1, ensure_ascii=False))
    elif result.status != records.DONE:
        summary.show_failures(result)
    else:
        clean = _("{host} is clean.")
        if old_hub:
            clean = _("{host} has only the hub that people are with.")
        _show_end(result, after, left, clean)
    return code


def _show_end(
    result: RunResult, after: dict[str, Components], left: dict[str, list[str]], clean: str
) -> None:
    ui.out()
    for host in after:
        if host in left:
            names = ", ".join(left[host])
            ui.bad(_("{host}: still there: {names}").format(host=host, names=names))
        else:
            ui.ok(clean.format(host=host))
    ui.out("  " + _("Took:     {time}").format(time=durations.exact(result.seconds)))
    place = str(result.record)
    ui.out(ui.apart("  " + _("Record:   {path}").format(path=place), place))
