"""What ``localcloud reset`` says will go and what will stay."""

from pathlib import Path
from typing import Any

from localcloud import kept, screen, ui
from localcloud.i18n import _, ngettext
from localcloud.phases import component_name
from localcloud.receipts import Components
from localcloud.site import Site


def plan(
    site: Site,
    before: dict[str, Components],
    left: dict[str, kept.Left],
    delete_data: bool,
    old_hub: bool,
) -> None:
    nothing = _("{host}: nothing of localcloud is installed here.")
    if old_hub:
        nothing = _("{host}: there is no hub here that people have moved away from.")
    for host, components in before.items():
        if not components:
            ui.out(nothing.format(host=host))
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
        if delete_data and (places := kept.not_ours(components)):
            _show_not_ours(places)


def _show_left(places: list[str], delete_data: bool) -> None:
    """What an earlier reset left of people's: only --delete-data takes it."""
    words = _("an earlier reset left people's data: {places}; --delete-data takes it, too")
    if delete_data:
        words = _("THE DATA THAT AN EARLIER RESET LEFT: {places}")
    text = words.format(places=", ".join(places))
    ui.out(ui.style(ui.wrap(text, "    "), "bad" if delete_data else "dim"))


def _show_not_ours(places: list[str]) -> None:
    words = _(
        "what is in {places} stays, as it was there before localcloud; delete it if it must go"
    )
    ui.out(ui.style(ui.wrap(words.format(places=", ".join(places)), "    "), "good"))


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
    taken_along = entry.get("moved_to") and not entry.get("people_copied")
    if taken_along or not (entry.get("user_group") and facts.get("endpoint")):
        return
    words, kind = _("the accounts of the hub stay, copied to {place}"), "good"
    if delete_data:
        words, kind = _("THE ACCOUNTS OF THE HUB, AND WHAT AN EARLIER RESET KEPT OF THEM"), "bad"
    elif facts.get("certificate"):
        words = _("the hub's accounts and certificate authority stay, copied to {place}")
    ui.out(ui.style(ui.wrap(words.format(place=f"{place}/"), "    "), kind))
