"""What becomes of a hub that its server shall no longer be: people move. Pure functions.

The receipt says which hub is there, the site which one is wanted.
"""

from collections.abc import Iterator
from typing import Any

from localcloud.phases import component_name
from localcloud.preflight.facts import Facts, installed
from localcloud.preflight.needs import Needs
from localcloud.preflight.report import Finding, Move, finding


def moves(host: str, facts: Facts, needs: Needs) -> Iterator[Move]:
    """The hubs whose people will come to the one that is wanted, at the next installation."""
    wanted = _wanted(needs) if needs.cluster_hub_here or _own(needs) else ""
    for name in _leaving(facts, needs) if wanted else []:
        there = _prepared(facts, name, _copied(needs, name)) and _people(facts, name)
        if _able(needs, name) and there and there.get("accounts", "?") is not None:
            yield Move(host, name, wanted, needs.hubs[name].group, _copied(needs, name))


def of_host(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """What happens to other hubs than the wanted one."""
    wanted = _wanted(needs)
    if not wanted:
        return  # said elsewhere: the site no longer gives the host that part
    moving = {move.old for move in moves(host, facts, needs)}
    for name in _others(facts, needs):
        hub = needs.hubs[name]
        words = {"old": component_name(name), "new": component_name(wanted), "group": hub.group}
        copied = _copied(needs, name)
        left = installed(facts)[name].get("moved_to") == wanted
        if copied and not needs.cluster_hub_here and not left:
            yield finding(host, "blocking", "hub_move_limit", **words)
        elif not _able(needs, name):
            yield finding(host, "blocking", "hub_move_impossible", **words)
        elif name in moving:
            problem = "hub_move_cluster" if copied else "hub_move"
            yield finding(host, "warning", problem, **words, **_people(facts, name))
        elif _prepared(facts, name, copied):
            yield finding(host, "warning", "hub_left", old=component_name(name))
        else:
            yield finding(host, "blocking", "hub_move_unprepared", **words)


def units(facts: Facts, needs: Needs) -> set[str]:
    """Units of hubs that will be stopped, or are: what they hold ports with is not in the way."""
    names = _others(facts, needs) if _wanted(needs) else []
    return {unit for name in names for unit in needs.hubs[name].units}


def known(facts: Facts, needs: Needs) -> set[str]:
    """Hubs that have a finding of their own here."""
    return set(_others(facts, needs)) if _wanted(needs) else set()


def _wanted(needs: Needs) -> str:
    """The hub that the site gives this host, or the cluster that the host belongs to."""
    return _own(needs) or needs.cluster_hub


def _own(needs: Needs) -> str:
    return next((part.name for part in needs.parts if part.people), "")


def _copied(needs: Needs, name: str) -> bool:
    """Whether people of this hub would go to a cluster, and their homes be copied there."""
    return needs.hubs[_wanted(needs)].takes == needs.hubs[name].people


def _able(needs: Needs, name: str) -> bool:
    return _copied(needs, name) or needs.hubs[_wanted(needs)].people == needs.hubs[name].people


def _prepared(facts: Facts, name: str, copied: bool) -> bool:
    """Whether the receipt says where the hub's people are."""
    entry = installed(facts)[name]
    return bool(entry.get("people") and (not copied or (entry.get("facts") or {}).get("accounts")))


def _others(facts: Facts, needs: Needs) -> list[str]:
    names = {part.name for part in needs.parts} | {_wanted(needs)}
    return [name for name in installed(facts) if name in needs.hubs and name not in names]


def _leaving(facts: Facts, needs: Needs) -> list[str]:
    """Those that people have not left yet."""
    there = installed(facts)
    wanted = _wanted(needs)
    return [name for name in _others(facts, needs) if there[name].get("moved_to") != wanted]


def _people(facts: Facts, name: str) -> dict[str, Any]:
    """How many they are; no number if that could not be found out."""
    return dict(facts["people"].get(name, {"servers": "?"}))
