"""The life of a cluster, with the stand-in for k3s: joining, upgrades, removal, refusals.

The stand-in (tests/doubles/k3s) checks tokens, configuration and versions as the real one does, and
keeps a journal of what happened. The tests stand in the order of that life and share five machines.
"""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from conftest import Machine
from lives import changes, secret_places

DOUBLE = Path(__file__).resolve().parents[1] / "doubles/k3s"
JOURNAL = "/var/lib/rancher/k3s/server/db/journal"
OLD, NEW = "v1.36.4+k3s1", "v1.37.1+k3s1"
SERVERS, AGENTS = ["node1", "node2", "node3"], ["node4", "node5"]


@pytest.fixture(scope="module")
def cluster(make_site):
    site = make_site(groups=("k3s_server=3", "k3s_agent=2"))
    files = site.directory / "files/outside"
    files.mkdir(parents=True)
    shutil.copy(DOUBLE / "k3s", files)
    use(site, OLD)
    # The stand-in has nodes, and nothing that could hold a volume.
    site.set(
        artifact_local_dir="files/outside", artifact_online="false", k3s_disable="[local-storage]"
    )
    return site


def use(site, version: str) -> None:
    sha256 = hashlib.sha256((DOUBLE / "k3s").read_bytes()).hexdigest()
    site.set(k3s_version=version, k3s_checksums=f"{{{version}: {{k3s: {sha256}}}}}")


def at(site, name: str) -> Machine:
    return Machine(site.lab, name)


def journal(site, name: str = "node1") -> list[list[str]]:
    lines = at(site, name).run(f"cat {JOURNAL} 2>/dev/null || true").splitlines()
    return [line.split() for line in lines]


def nodes(site, name: str = "node1") -> dict[str, dict]:
    # Its cache in root's home would be the test's, not the role's.
    shown = at(site, name).run("HOME=/run/k3s/test kubectl get nodes -o json")
    found = json.loads(shown)["items"]
    return {node["metadata"]["name"]: node for node in found}


@pytest.fixture(scope="module")
def before(cluster):
    return {name: at(cluster, name).listing() for name in ("node1", "node4")}


def test_a_dry_run_changes_nothing(cluster, before):
    cluster.localcloud("install", "--dry-run").ended(0)
    assert changes(before["node4"], at(cluster, "node4").listing()) == []


def test_a_disk_that_is_too_small_for_k3s_ends_in_the_check(cluster, before):
    place = "/var/lib/rancher"
    at(cluster, "node4").run(f"mkdir {place} && mount -t tmpfs -o size=64m none {place}")
    cluster.localcloud("install").ended(3).says(f"On {place} there are 64 MiB free")
    at(cluster, "node4").run(f"umount {place} && rmdir {place}")
    assert changes(before["node4"], at(cluster, "node4").listing()) == []


def test_a_key_that_is_the_roles_own_is_refused(cluster, before):
    cluster.set(k3s_config="{token: abc}")
    ended = cluster.localcloud("install").ended(1)
    ended.says("k3s_config has the key token", "k3s_token", "Nothing was touched")
    # The second is for servers alone; an agent would not start with it.
    cluster.set(k3s_config="{kubelet-arg: [max-pods=60], flannel-backend: host-gw}")
    assert not at(cluster, "node1").run("ls /etc/rancher 2>/dev/null || true")


def test_a_damaged_file_is_named_and_nothing_of_it_is_left(cluster, before):
    outside = cluster.directory / "files/outside/k3s"
    whole = outside.read_bytes()
    outside.write_bytes(whole[:-100] + b"x" * 100)
    ended = cluster.localcloud("install").ended(1)
    ended.says(f"{outside} on this computer is not k3s {OLD}", "Replace or remove it")
    assert at(cluster, "node1").run("find /opt/localcloud/k3s/bin -type f") == ""
    outside.unlink()
    cluster.localcloud("install").ended(1).says("there is no place to get it from")
    outside.write_bytes(whole)


def test_a_full_disk_is_named_and_the_next_run_finishes(cluster, before):
    small = "mkdir -p /opt/localcloud/k3s/bin && mount -t tmpfs -o size=8k none /opt/localcloud/k3s"
    at(cluster, "node5").run(f"{small} && mkdir /opt/localcloud/k3s/bin")
    ended = cluster.localcloud("install").ended(1)
    ended.says("Host node5 has no room for k3s in /opt/localcloud/k3s/bin")
    at(cluster, "node5").run("umount /opt/localcloud/k3s")


