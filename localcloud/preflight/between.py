"""Findings that only a look at several hosts, or at this computer, can make."""

import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localcloud.preflight.facts import Facts
from localcloud.preflight.needs import Needs, gather
from localcloud.preflight.node_findings import CONTAINERS
from localcloud.preflight.report import Finding, finding

if TYPE_CHECKING:
    from localcloud.site import Site

_PATIENCE = 4.0  # seconds for a name to resolve on this computer
_CLOCK_SECONDS = 2  # clusters and certificates made on one host and read on another


def hosts(facts: Mapping[str, Facts], peers: Set[str] = frozenset()) -> Iterator[Finding]:
    """Cloned machines, and clocks that disagree. ``peers``: the hosts that form a cluster."""
    # The pods' network gets its hardware addresses from the machine-id: twins hide each other.
    yield from _twins(facts, "machine_id_twins", lambda one: [one["machine_id"]], peers)
    yield from _twins(facts, "hostname_twins", lambda one: [one["hostname"]])
    yield from _twins(facts, "mac_twins", lambda one: sorted(set(one["macs"].values())))
    machines = {h: one for h, one in facts.items() if one["virtualization"] not in CONTAINERS}
    yield from _twins(machines, "product_uuid_twins", lambda one: [one["product_uuid"]])
    yield from _clocks(facts)
    yield from _sizes({host: facts[host]["node"]["mtu"] for host in facts if host in peers})


def neighbours(site: "Site", needs: Mapping[str, Needs]) -> dict[str, Needs]:
    """Hosts outside --limit that those within it must reach, or that must reach them."""
    if not any(need.peers() for need in needs.values()):
        return {}
    others = [host for name, host in site.all_hosts.items() if name not in site.hosts]
    found = {host.name: gather(site, host)[0] for host in others}
    return {name: need for name, need in found.items() if need.peers()}


def servers(site: "Site", needs: Mapping[str, Needs]) -> Iterator[Finding]:
    """An even number of servers bears no more losses than one fewer."""
    groups = {part.requirements.get("odd") for need in needs.values() for part in need.parts}
    for group in sorted(filter(None, groups)):
        number = sum(group in host.groups for host in site.all_hosts.values())
        if number and number % 2 == 0:
            words = {"number": number, "fewer": number - 1, "more": number + 1}
            yield finding("", "warning", "servers_even", group=group, **words)


def _sizes(sizes: Mapping[str, int]) -> Iterator[Finding]:
    if len({size for size in sizes.values() if size}) > 1:
        yield finding("", "warning", "mtu_apart", sizes=sizes)


def _twins(
    facts: Mapping[str, Facts], problem_id: str, marks: Any, fatal: Set[str] = frozenset()
) -> Iterator[Finding]:
    """``fatal``: among these hosts, twins stop an installation."""
    owners: dict[str, list[str]] = {}
    for host, one in facts.items():
        for mark in marks(one):
            if mark.strip("0:-"):
                owners.setdefault(mark, []).append(host)
    for mark, twins in owners.items():
        if len(twins) > 1:
            severity = "blocking" if len(fatal & set(twins)) > 1 else "warning"
            yield finding("", severity, problem_id, hosts=twins, mark=mark)


def _clocks(facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Each host against the one in the middle; only what no delay on the way can explain."""
    known = {host: one["clock"] for host, one in facts.items() if one.get("clock")}
    if len(known) < 2:
        return
    ordered = sorted(known, key=lambda host: sum(known[host]))
    middle = ordered[(len(ordered) - 1) // 2]
    low, high = known[middle]
    for host, (least, most) in known.items():
        apart = max(least - high, low - most)
        if apart > _CLOCK_SECONDS:
            yield finding(host, "warning", "clock_apart", seconds=f"{apart:.0f}", other=middle)


def names(
    endpoints: list[Any], facts: Mapping[str, Facts], addresses: Mapping[str, str]
) -> Iterator[Finding]:
    """Does the name people type lead from here to the host that serves it?

    ``addresses``: host → what SSH connects to. Behind a NAT or a proxy the answer may differ
    rightly, so that is no more than a note.
    """
    for endpoint in endpoints:
        name = urlsplit(endpoint.url).hostname or ""
        if not name or _is_address(name) or name == "localhost":
            continue
        found = _resolve(name)
        if not found:
            yield finding(endpoint.host, "warning", "dns_missing", name=name)
            continue
        own = set(facts.get(endpoint.host, {}).get("addresses", []))
        own |= _resolve(addresses.get(endpoint.host, ""))
        if own and not own & found:
            shown = sorted(found)
            yield finding(endpoint.host, "note", "dns_elsewhere", name=name, addresses=shown)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _resolve(name: str) -> set[str]:
    """The addresses of a name; none if the answer takes longer than a person would wait."""
    found: set[str] = set()

    def look() -> None:
        with suppress(OSError, UnicodeError):
            found.update(str(answer[4][0]) for answer in socket.getaddrinfo(name, None))

    if name:
        # The resolver has no time limit of its own; a thread that hangs in it ends with us.
        worker = threading.Thread(target=look, daemon=True)
        worker.start()
        worker.join(_PATIENCE)
    return set(found)
