"""Nodes behind the firewalls of Debian, ufw and firewalld; k3s is the stand-in, they are real."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from conftest import Machine

DOUBLE = Path(__file__).resolve().parents[1] / "doubles/k3s"
VERSION = "v1.36.4+k3s1"
QUIET = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq"
# As an administrator does it: on Debian the unit of ufw is active from the next start on.
UFW = f"{QUIET} ufw; ufw allow 22/tcp; ufw allow from 192.0.2.9; ufw --force enable"
FIREWALLD = (
    f"{QUIET} firewalld; firewall-cmd --permanent --add-port=8443/tcp; firewall-cmd --reload"
)
SHOW_FIREWALLD = """for what in sources ports; do for zone in public trusted; do
firewall-cmd --zone=$zone --list-$what
firewall-cmd --permanent --zone=$zone --list-$what
done; done"""
SHOWN = {"node1": SHOW_FIREWALLD, "node2": "ufw show added"}


@pytest.fixture(scope="module")
def cluster(make_site):
    site = make_site(groups=("k3s_server=1", "k3s_agent=1"))
    files = site.directory / "files/outside"
    files.mkdir(parents=True)
    shutil.copy(DOUBLE / "k3s", files)
    sha256 = hashlib.sha256((DOUBLE / "k3s").read_bytes()).hexdigest()
    site.set(
        k3s_version=VERSION,
        k3s_checksums=f"{{{VERSION}: {{k3s: {sha256}}}}}",
        artifact_local_dir="files/outside",
        artifact_online="false",
        k3s_disable="[local-storage]",
    )
    for name, commands in (("node1", FIREWALLD), ("node2", UFW)):
        Machine(site.lab, name).run(f"apt-get update -qq; {commands}", 300)
    return site


@pytest.fixture(scope="module")
def before(cluster):
    return {name: rules(cluster, name) for name in SHOWN}


def rules(site, name: str) -> str:
    return Machine(site.lab, name).run(SHOWN[name])


def address(site, name: str) -> str:
    return Machine(site.lab, name).run("hostname -I").split()[0]


def test_check_says_that_the_installation_lets_the_nodes_through(cluster, before):
    ended = cluster.localcloud("check").ended(0)
    ended.says("The host's own firewall, firewalld, keeps node2 from 6443/tcp", "Nothing to do")
    ended.says("The host's own firewall, ufw, keeps node1 from 10250/tcp")


def test_nodes_let_each_other_through_at_once_and_for_good(cluster, before):
    cluster.localcloud("install").ended(0)
    for name in SHOWN:
        for one in ("node1", "node2"):
            assert address(cluster, one) in rules(cluster, name)
    # Both lists of each of firewalld's zones.
    assert rules(cluster, "node1").count("10.42.0.0/16") == 2
    assert re.search(r"^8443/tcp .*443/tcp|443/tcp .*8443/tcp", rules(cluster, "node1"), re.M)
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")


def test_a_rule_that_was_taken_out_for_the_moment_is_set_again(cluster):
    gone = "firewall-cmd --zone=trusted --remove-source=10.42.0.0/16"
    Machine(cluster.lab, "node1").run(gone)
    cluster.localcloud("install").ended(0)
    assert rules(cluster, "node1").count("10.42.0.0/16") == 2


def test_a_node_that_left_is_trusted_no_longer(cluster, before):
    left = address(cluster, "node2")
    # As if a removal had ended half-way: firewalld takes a second one for a mistake.
    half = f"firewall-cmd --zone=trusted --remove-source={left}"
    Machine(cluster.lab, "node1").run(half)
    cluster.localcloud("reset", "--limit", "node2", "--yes").ended(0)
    assert rules(cluster, "node2") == before["node2"]
    hosts = cluster.directory / "hosts.yml"
    whole = hosts.read_text()
    (cluster.directory / "host_vars/node2.yml").rename(cluster.directory / "node2.yml")
    hosts.write_text(re.sub(r"(?m)^ +node2:\n( {10}.*\n)*", "", whole).replace("{}", ""))
    cluster.localcloud("install").ended(0)
    assert left not in rules(cluster, "node1")
    assert address(cluster, "node1") in rules(cluster, "node1")
    (cluster.directory / "node2.yml").rename(cluster.directory / "host_vars/node2.yml")
    hosts.write_text(whole)


def test_a_reset_leaves_the_administrators_own_rules(cluster, before):
    cluster.localcloud("reset", "--yes").ended(0)
    for name in SHOWN:
        assert rules(cluster, name) == before[name]
    assert "ufw allow from 192.0.2.9" in before["node2"]
