"""What a reboot and a power cut leave of a hub and of a cluster: all, and nobody has to help.

On virtual machines, one after the other. Without KVM an installation takes many minutes.
"""

import json
import time
import urllib.request

import pytest
from student import run_cell
from test_k3s_real import artifacts, given
from virtual import PATIENCE, VirtualSite, machines, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * 3600)]

ANA = {"name": "ana", "password": "una-clave-larga-123"}
SAVE = "import os; f = open('tarea.txt', 'w'); f.write('hecho'); f.flush(); os.fsync(f.fileno())"
# Its container appends a line whenever it starts.
POD = """
apiVersion: v1
kind: Pod
metadata: {name: try}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: kept, hostPath: {path: /srv/kept, type: DirectoryOrCreate}}]
  containers:
    - name: try
      image: docker.io/library/busybox:1.35
      command: [sh, -c, "echo $HOSTNAME >> /kept/starts; sync; sleep 86400"]
      volumeMounts: [{name: kept, mountPath: /kept}]
"""
# Emulated, a server starts so slowly that its own parts lose their leases, and end it, meanwhile.
PARTS = ("scheduler", "controller-manager", "cloud-controller-manager")
UNHURRIED = {f"kube-{part}-arg": ["leader-elect=false"] for part in PARTS}
KUBECTL = "HOME=/run/k3s/test kubectl"  # its cache in root's home would be the test's


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("power") / "hub") as site:
        # The walk is tried elsewhere; here the hub is what a student finds after the power is back.
        site.localcloud("install", "--no-journey").ended(0)
        request = json.dumps({"action": "ensure", "users": [ANA]})
        site.machine.run(f"/opt/localcloud/jupyterhub/bin/accounts <<'END'\n{request}\nEND")
        run_cell(site.lab.url(), **ANA, code=SAVE)
        yield site


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    place = artifacts()
    directory = tmp_path_factory.mktemp("power") / "cluster"
    with machines(directory, groups=("k3s_server=1",)) as site:
        site.set(**{**given(place), "k3s_config": json.dumps(UNHURRIED)})
        site.localcloud("install").ended(0)
        until(site.machine, f"{KUBECTL} apply -f - <<'END'\n{POD}\nEND")
        site.machine.run(f"{KUBECTL} create configmap kept --from-literal=word=hecho")
        until(site.machine, "grep -q . /srv/kept/starts")
        yield site


LOSSES = pytest.mark.parametrize("loss", [VirtualSite.cut, VirtualSite.reboot])


@LOSSES
def test_a_hub_comes_back_with_what_was_saved(hub, loss):
    loss(hub, "node1")
    answers(hub)
    hub.localcloud("verify").ended(0)
    assert "hecho" in run_cell(hub.lab.url(), **ANA, code="print(open('tarea.txt').read())")


@LOSSES
def test_a_cluster_comes_back_with_its_pods_and_its_database(cluster, loss):
    starts = int(cluster.machine.run("wc -l < /srv/kept/starts"))
    loss(cluster, "node1")
    until(cluster.machine, f"test $(wc -l < /srv/kept/starts) -gt {starts}")
    word = until(cluster.machine, f"{KUBECTL} get configmap kept -o 'jsonpath={{.data.word}}'")
    assert word == "hecho"
    until(cluster.machine, f"{KUBECTL} wait --for=condition=Ready --timeout=60s node/node1 pod/try")
    cluster.localcloud("verify").ended(0)


def answers(site: VirtualSite) -> None:
    """Wait until the hub shows its login page, by itself; else fail with its journal."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(site.lab.url() + "/hub/login", timeout=60):
                return
        except OSError:
            if time.monotonic() > deadline:
                pytest.fail(site.machine.run("journalctl -b -u 'jupyterhub*' -n 60 --no-pager"))
            time.sleep(1)
