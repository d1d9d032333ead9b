"""What people's servers may speak to, as a NetworkPolicy wants it."""

import ipaddress
from collections.abc import Iterable
from typing import Any


def host_networks(words: Iterable[Any]) -> list[str]:
    """The IPv4 addresses among some words, as networks; a name has no place in a NetworkPolicy."""
    found = []
    for word in words:
        try:
            found.append(str(ipaddress.IPv4Network(str(word))))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def host_names(words: Iterable[Any]) -> list[str]:
    """Those among some words that must be looked up: neither empty nor an address."""
    found = []
    for word in map(str, words):
        try:
            ipaddress.ip_network(word.strip("[]"))
        except ValueError:
            found += [word] if word else []
    return list(dict.fromkeys(found))


def open_blocks(networks: Iterable[str], closed: Iterable[str]) -> list[dict[str, Any]]:
    """``ipBlock`` peers for networks without what is closed in them.

    Kubernetes takes an exception only within its own network, so each gets those that lie in it.
    """
    shut = [ipaddress.ip_network(each) for each in closed]
    peers = []
    for network in map(ipaddress.ip_network, networks):
        same = [each for each in shut if each.version == network.version]
        if any(network.subnet_of(each) for each in same):
            continue
        inner = sorted({each for each in same if each.subnet_of(network)})
        block: dict[str, Any] = {"cidr": str(network)}
        if inner:
            block["except"] = [str(each) for each in inner]
        peers.append({"ipBlock": block})
    return peers


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {
            "open_blocks": open_blocks,
            "host_networks": host_networks,
            "host_names": host_names,
        }
