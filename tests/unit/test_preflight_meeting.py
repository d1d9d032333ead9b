"""Whether the hosts of a cluster reach each other: who tries whom, and what a sysadmin reads."""

import re
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud import preflight
from localcloud.preflight import meeting
from localcloud.preflight.meeting import Answers, Peer, Try
from tests.doubles.site_double import HostDouble
from tests.unit.ssh_cases import served_site

RECORDED = Path(__file__).parent / "facts" / "cluster"
EVERY = ["k3s_server", "k3s_agent"]
RULES = {
    "address": "k3s_node_ip",
    "firewall": "k3s_firewall_enabled",
    "ports": [
        {"from": EVERY, "to": ["k3s_server"], "tcp": [6443]},
        {"from": ["k3s_server"], "to": ["k3s_server"], "tcp": [2379, 2380]},
        {"from": EVERY, "to": EVERY, "tcp": [10250, 0], "udp": [8472]},
    ],
}


def peer(name, group="k3s_agent", settled=False, firewall=""):
    return Peer(
        name, f"10.0.0.{name[-1]}", (group,), RULES["ports"], "k3s_node_ip", settled, firewall
    )


def peers(*every):
    return {one.name: one for one in every}


def tried(every):
    found = {}
    for one in meeting.wanted(every):
        found.setdefault((one.source, one.target), []).append(one.port)
    return found


def test_each_part_is_tried_on_its_own_ports():
    every = peers(peer("n1", "k3s_server"), peer("n2", "k3s_server"), peer("n3"))
    assert tried(every) == {
        ("n1", "n2"): ["6443/tcp", "2379/tcp", "2380/tcp", "10250/tcp", "8472/udp"],
        ("n1", "n3"): ["10250/tcp", "8472/udp"],
        ("n2", "n1"): ["6443/tcp", "2379/tcp", "2380/tcp", "10250/tcp", "8472/udp"],
        ("n2", "n3"): ["10250/tcp", "8472/udp"],
        ("n3", "n1"): ["6443/tcp", "10250/tcp", "8472/udp"],
        ("n3", "n2"): ["6443/tcp", "10250/tcp", "8472/udp"],
    }


def test_hosts_outside_the_limit_are_not_tried_among_themselves():
    every = peers(peer("n1", "k3s_server"), peer("n2"), peer("n3"))
    for name in ("n1", "n2"):
        every[name] = replace(every[name], within=False)
    assert {(source, target) for source, target in tried(every)} == {
        ("n1", "n3"),
        ("n2", "n3"),
        ("n3", "n1"),
        ("n3", "n2"),
    }


def test_a_cluster_that_runs_is_left_alone_and_a_new_node_tried():
    every = peers(peer("n1", "k3s_server", settled=True), peer("n2", settled=True))
    assert tried(every) == {}
    assert tried({**every, "n3": peer("n3")}) == {
        ("n1", "n3"): ["10250/tcp", "8472/udp"],
        ("n2", "n3"): ["10250/tcp", "8472/udp"],
        ("n3", "n1"): ["6443/tcp", "10250/tcp"],  # UDP: the kernel holds the port there
        ("n3", "n2"): ["10250/tcp"],
    }


def judged(every, *results, taken=(), lost=None):
    answers = Answers({Try(*one): result for *one, result in results}, set(taken), lost or {})
    return list(meeting.judged(every, answers))


def test_shut_ports_are_said_once_for_the_same_hosts():
    every = peers(peer("n1", "k3s_server"), peer("n2"), peer("n3"))
    (one,) = judged(
        every,
        ("n2", "n1", "6443/tcp", "silent"),
        ("n3", "n1", "6443/tcp", "refused"),
        ("n2", "n1", "8472/udp", "silent"),
        ("n3", "n1", "8472/udp", "silent"),
        ("n3", "n2", "10250/tcp", "ok"),
        ("n1", "n2", "10250/tcp", "open"),
    )
    assert (one.host, one.severity) == ("n1", "blocking")
    assert one.message == "n2, n3 cannot reach n1 (10.0.0.1) on 6443/tcp, 8472/udp."
    assert "`k3s_node_ip` in hosts.yml" in one.remedy


def test_a_firewall_that_the_installation_opens_is_a_note():
    every = peers(peer("n1", firewall="ufw"), peer("n2"))
    (one,) = judged(every, ("n2", "n1", "10250/tcp", "silent"))
    assert one.severity == "note"
    assert one.message == "The host's own firewall, ufw, keeps n2 from 10250/tcp."


