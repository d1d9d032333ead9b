"""``localcloud reset``: take out what install put in."""

import json
from pathlib import Path
from typing import Any

import click

from localcloud import (
    cancel,
    durations,
    kept,
    progress,
    receipts,
    records,
    runner,
    screen,
    summary,
    ui,
)
from localcloud.cli.options import json_option, limit_option, site_options
from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.estimates import Estimate
from localcloud.events import Event
from localcloud.i18n import _, ngettext
from localcloud.outcome import RunResult
from localcloud.phases import component_name
from localcloud.receipts import Components
from localcloud.redaction import Redactor
from localcloud.site import Site, load_site


@click.command("reset", help=_("Take out what install put in; home directories and accounts stay."))
@limit_option
@click.option("--delete-data", is_flag=True, help=_("Delete the users' home directories, too."))
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
    yes: bool,
    yes_delete_data: bool,
    dry_run: bool,
    as_json: bool,
    verbose: int,
) -> int:
    delete_data = delete_data or yes_delete_data
    with cancel.as_interrupt():
        site = load_site(inventory, limit=limit)
        with site.lock("reset"):
            before, left = _receipts(site), kept.left(site)
            if not as_json:
                _show_plan(site, before, left, delete_data)
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
            result = _run(site, before, left, delete_data, as_json, verbose)
            summary.raise_if_interrupted(result)
            good = result.status == records.DONE
            if good and delete_data:
                kept.forget(site, list(site.hosts))
            elif good:
                kept.remember(site, before)
            after = _receipts(site) if good else {}
    return int(_conclude(result, after, as_json))


def _receipts(site: Site) -> dict[str, Components]:
    """Every host's receipt; the first host that cannot be read ends the command."""
    found: dict[str, Components] = {}
    for host, answer in receipts.of_all(site, list(site.hosts.values())).items():
        if isinstance(answer, LocalcloudError):
            raise answer
        found[host] = answer
    return found


def _show_plan(
    site: Site, before: dict[str, Components], left: dict[str, kept.Left], delete_data: bool
) -> None:
    for host, components in before.items():
        if not components:
            ui.out(_("{host}: nothing of localcloud is installed here.").format(host=host))
        if host in left and (delete_data or not components):
            _show_left(kept.places(left[host]), delete_data)
        if not components:
            continue
        ui.heading(_("{host}: this will go").format(host=host))
        for name, entry in components.items():
            ui.out(f"  {component_name(name)} {entry.get('version', '')}".rstrip())
            for line in _contents(entry):
                ui.out(ui.style(ui.wrap(line, "    "), "dim"))
            _show_homes(entry.get("users", []), delete_data)
            _show_accounts(entry, kept.folder(site, host), delete_data)


def _show_left(places: list[str], delete_data: bool) -> None:
    """What an earlier reset left of people's: only --delete-data takes it."""
    words = _("an earlier reset left people's data: {places}; --delete-data takes it, too")
    if delete_data:
        words = _("THE DATA THAT AN EARLIER RESET LEFT: {places}")
    text = words.format(places=", ".join(places))
    ui.out(ui.style(ui.wrap(text, "    "), "bad" if delete_data else "dim"))


def _contents(entry: dict[str, Any]) -> list[str]:
    """What a component put on its host, all of it: a person is asked to agree to this."""
    lines = []
    if units := entry.get("units"):
        lines.append(_("services: {names}").format(names=", ".join(units)))
    paths = [path for path, was in entry.get("paths", {}).items() if was.get("was") == "absent"]
    if paths:
        lines.append(_("files and folders: {names}").format(names=", ".join(paths)))
    back = [path for path, was in entry.get("paths", {}).items() if was.get("was") == "file"]
    if back:
        lines.append(_("given back as they were: {names}").format(names=", ".join(back)))
    return lines


def _show_homes(users: list[str], delete_data: bool) -> None:
    if not users:
        return
    number = len(users)
    if delete_data:
        words = ngettext(
            "{count} user AND THE HOME DIRECTORY: {names}",
            "{count} users AND THEIR HOME DIRECTORIES: {names}",
            number,
        )
    else:
        words = ngettext(
            "{count} user; the home directory stays: {names}",
            "{count} users; their home directories stay: {names}",
            number,
        )
    names = ", ".join(users) if delete_data else screen.names(users, 6)
    text = words.format(count=number, names=names)
    ui.out(ui.style(ui.wrap(text, "    "), "bad" if delete_data else "good"))


def _show_accounts(entry: dict[str, Any], place: Path, delete_data: bool) -> None:
    """What lives on in the site: of components that people log in to as users of the host."""
    facts = entry.get("facts", {})
    if not (entry.get("user_group") and facts.get("endpoint")):
        return
    words, kind = _("the accounts of the hub stay, copied to {place}"), "good"
    if delete_data:
        words, kind = _("THE ACCOUNTS OF THE HUB, AND WHAT AN EARLIER RESET KEPT OF THEM"), "bad"
    elif facts.get("certificate"):
        words = _("the hub's accounts and certificate authority stay, copied to {place}")
    ui.out(ui.style(ui.wrap(words.format(place=f"{place}/"), "    "), kind))


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

        result = runner.run("reset", site, limit=limit, flags=flags, on_event=on_event)
    records.amend(result.record, Redactor(site.secret_values()), roles=sorted(there))
    return result


def _roles(before: dict[str, Components]) -> set[str]:
    """Whose steps concern anybody; the playbook asks every role, also those never there."""
    return {"base", *(name for components in before.values() for name in components)}


def _conclude(result: RunResult, after: dict[str, Components], as_json: bool) -> ExitCode:
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
        _show_end(result, after, left)
    return code


def _show_end(result: RunResult, after: dict[str, Components], left: dict[str, list[str]]) -> None:
    ui.out()
    for host in after:
        if host in left:
            names = ", ".join(left[host])
            ui.bad(_("{host}: still there: {names}").format(host=host, names=names))
        else:
            ui.ok(_("{host} is clean.").format(host=host))
    ui.out("  " + _("Took:     {time}").format(time=durations.exact(result.seconds)))
    place = str(result.record)
    ui.out(ui.apart("  " + _("Record:   {path}").format(path=place), place))
