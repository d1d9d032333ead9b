"""A real k3s on practice machines: one server, agents, three servers; pods, loss, removal.

LOCALCLOUD_TEST_K3S names a directory with ``k3s`` and ``images/*.tar`` (its pause image, and
docker.io/library/busybox:1.35). The tests stand in the order of the cluster's life.
"""

import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from lives import changes, secret_places
from test_k3s import at, nodes
from virtual import until

pytestmark = pytest.mark.slow
SERVERS, AGENTS = ["node1", "node2", "node3"], ["node4", "node5"]
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: try-{node}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 1
  containers:
    - name: try
      image: docker.io/library/busybox:1.35
      command: [sh, -c, "echo hello from $HOSTNAME; sleep 86400"]
"""


def artifacts() -> Path:
    place = Path(os.environ.get("LOCALCLOUD_TEST_K3S") or "/nowhere")
    missing = [name for name in ("k3s", "images") if not (place / name).exists()]
    if missing:
        pytest.skip(
            "NOT RUN: no real k3s. LOCALCLOUD_TEST_K3S must name a directory with "
            f"{' and '.join(missing)} (a k3s binary, and image archives of pause and busybox)"
        )
    return place


def given(place: Path) -> dict[str, str]:
    """Settings of a site that takes all it needs from that directory."""
    said = subprocess.run([place / "k3s", "--version"], capture_output=True, text=True).stdout
    version = re.search(r"v[\d.]+\+k3s\d+", said)[0]
    sha256 = hashlib.sha256((place / "k3s").read_bytes()).hexdigest()
    return {
        "k3s_version": version,
        "k3s_checksums": f"{{{version}: {{k3s: {sha256}}}}}",
        "artifact_local_dir": str(place),
        "artifact_online": "false",
        "k3s_disable": "[traefik, metrics-server, servicelb, coredns, local-storage]",
        "k3s_image_archives": json.dumps(sorted(map(str, (place / "images").glob("*.tar")))),
        # Practice machines share this computer's disk: its fullness is no reason to drop images.
        "k3s_config": "{kubelet-arg: [image-gc-high-threshold=100, image-gc-low-threshold=99, "
        '"eviction-hard=imagefs.available<1%,nodefs.available<1%"]}',
    }


@pytest.fixture(scope="module")
def cluster(make_site):
    site = make_site(groups=("k3s_server=3", "k3s_agent=2"))
    site.set(**given(artifacts()))
    return site


@pytest.fixture(scope="module")
def before(cluster):
    return {name: at(cluster, name).listing() for name in ("node1", "node4")}


def ready(site, name: str = "node1") -> list[str]:
    found = nodes(site, name)
    conditions = {
        node: {one["type"]: one["status"] for one in entry["status"]["conditions"]}
        for node, entry in found.items()
    }
    return sorted(node for node, seen in conditions.items() if seen.get("Ready") == "True")


def pod_says(site, node: str, server: str = "node1") -> str:
    """What a pod on that node prints, within a minute."""
    apply = f"HOME=/run/k3s/test kubectl apply -f - <<'END'\n{POD.format(node=node)}\nEND"
    until(at(site, server), apply, 60)  # while the database chooses a leader, it answers nobody
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said = at(site, server).run(f"HOME=/run/k3s/test kubectl logs try-{node} 2>&1 || true")
        if "hello" in said:
            return said
        time.sleep(2)
    return at(site, server).run(f"HOME=/run/k3s/test kubectl describe pod try-{node} | tail -5")


def test_one_server(cluster, before):
    cluster.localcloud("install", "--limit", "node1").ended(0)
    assert ready(cluster) == ["node1"]
    assert "hello from" in pod_says(cluster, "node1")


def test_one_server_and_two_agents(cluster):
    cluster.localcloud("install", "--limit", "node1,node4,node5").ended(0)
    assert ready(cluster) == ["node1", *AGENTS]
    assert "hello from" in pod_says(cluster, "node4")


def test_three_servers_with_their_database(cluster):
    ended = cluster.localcloud("install").ended(0)
    assert ready(cluster) == SERVERS + AGENTS
    secrets = cluster.secrets()
    assert not [name for name, value in secrets.items() if value in ended.text]
    assert not secret_places(cluster, secrets)


def test_no_token_or_key_is_where_others_read(cluster):
    kept = cluster.directory / ".localcloud/kubeconfig"
    key = re.search(r"client-key-data: (\S+)", kept.read_text())[1]
    hidden = {**cluster.secrets(), "kubeconfig": key}
    assert kept.stat().st_mode & 0o777 == 0o600
    assert secret_places(cluster, hidden) == [f"{kept}: kubeconfig"]
    events = at(cluster, "node1").run("HOME=/run/k3s/test kubectl get events -A -o json")
    for name in SERVERS + AGENTS:
        machine = at(cluster, name)
        shown = machine.processes() + machine.run("journalctl --no-pager -o cat") + events
        assert not [secret for secret, value in hidden.items() if value in shown], name
        readable = "su -s /bin/sh nobody -c 'cat /etc/rancher/k3s/*' 2>/dev/null || true"
        assert machine.run(readable) == ""


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_a_second_install_changes_nothing(cluster, strategy):
    ended = cluster.localcloud("install", LOCALCLOUD_STRATEGY=strategy).ended(0)
    ended.says("Nothing had to be changed")


def test_secrets_are_encrypted_in_the_database(cluster):
    said = at(cluster, "node1").run("k3s secrets-encrypt status 2>&1 || true")
    config = at(cluster, "node1").run("cat /etc/rancher/k3s/config.yaml")
    assert "secrets-encryption: true" in config and "Disabled" not in said


def test_one_of_three_servers_is_killed_and_the_api_answers(cluster):
    at(cluster, "node1").run("systemctl kill -s KILL k3s; systemctl stop k3s")
    assert "hello from" in pod_says(cluster, "node5", "node2")
    # Not even asked, etcd would mark the node as deleted and let it go once all are back.
    wait = "HOME=/run/k3s/test kubectl wait node/node1 --timeout=150s --for=condition=Ready="
    at(cluster, "node2").run(f"{wait}Unknown", seconds=180)
    ended = cluster.localcloud("reset", "--limit", "node3", "--yes").ended(1)
    ended.says("The server node3 cannot leave the cluster now", "servers do not work: node1")
    assert not nodes(cluster, "node2")["node3"]["spec"].get("unschedulable")
    at(cluster, "node1").run("systemctl start k3s")
    at(cluster, "node2").run(f"{wait}True", seconds=180)
    assert ready(cluster) == SERVERS + AGENTS


def test_a_node_is_removed_and_added(cluster):
    cluster.localcloud("reset", "--limit", "node4", "--yes").ended(0)
    assert "node4" not in nodes(cluster)
    cluster.localcloud("install", "--limit", "node4").ended(0)
    assert "node4" in ready(cluster)
    assert "hello from" in pod_says(cluster, "node4")


def test_a_server_is_removed_and_added(cluster):
    cluster.localcloud("reset", "--limit", "node1", "--yes").ended(0)
    assert ready(cluster, "node2") == ["node2", "node3", *AGENTS]
    # Nobody knows which of the two leads the database and the controllers.
    cluster.localcloud("reset", "--limit", "node2", "--yes").ended(0)
    assert ready(cluster, "node3") == ["node3", *AGENTS]
    cluster.localcloud("install").ended(0)
    assert ready(cluster, "node3") == SERVERS + AGENTS


def test_reset_gives_every_host_back(cluster, before):
    cluster.localcloud("reset", "--yes").ended(0)
    for name, listing in before.items():
        assert changes(listing, at(cluster, name).listing()) == []


def test_reset_leaves_nothing_in_the_kernel(cluster):
    """Pods, networks, rules: no file tells of them. Both kinds of rules are looked at."""
    for name in ("node1", "node4"):
        machine = at(cluster, name)
        # Of the pods' own processes, too: they outlive their shims.
        alive = machine.processes()
        assert not [one for one in ("containerd-shim", "sleep 86400", "/pause") if one in alive]
        units = machine.run("systemctl list-units --all --plain --no-legend")
        assert "kubepods" not in units and "cri-containerd" not in units
        left = machine.run("ls /sys/class/net").split()
        assert not [one for one in left if one.startswith(("cni", "flannel", "veth"))]
        machine.run("apt-get update -qq && apt-get install -y -qq iptables ipset", seconds=300)
        saves = "iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save"
        shown = machine.run(f"for one in {saves}; do $one || true; done; ipset list -name || true")
        assert not re.findall(r"KUBE-[A-Z-]+|CNI-\S+|FLANNEL\S*|flannel\S*", shown)