def test_an_address_of_another_host_stops():
    (one,) = judged(peers(peer("n1"), peer("n2")), ("n2", "n1", "10250/tcp", "stranger"))
    assert one.severity == "blocking"
    assert one.message == "The address 10.0.0.1 of n1 leads n2 to another host."


def test_a_port_held_by_another_program_tells_nothing_of_udp():
    every = peers(peer("n1"), peer("n2"))
    assert not judged(every, ("n2", "n1", "8472/udp", "silent"), taken=[("n1", "8472/udp")])
    assert judged(every, ("n2", "n1", "10250/tcp", "silent"), taken=[("n1", "10250/tcp")])


def test_nothing_is_said_against_a_host_that_could_not_be_asked():
    every = peers(peer("n1"), peer("n2"))
    (one,) = judged(every, ("n2", "n1", "8472/udp", "silent"), lost={"n1": "no perl"})
    assert (one.host, one.problem_id, one.severity) == ("n1", "peers_untested", "note")


def test_many_hosts_meet_in_rounds_with_the_servers_in_each():
    servers = [peer(f"s{number}", "k3s_server") for number in range(3)]
    every = peers(*servers, *(peer(f"a{number}") for number in range(60)))
    rounds = list(meeting._rounds(every))
    assert all(len(names) <= 30 and {"s0", "s1", "s2"} <= names for names in rounds)
    assert set().union(*rounds) == set(every)


# The program itself, on this computer


@pytest.fixture
def port():
    """Gives numbers of ports that nobody holds."""
    given = set()

    def free():
        while True:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                number = one.getsockname()[1]
            if number not in given:
                given.add(number)
                return number

    return free


