"""Do the hosts of a cluster reach each other? The one question that takes a second round.

On all hosts at once a small program listens for some seconds on the ports that are free, and tries
the others (``peers.pl``). Roles declare the ports: ``requirements: peers:``.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.errors import LocalcloudError
from localcloud.preflight.facts import Facts, installed
from localcloud.preflight.needs import Needs
from localcloud.preflight.report import Finding, finding
from localcloud.ssh import Connection, on_all

if TYPE_CHECKING:
    from localcloud.site import Site

SECONDS = 4  # for a host to be reached; a word more is asked for every 0.3 s
_AT_ONCE = 30  # hosts that can be entered at the same time, see ssh.on_all
_PATIENCE = 10.0  # seconds until the last host is entered


@dataclass(frozen=True)
class Peer:
    """A host that others must reach, or that must reach others. ``rules``: what its roles say of
    that; ``setting`` names its address; ``firewall``: its own, where the installation opens it."""

    name: str
    address: str
    groups: tuple[str, ...]
    rules: tuple[Mapping[str, Any], ...]
    setting: str = "ansible_host"
    settled: bool = False  # it has its part already
    firewall: str = ""
    within: bool = True  # --limit


@dataclass(frozen=True)
class Try:
    """One question: does ``source`` reach ``port`` (such as ``6443/tcp``) of ``target``?"""

    source: str
    target: str
    port: str


@dataclass
class Answers:
    """``results``: what each try ended in; ``taken``: (host, port) where nothing could listen;
    ``lost``: hosts that gave no answers, and why."""

    results: dict[Try, str] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)


def findings(
    site: "Site", facts: Mapping[str, Facts], needs: Mapping[str, Needs]
) -> Iterator[Finding]:
    peers = {name: _peer(site, facts[name], needs[name], name) for name in _cluster(facts, needs)}
    owners: dict[str, list[str]] = {}
    for peer in peers.values():
        owners.setdefault(peer.address, []).append(peer.name)
    for address, names in owners.items():
        if len(names) > 1:
            words = {"mark": address, "setting": peers[names[0]].setting}
            yield finding("", "blocking", "address_twins", hosts=names, **words)
            for name in names:
                del peers[name]
    tries = wanted(peers)
    if tries:
        yield from judged(peers, ask(site, peers, tries))


def _cluster(facts: Mapping[str, Facts], needs: Mapping[str, Needs]) -> list[str]:
    """Hosts that were seen, and that are to be nodes of a cluster."""
    return [name for name in facts if needs[name].peers()]


def _peer(site: "Site", facts: Facts, needs: Needs, name: str) -> Peer:
    parts = needs.peers()
    declared = [part.requirements["peers"] for part in parts]

    def values(key: str) -> list[Any]:
        return [site.value(name, one[key]) for one in declared if one.get(key)]

    named = [str(one["address"]) for one in declared if one.get("address")]
    return Peer(
        name=name,
        address=next((str(one) for one in values("address") if one), facts["node"]["address"]),
        groups=tuple(site.all_hosts[name].groups),
        rules=tuple(rule for one in declared for rule in one.get("ports") or ()),
        within=name in site.hosts,
        settled=all(part.name in installed(facts) for part in parts),
        firewall=facts["firewall"] if any(values("firewall")) else "",
        setting=named[0] if named else "ansible_host",
    )


def wanted(peers: Mapping[str, Peer]) -> list[Try]:
    """What must be tried: nothing between hosts that are nodes already, which the cluster itself
    watches, and no UDP to one: there the kernel holds the port."""
    found: dict[Try, None] = {}
    rules = _rules(peers)
    for source in peers.values():
        for target in peers.values():
            known = (source.settled and target.settled) or not (source.within or target.within)
            if source is target or not target.address or known:
                continue
            for rule in rules:
                if _among(source, rule["from"]) and _among(target, rule["to"]):
                    for port in _ports(rule, udp=not target.settled):
                        found[Try(source.name, target.name, port)] = None
    return list(found)


def _rules(peers: Mapping[str, Peer]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for peer in peers.values():
        found += [rule for rule in peer.rules if rule not in found]
    return found


def _among(peer: Peer, groups: list[str]) -> bool:
    return bool(set(groups) & set(peer.groups))


def _ports(rule: Mapping[str, Any], udp: bool) -> Iterator[str]:
    for protocol in ("tcp", "udp") if udp else ("tcp",):
        yield from (f"{port}/{protocol}" for port in rule.get(protocol) or () if port)


def ask(site: "Site", peers: Mapping[str, Peer], tries: list[Try]) -> Answers:
    """Put all tries to the hosts; where there are too many for one time, in several."""
    answers = Answers()
    for names in _rounds(peers):
        within = [one for one in tries if {one.source, one.target} <= names]
        for name, said in _meet(site, peers, names, within).items():
            read(answers, name, said)
    return answers


def _meet(
    site: "Site", peers: Mapping[str, Peer], names: Set[str], tries: list[Try]
) -> dict[str, str | LocalcloudError]:
    mark = secrets.token_hex(6)
    barrier = threading.Barrier(len(names))

    def visit(connection: Connection) -> str:
        # All begin together, or as soon as it is clear that one does not come.
        with suppress(threading.BrokenBarrierError):
            barrier.wait(_PATIENCE)
        text = script(connection.host.name, mark, peers, tries)
        return connection.run("perl -", text, timeout=SECONDS + 10).stdout

    return on_all(site, [host for name, host in site.all_hosts.items() if name in names], visit)


def _rounds(peers: Mapping[str, Peer]) -> Iterator[set[str]]:
    """Sets of hosts that meet: all of them, or the servers with some of the others at a time."""
    if len(peers) <= _AT_ONCE:
        yield set(peers)
        return
    # What is one group's alone is for all: an API, a file server.
    chosen = {rule["to"][0] for rule in _rules(peers) if len(rule["to"]) == 1}
    centre = [name for name, peer in peers.items() if chosen & set(peer.groups)][: _AT_ONCE // 2]
    others = [name for name in peers if name not in centre]
    step = _AT_ONCE - len(centre)
    for begin in range(0, len(others), step):
        yield {*centre, *others[begin : begin + step]}


@cache
def _program() -> str:
    return (Path(__file__).parent / "peers.pl").read_text()


def script(name: str, mark: str, peers: Mapping[str, Peer], tries: list[Try]) -> bytes:
    """The program with one host's questions behind it."""
    lines = [f"me {name}", f"mark {mark}", f"seconds {SECONDS}"]
    visitors: dict[str, int] = {}
    for one in tries:
        if one.target == name:
            visitors[one.port] = visitors.get(one.port, 0) + 1
        if one.source == name:
            port, _slash, protocol = one.port.partition("/")
            lines.append(f"try {one.target} {peers[one.target].address} {protocol} {port}")
    for port, number in visitors.items():
        number_, _slash, protocol = port.partition("/")
        lines.append(f"listen {protocol} {number_} {number}")
    return "\n".join([_program().rstrip("\n"), "__END__", *lines, ""]).encode()


