"""A real k3s is upgraded to the next minor version: servers one at a time, then the agent.

LOCALCLOUD_TEST_K3S_BEFORE names a directory like that of LOCALCLOUD_TEST_K3S, with the release
before. The tests stand in the order of the cluster's life.
"""

import json
import os
from pathlib import Path

import pytest
from test_k3s import at, nodes
from test_k3s_real import artifacts, given, ready
from virtual import until

OLDER = os.environ.get("LOCALCLOUD_TEST_K3S_BEFORE")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OLDER, reason="NOT RUN: no real LOCALCLOUD_TEST_K3S_BEFORE"),
]
KUBECTL = "HOME=/run/k3s/test kubectl"
ALL = ["node1", "node2", "node3", "node4"]
# Two of them, so that there is one while the other moves.
WORK = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "work"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "work"}},
        "template": {
            "metadata": {"labels": {"app": "work"}},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {
                        "name": "work",
                        "image": "docker.io/library/busybox:1.35",
                        "command": ["sh", "-c", "sleep 86400"],
                    }
                ],
            },
        },
    },
}


@pytest.fixture(scope="module")
def cluster(make_site):
    site = make_site(groups=("k3s_server=3", "k3s_agent=1"))
    site.set(**given(Path(str(OLDER))))
    site.localcloud("install").ended(0)
    until(at(site, "node1"), f"{KUBECTL} apply -f - <<'END'\n{json.dumps(WORK)}\nEND", 60)
    at(site, "node1").run(f"{KUBECTL} create configmap kept --from-literal=word=hecho")
    wait = f"{KUBECTL} wait --for=condition=Available --timeout=120s deployment/work"
    at(site, "node1").run(wait, 150)
    return site


def versions(site) -> set[str]:
    return {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes(site).values()}


def test_agents_alone_are_not_upgraded(cluster):
    before = versions(cluster)
    cluster.set(**given(artifacts()))
    ended = cluster.localcloud("install", "--limit", "node4").ended(1)
    ended.says("Servers are upgraded before agents")
    assert versions(cluster) == before


def test_all_nodes_have_the_new_version_and_take_pods(cluster):
    wanted = given(artifacts())["k3s_version"]
    ended = cluster.localcloud("install").ended(0)
    assert not [key for key, value in cluster.secrets().items() if value in ended.text]
    assert versions(cluster) == {wanted}
    assert ready(cluster) == ALL
    assert not [name for name, node in nodes(cluster).items() if node["spec"].get("unschedulable")]


def test_what_the_cluster_had_is_there(cluster):
    word = at(cluster, "node1").run(f"{KUBECTL} get configmap kept -o 'jsonpath={{.data.word}}'")
    assert word == "hecho"
    wait = f"{KUBECTL} wait --for=condition=Available --timeout=120s deployment/work"
    at(cluster, "node2").run(wait, 150)


def test_again_nothing_is_changed(cluster):
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")
    cluster.localcloud("status").ended(0).says("4 nodes ready")


def test_the_older_version_is_refused(cluster):
    cluster.set(**given(Path(str(OLDER))))
    cluster.localcloud("install").ended(3).says("is older")