def test_install_brings_all_nodes_to_ready_in_order(cluster, before):
    ended = cluster.localcloud("install").ended(0)
    assert sorted(nodes(cluster)) == SERVERS + AGENTS
    events = journal(cluster)
    assert events[0] == ["init", "node1", OLD]
    joined = [event[1:3] for event in events if event[0] == "join"]
    assert joined[:3] == [["server", name] for name in SERVERS]
    assert sorted(joined[3:]) == [["agent", name] for name in AGENTS]
    assert not [event for event in events if event[0] == "refused"]
    secrets = cluster.secrets()
    assert not [name for name, value in secrets.items() if value in ended.text]
    assert not secret_places(cluster, secrets)


def test_tokens_are_for_root_alone_and_in_no_argument(cluster):
    for name in ("node1", "node4"):
        machine = at(cluster, name)
        readable = "su -s /bin/sh nobody -c 'cat /etc/rancher/k3s/*' 2>/dev/null || true"
        assert machine.run(readable) == ""
        shown = machine.processes() + machine.run("journalctl --no-pager -o cat")
        assert not [key for key, value in cluster.secrets().items() if value in shown]
    # An agent could otherwise make itself a server.
    assert cluster.secrets()["k3s_token"] not in at(cluster, "node4").run("cat /etc/rancher/k3s/*")


def test_the_kubeconfig_is_in_the_site_for_its_owner_alone(cluster):
    path = cluster.directory / ".localcloud/kubeconfig"
    assert path.stat().st_mode & 0o777 == 0o600
    address = at(cluster, "node1").run("hostname -I").split()[0]
    assert f"https://{address}:6443" in path.read_text()


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_a_second_install_changes_nothing(cluster, strategy):
    before = journal(cluster)
    cluster.localcloud("install", LOCALCLOUD_STRATEGY=strategy).ended(0).says(
        "Nothing had to be changed"
    )
    assert journal(cluster) == before


def test_labels_and_taints_follow_the_settings_both_ways(cluster):
    variables = cluster.directory / "host_vars/node4.yml"
    own = variables.read_text()
    variables.write_text(
        f"{own}k3s_node_labels: {{gpu: 'yes'}}\nk3s_node_taints: [gpu=yes:NoSchedule]\n"
    )
    cluster.localcloud("install").ended(0)
    node = nodes(cluster)["node4"]
    assert node["metadata"]["labels"]["gpu"] == "yes"
    assert node["spec"]["taints"][0]["key"] == "gpu"
    variables.write_text(own)
    cluster.localcloud("install").ended(0)
    node = nodes(cluster)["node4"]
    assert "gpu" not in node["metadata"]["labels"] and not node["spec"]["taints"]


def test_a_node_is_emptied_for_work_on_it_and_comes_back(cluster):
    variables = cluster.directory / "host_vars/node5.yml"
    own = variables.read_text()
    variables.write_text(f"{own}k3s_node_drained: true\n")
    cluster.localcloud("install", "--limit", "node5").ended(0)
    assert nodes(cluster)["node5"]["spec"]["unschedulable"]
    assert ["drain", "node5"] in journal(cluster)
    cluster.localcloud("status").ended(0).says("takes no new pods")
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")
    variables.write_text(own)
    cluster.localcloud("install").ended(0)
    assert not nodes(cluster)["node5"]["spec"]["unschedulable"]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.38.0+k3s1", "a minor version would be skipped"),
        ("v1.36.3+k3s1", "is older"),
        ("v1.35.9+k3s1", "is older"),
        ("latest", "is no release of k3s"),
    ],
)
def test_versions_that_cannot_be_are_refused_before_anything_is_touched(cluster, version, words):
    before = journal(cluster)
    use(cluster, version)
    # What is no release at all the role refuses; the rest is seen by the check before it.
    code = 1 if version == "latest" else 3
    cluster.localcloud("install").ended(code).says(words, "v1.36.4")
    use(cluster, OLD)
    assert journal(cluster) == before
    assert at(cluster, "node1").run("ls /opt/localcloud/k3s/bin").split() == [f"k3s-{OLD}"]


def test_a_version_of_unknown_hash_names_the_place_of_the_hash(cluster):
    cluster.set(k3s_version="v1.36.9+k3s1")
    ended = cluster.localcloud("install").ended(1)
    ended.says(
        "does not know the hash of k3s", "v1.36.9%2Bk3s1/sha256sum-amd64.txt", "k3s_checksums"
    )
    use(cluster, OLD)


def test_what_a_cluster_keeps_for_its_life_is_not_changed(cluster):
    cluster.set(k3s_cluster_cidr="10.50.0.0/16")
    ended = cluster.localcloud("install").ended(1)
    ended.says("k3s_cluster_cidr is 10.50.0.0/16", "was made with 10.42.0.0/16", "touched")
    cluster.set(k3s_cluster_cidr="10.42.0.0/16")