def read(answers: Answers, name: str, said: "str | LocalcloudError") -> None:
    if isinstance(said, LocalcloudError):
        answers.lost[name] = said.message
        return
    lines = [line.split() for line in said.splitlines()]
    if ["peers", "complete"] not in lines:
        answers.lost[name] = "perl"
        return
    for words in lines:
        if words[0] == "taken":
            answers.taken.add((name, f"{words[2]}/{words[1]}"))
        elif words[0] == "tried":
            answers.results[Try(name, words[1], f"{words[3]}/{words[2]}")] = words[4]


def judged(peers: Mapping[str, Peer], answers: Answers) -> Iterator[Finding]:
    """One finding for each host, and each set of others that do not reach it."""
    for name, reason in answers.lost.items():
        yield finding(name, "note", "peers_untested", reason=reason)
    for target in peers.values():
        if target.name in answers.lost:
            continue
        shut: dict[str, list[str]] = {}
        elsewhere: dict[str, None] = {}
        for one, result in answers.results.items():
            taken = (one.target, one.port) in answers.taken
            if one.target != target.name or (taken and one.port.endswith("/udp")):
                continue
            if result == "stranger":
                elsewhere[one.source] = None
            elif result not in ("ok", "open"):
                shut.setdefault(one.port, []).append(one.source)
        words = {"address": target.address, "setting": target.setting}
        if elsewhere:
            yield finding(target.name, "blocking", "peers_elsewhere", others=[*elsewhere], **words)
        yield from _shut(target, shut, words)


def _shut(target: Peer, shut: Mapping[str, list[str]], words: dict[str, str]) -> Iterator[Finding]:
    by_sources: dict[tuple[str, ...], list[str]] = {}
    for port, sources in shut.items():
        by_sources.setdefault(tuple(sources), []).append(port)
    for names, ports in by_sources.items():
        words = {**words, "others": ", ".join(names), "ports": ", ".join(ports)}
        if target.firewall:
            words["firewall"] = target.firewall
            yield finding(target.name, "note", "peers_firewall", **words)
        else:
            yield finding(target.name, "blocking", "peers_blocked", **words)
