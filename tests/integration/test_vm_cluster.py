"""Volumes over NFS on a real cluster: the kernel's NFS server and client, and the real driver.

On two virtual machines: ``node1`` is the cluster's server, ``node2`` an agent and the NFS server.
Needs what no package registry has, as paths in the environment, and skips loudly without:
    LOCALCLOUD_TEST_K3S      directory with k3s and images/*.tar (with local-path)
    LOCALCLOUD_TEST_HELM     the helm program
    LOCALCLOUD_TEST_CSI_NFS  directory with the chart of csi-driver-nfs and its images (*.tar)
The tests stand in the order of the cluster's life. Emulated, that takes half an hour.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from test_k3s_real import artifacts, given
from test_vm_power import KUBECTL, UNHURRIED
from virtual import VirtualSite, machines, until

NEEDED = ("LOCALCLOUD_TEST_K3S", "LOCALCLOUD_TEST_HELM", "LOCALCLOUD_TEST_CSI_NFS")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2 * 3600),
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: no real {', '.join(MISSING)}"),
]
HOMES = "/srv/localcloud/homes"
# As a notebook's: not root, and its group may write.
HOME = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim-ana}
spec:
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: ana}
spec:
  nodeName: node1
  restartPolicy: Never
  securityContext: {runAsUser: 1000, runAsGroup: 100, fsGroup: 100}
  volumes: [{name: home, persistentVolumeClaim: {claimName: claim-ana}}]
  containers:
    - name: ana
      image: docker.io/library/busybox:1.35
      command: [sh, -c, "echo 42 > /home/ana/notebook"]
      volumeMounts: [{name: home, mountPath: /home/ana}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualSite]:
    directory = tmp_path_factory.mktemp("cluster") / "lab"
    groups = ("k3s_server=1", "k3s_agent=1")
    outside = tmp_path_factory.mktemp("outside")
    driver, helm = Path(os.environ["LOCALCLOUD_TEST_CSI_NFS"]), os.environ["LOCALCLOUD_TEST_HELM"]
    chart = next(driver.glob("csi-driver-nfs-*.tgz"))
    settings = given(artifacts())
    for file in (artifacts() / "k3s", Path(helm), chart):
        shutil.copy(file, outside / file.name)
    archives = json.loads(settings["k3s_image_archives"]) + sorted(map(str, driver.glob("*.tar")))
    with machines(directory, groups=groups, memory="2g") as site:
        inventory = site.directory / "hosts.yml"
        known = yaml.safe_load(inventory.read_text())
        known["all"]["children"]["nfs_server"] = {"hosts": {"node2": None}}
        inventory.write_text(yaml.safe_dump(known))
        site.set(
            **{
                **settings,
                "artifact_local_dir": str(outside),
                "k3s_image_archives": json.dumps(archives),
                "k3s_disable": "[traefik, metrics-server, servicelb, coredns]",
                "k3s_config": json.dumps(UNHURRIED),
                "storage_nfs_chart_url": f"https://charts.invalid/{chart.name}",
                "storage_timeout": "1200",
                "helm_url": f"https://helm.invalid/{Path(helm).name}",
                "helm_sha256": json.dumps(
                    {"amd64": hashlib.sha256(Path(helm).read_bytes()).hexdigest()}
                ),
            }
        )
        yield site


def test_the_installation_proves_volumes_that_another_node_reads(cluster):
    cluster.localcloud("install").ended(0)
    classes = json.loads(cluster.machine.run(f"{KUBECTL} get storageclasses -o json"))["items"]
    default = "storageclass.kubernetes.io/is-default-class"
    marks = {one["metadata"]["name"]: one["metadata"]["annotations"][default] for one in classes}
    assert marks == {"local-path": "false", "nfs": "true"}


def test_a_second_install_changes_nothing(cluster):
    cluster.localcloud("install").ended(0).says("Nothing had to be changed")


def test_a_home_lies_on_the_nfs_server_as_its_students(cluster):
    until(cluster.machine, f"{KUBECTL} apply -f - <<'END'\n{HOME}\nEND")
    until(cluster.machine, f"{KUBECTL} wait --for=condition=Ready=false --timeout=60s pod/ana")
    at = f"{HOMES}/default-claim-ana/notebook"
    said = until(cluster.at("node2"), f"grep -q 42 {at} && stat -c %u:%g {at}")
    assert said.strip() == "1000:100"


def test_a_home_outlives_its_cluster(cluster):
    cluster.localcloud("reset", "--yes").ended(0)
    kept = cluster.at("node2").run(f"cat {HOMES}/default-claim-ana/notebook")
    assert kept.strip() == "42"