def run(monkeypatch, every, tries, seconds=4):
    """Let the program meet itself; gives the answers of all."""
    monkeypatch.setattr(meeting, "SECONDS", seconds)
    answers, running = Answers(), {}
    for name in every:
        program = subprocess.Popen(["perl", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        program.stdin.write(meeting.script(name, "mark", every, tries))
        program.stdin.close()
        running[name] = program
    for name, program in running.items():
        meeting.read(answers, name, program.stdout.read().decode())
        assert program.wait(10) == 0
    return answers


def local(name):
    return Peer(name, "127.0.0.1", (), ())


def test_it_meets_itself_and_leaves_nothing_behind(monkeypatch, port):
    every = peers(local("a"), local("b"))
    numbers = [port() for _one in range(4)]
    ports = [f"{number}/{kind}" for number, kind in zip(numbers, ["tcp", "udp"] * 2, strict=True)]
    tries = [Try("a", "b", ports[0]), Try("a", "b", ports[1])]
    tries += [Try("b", "a", ports[2]), Try("b", "a", ports[3])]
    begin = time.monotonic()
    answers = run(monkeypatch, every, tries, seconds=20)
    assert time.monotonic() - begin < 15, "it ends as soon as all is known"
    assert answers.results == dict.fromkeys(tries, "ok")
    assert not answers.taken and not answers.lost
    for number in numbers:
        with socket.socket() as one:  # at once, as k3s would
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("0.0.0.0", number))
            one.listen()


def test_what_does_not_answer_is_told_apart(monkeypatch, port):
    every = peers(local("a"), local("b"), local("c"))
    deaf, other, doors = port(), port(), [port(), port()]
    with socket.create_server(("0.0.0.0", other)), socket.socket(type=socket.SOCK_DGRAM) as mute:
        mute.bind(("0.0.0.0", deaf))
        tries = [
            Try("a", "b", f"{other}/tcp"),  # another program's
            Try("a", "b", f"{deaf}/udp"),
            Try("a", "c", f"{doors[0]}/tcp"),
            Try("b", "a", f"{doors[1]}/tcp"),
        ]
        script = meeting.script

        def misled(name, *rest):
            """c does not listen, but b at the same address: a's way to c leads to b."""
            text = script(name, *rest).decode()
            door = f"listen tcp {doors[0]} 1\n"
            text = text.replace(door, "") if name == "c" else text
            return (text + (door if name == "b" else "")).encode()

        monkeypatch.setattr(meeting, "script", misled)
        answers = run(monkeypatch, every, tries, seconds=3)
    assert list(answers.results.values()) == ["open", "silent", "stranger", "ok"]
    assert answers.taken == {("b", f"{other}/tcp"), ("b", f"{deaf}/udp")}


def test_a_closed_port_is_refused(monkeypatch, port):
    number = port()
    monkeypatch.setattr(
        meeting, "script", lambda name, *_: _only(name, f"try b 127.0.0.1 tcp {number}")
    )
    answers = run(monkeypatch, peers(local("a")), [], seconds=1)
    assert answers.results == {Try("a", "b", f"{number}/tcp"): "refused"}


def _only(name, line):
    text = meeting._program()
    return f"{text}__END__\nme {name}\nmark mark\nseconds 1\n{line}\n".encode()


# As a part of the check


def clustered(tmp_path, answer):
    """A site of two nodes on two servers; ``answer`` is what the meeting's program says on each."""
    asked = []

    def handler(name, address):
        said = (RECORDED / "agent.txt").read_text().replace("10.89.7.11", address)
        said = re.sub(r"(?m)^(machine_id|hostname)=.*$", rf"\1={name}", said)
        said = re.sub(r"(?m)^time_.*\n", "", said).replace("mac=eth0 ", f"mac=eth0 {name}")

        def reply(command, _stdin):
            asked.append((name, command))
            text = said if command == "sh -s" else answer(name)
            return 0, text.encode(), b""

        return reply

    site, server = served_site(tmp_path, handler("n1", "10.0.0.1"), "n1")
    other_site, other = served_site(tmp_path / "other", handler("n2", "10.0.0.2"), "n2")
    site.hosts |= other_site.hosts
    for host in site.hosts.values():
        host.groups = ["k3s_agent"]
    other.pin(tmp_path / "more")
    with site.known_hosts.open("a") as known:
        known.write((tmp_path / "more").read_text())
    role = ("k3s", {"requirements": {"peers": RULES}})
    site.parts = {"n1": [role], "n2": [role]}
    return site, asked, [server, other]


def test_the_check_takes_one_more_round_for_a_cluster_only(tmp_path):
    (tmp_path / "other").mkdir()
    site, asked, servers = clustered(
        tmp_path,
        lambda name: f"tried {'n2' if name == 'n1' else 'n1'} tcp 10250 silent\npeers complete\n",
    )
    report = preflight.check(site)
    assert {(one.host, one.problem_id) for one in report.blocking} == {
        ("n1", "peers_blocked"),
        ("n2", "peers_blocked"),
    }
    assert [server.connections for server in servers] == [2, 2]
    asked.clear()
    assert not preflight.check(site, "reset").blocking
    assert {command for _name, command in asked} == {"sh -s"}


def limited(tmp_path, answer):
    """Of the two, n2 alone is asked for."""
    (tmp_path / "other").mkdir()
    site, asked, servers = clustered(tmp_path, answer)
    site.outside = {"n1": site.hosts.pop("n1")}
    return site, asked, servers


def test_a_new_node_alone_is_tried_against_those_outside_the_limit(tmp_path):
    said = {"n1": "", "n2": "tried n1 tcp 10250 silent\n"}
    site, asked, _servers = limited(tmp_path, lambda name: f"{said[name]}peers complete\n")
    report = preflight.check(site)
    (one,) = report.blocking
    assert (one.host, one.problem_id) == ("n1", "peers_blocked") and "n2" in one.message
    assert [name for name, command in asked if command == "perl -"].count("n1") == 1
    assert [*report.facts] == ["n2"], "nothing else of the other is judged"


def test_an_old_node_that_is_gone_does_not_stop_a_new_one(tmp_path):
    site, _asked, servers = limited(tmp_path, lambda _name: "peers complete\n")
    servers[0].close()
    report = preflight.check(site)
    assert not report.blocking and not report.unreachable
    assert [one.host for one in report.findings if one.problem_id == "peers_untested"] == ["n1"]


def test_a_host_without_perl_is_a_note(tmp_path):
    (tmp_path / "other").mkdir()
    site, _asked, _servers = clustered(tmp_path, lambda _name: "sh: perl: not found\n")
    report = preflight.check(site)
    assert not report.blocking
    assert {one.problem_id for one in report.findings if one.severity == "note"} == {
        "peers_untested"
    }


def test_machines_behind_a_nat_have_the_same_address(tmp_path):
    """As virtual machines do whose default route is their hypervisor's; here, two names for one."""
    site, _server = served_site(tmp_path, lambda *_: (0, recorded_agent(), b""), "n1")
    first = site.hosts["n1"]
    site.hosts["n2"] = HostDouble("n2", port=first.port, user=first.user, key_file=first.key_file)
    site.parts = {name: [("k3s", {"requirements": {"peers": RULES}})] for name in ("n1", "n2")}
    report = preflight.check(site)
    (one,) = [one for one in report.blocking if one.problem_id == "address_twins"]
    assert (
        one.message == "These hosts have the same address towards the others, 10.89.7.11: n1, n2."
    )
    assert "`k3s_node_ip`" in one.remedy


def recorded_agent():
    return re.sub(r"(?m)^time_.*\n", "", (RECORDED / "agent.txt").read_text()).encode()