def test_status_shows_the_clusters_nodes(cluster):
    ended = cluster.localcloud("status").ended(0).says("5 nodes ready")
    lines = [" ".join(line.split()) for line in ended.text.splitlines()]
    assert f"node1 server {OLD} ready" in lines and f"node5 agent {OLD} ready" in lines


def test_agents_alone_are_not_upgraded(cluster):
    use(cluster, NEW)
    ended = cluster.localcloud("install", "--limit", "node4").ended(1)
    ended.says("Servers are upgraded before agents")


def test_an_upgrade_takes_servers_one_at_a_time_and_then_agents(cluster):
    known = len(journal(cluster))
    use(cluster, NEW)
    cluster.localcloud("install").ended(0)
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes(cluster).values()} == {
        NEW
    }
    assert not [name for name, node in nodes(cluster).items() if node["spec"]["unschedulable"]]
    # What each server saw of the others: a node is empty before it is upgraded.
    seen = [
        event for event in journal(cluster)[known:] if event[0] in ("drain", "upgrade", "uncordon")
    ]
    agents = [
        event for event in seen if event[-1] in AGENTS or event[-2:-1] in ([AGENTS[0]], [AGENTS[1]])
    ]
    assert [event[0] for event in agents] in (
        ["drain", "upgrade", "uncordon"] * 2,
        ["drain", "upgrade"] * 2,
    )
    assert seen.index(["upgrade", "server", "node1", NEW]) < seen.index(agents[0])
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")


def test_one_of_three_servers_is_killed_and_the_rest_goes_on(cluster):
    at(cluster, "node1").run("systemctl kill -s KILL k3s; systemctl stop k3s")
    assert sorted(nodes(cluster, "node2")) == SERVERS + AGENTS
    at(cluster, "node1").run("systemctl start k3s")


def test_a_silent_server_keeps_agents_from_nothing_and_servers_from_leaving(cluster):
    cluster.lab.stop(["node1"])
    try:
        cluster.localcloud("reset", "--limit", "node5", "--yes").ended(0)
        assert "node5" not in nodes(cluster, "node2")
        cluster.localcloud("reset", "--limit", "node5", "--yes").ended(0)
        assert (cluster.directory / ".localcloud/kubeconfig").exists()
        cluster.localcloud("install", "--limit", "node5").ended(0)
        ended = cluster.localcloud("reset", "--limit", "node2", "--yes").ended(1)
        ended.says("node2 cannot leave the cluster now", "servers do not work: node1")
        assert not nodes(cluster, "node2")["node2"]["spec"].get("unschedulable")
        cluster.lab.stop(["node2", "node3"])
        ended = cluster.localcloud("reset", "--limit", "node4", "--yes").ended(1)
        ended.says("node4 cannot leave its cluster", "(node1, node2, node3)", "Bring one of them")
    finally:
        cluster.lab.start(SERVERS)
        cluster.lab.wait(SERVERS)
    cluster.localcloud("install").ended(0)
    assert sorted(nodes(cluster)) == SERVERS + AGENTS


def test_a_first_server_that_lost_its_disk_joins_and_makes_no_second_cluster(cluster):
    cluster.localcloud("reset", "--limit", "node1", "--yes").ended(0)
    assert sorted(nodes(cluster, "node2")) == ["node2", "node3", *AGENTS]
    cluster.localcloud("install").ended(0)
    assert sorted(nodes(cluster, "node2")) == SERVERS + AGENTS
    assert not [event for event in journal(cluster) if event[0] == "init"]
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")


def test_two_of_three_servers_are_removed_and_come_back(cluster):
    cluster.localcloud("reset", "--limit", "node1", "--yes").ended(0)
    cluster.localcloud("reset", "--limit", "node2", "--yes").ended(0)
    assert sorted(nodes(cluster, "node3")) == ["node3", *AGENTS]
    cluster.localcloud("install").ended(0)
    assert sorted(nodes(cluster, "node3")) == SERVERS + AGENTS
    # Nobody registers elsewhere because all are there again.
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")


def test_a_node_is_removed_and_added(cluster):
    cluster.localcloud("reset", "--limit", "node5", "--yes").ended(0)
    assert "node5" not in nodes(cluster)
    assert ["drain", "node5"] in [event for name in SERVERS for event in journal(cluster, name)]
    cluster.localcloud("install", "--limit", "node5").ended(0)
    assert "node5" in nodes(cluster, "node2")


def test_reset_gives_every_host_back(cluster, before):
    cluster.localcloud("reset", "--limit", "node1,node2", "--yes").ended(0)
    cluster.localcloud("reset", "--yes").ended(0)
    for name, listing in before.items():
        assert changes(listing, at(cluster, name).listing()) == []
    assert not (cluster.directory / ".localcloud/kubeconfig").exists()
