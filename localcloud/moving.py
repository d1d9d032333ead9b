"""Moving from one hub to another on the same server: what is said after it, and the old hub's end.

The move itself is Ansible's (``roles/hub``); what will happen says ``preflight/moving.py``.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from localcloud import hints, progress, ui
from localcloud.estimates import Estimate
from localcloud.i18n import _
from localcloud.phases import component_name
from localcloud.problems import ProblemError
from localcloud.receipts import Components

if TYPE_CHECKING:
    from localcloud.preflight import Move
    from localcloud.site import Site


def show_way_back(moves: "list[Move]") -> None:
    """After an installation or a journey that failed: nobody is lost."""
    for move in moves:
        words = _(
            "{old} is still on host {host}, with all that it had. To go back, put the host into "
            "the group {group} again in hosts.yml and run `localcloud install`."
        )
        if move.copied:
            words = _(
                "{old} is still on host {host}, with all that it had. To go back: `localcloud "
                "reset --limit {host}` (homes and accounts stay), then put the host into the group "
                "{group} again in hosts.yml, in no other, and run `localcloud install`."
            )
        told = words.format(old=component_name(move.old), host=move.host, group=move.group)
        ui.warn(ui.wrap(hints.complete(told), "  ").lstrip())


def show_left(moves: "list[Move]") -> None:
    """After a move that went well: the old hub waits, stopped, until somebody says so."""
    for move in moves:
        words = _(
            "People have moved from {old} to {new} on host {host}. {old} is stopped and still "
            "there; when people are content: `localcloud reset --old-hub`."
        )
        if move.copied:
            words = _(
                "People have moved from {old} on host {host} to {new}. {old} is stopped and still "
                "there; when people are content: `localcloud reset --old-hub`. Homes stay on the "
                "host then, too."
            )
        names = {"old": component_name(move.old), "new": component_name(move.new)}
        ui.ok(ui.wrap(hints.complete(words.format(host=move.host, **names)), "  ").lstrip())


def as_json(moves: "list[Move]") -> list[dict[str, Any]]:
    return [asdict(move) for move in moves]


def old_hubs(found: dict[str, Components]) -> dict[str, Components]:
    """Of all that hosts have, the hubs that people moved away from, each with what is its alone."""
    return {
        host: {
            name: _its_own(name, components)
            for name, entry in components.items()
            if entry.get("moved_to") in components or _is_copied(entry)
        }
        for host, components in found.items()
    }


def leaving_homes(old: dict[str, Components]) -> dict[str, Components]:
    """Of old hubs, those whose homes were copied away: only there nobody uses them any more."""
    return {
        host: {name: entry for name, entry in components.items() if _is_copied(entry)}
        for host, components in old.items()
    }


def _is_copied(entry: dict[str, Any]) -> bool:
    """Whether people went from this hub to a cluster, and what they had is here as well."""
    return bool(entry.get("moved_to") and entry.get("people_copied"))


def _its_own(name: str, components: Components) -> dict[str, Any]:
    """An entry without what another component has, too: that stays with the other one."""
    others = [entry for other, entry in components.items() if other != name]
    paths = {path for entry in others for path in entry.get("paths", {})}
    units = {unit for entry in others for unit in entry.get("units", [])}
    own = dict(components[name])
    own["paths"] = {path: was for path, was in own.get("paths", {}).items() if path not in paths}
    own["units"] = [unit for unit in own.get("units", []) if unit not in units]
    return own


def prove(site: "Site", old: dict[str, Components], quiet: bool) -> None:
    """A student's journey through the hubs that people moved to; raises ProblemError if one fails.

    They are on the same host, or on the cluster.
    """
    from localcloud.walk import walk

    all_old = [entry for components in old.values() for entry in components.values()]
    clusters = {entry["moved_to"] for entry in all_old if _is_copied(entry)}
    missing = clusters - {endpoint.component for endpoint in site.endpoints()}
    if missing:
        raise ProblemError("hub_new_unseen", {"names": ", ".join(map(component_name, missing))})
    for endpoint in site.endpoints():
        if not old.get(endpoint.host) and endpoint.component not in clusters:
            continue
        with progress.silent() if quiet else progress.follow(Estimate([], "", [])) as view:
            report = walk(endpoint, site, view)
        if not report.ok:
            if not quiet:
                ui.err(report.render())
            raise ProblemError("hub_old_needed", {"host": endpoint.host})
