"""Role storage's modules against a stand-in for kubectl (tests/doubles/volumes_cluster.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.problems import PROBLEMS, explain

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "tests/unit/role_code.py"
KUBECTL = [sys.executable, str(ROOT / "tests/doubles/volumes_cluster.py")]
DEFAULT = "storageclass.kubernetes.io/is-default-class"
NFS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "nfs"},
    "provisioner": "nfs.csi.k8s.io",
    "parameters": {"server": "10.0.0.5", "share": "/srv/homes", "onDelete": "retain"},
}
# As k3s stages it.
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: local-path-provisioner
  namespace: kube-system
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local-path
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: rancher.io/local-path
reclaimPolicy: Delete
"""


def a_class(name: str, default: bool, provisioner: str = "x") -> dict[str, Any]:
    marks = {DEFAULT: str(default).lower()}
    return {"metadata": {"name": name, "annotations": marks}, "provisioner": provisioner}


class Cluster:
    """The stand-in's state, and the modules run against it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        local = a_class("local-path", True, "rancher.io/local-path")
        self.write(objects={"StorageClass": {"local-path": local}}, nodes=["node1", "node2"])
        self.manifest = path.with_name("local-storage.yaml")
        self.manifest.write_text(MANIFEST)

    def write(self, **more: Any) -> None:
        known = self.read() if self.path.exists() else {}
        self.path.write_text(json.dumps({**known, **more}))

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text()))

    def calls(self) -> list[list[str]]:
        found = self.read().get("calls", [])
        self.write(calls=[])
        return list(found)

    def defaults(self) -> list[str]:
        known = self.read()["objects"]["StorageClass"].values()
        marked = [one for one in known if one["metadata"]["annotations"].get(DEFAULT) == "true"]
        return sorted(one["metadata"]["name"] for one in marked)

    def run(self, module: str, *, check: bool = False, **given: Any) -> dict[str, Any]:
        arguments = {"kubectl": KUBECTL, **given, "_ansible_check_mode": check}
        done = subprocess.run(
            [sys.executable, RUN, ROOT / f"roles/storage/library/{module}.py"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp"}}),
            env={"PATH": os.environ["PATH"], "VOLUMES_DOUBLE": str(self.path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))

    def bring(self, **given: Any) -> dict[str, Any]:
        wanted = {"default": "nfs", "local_manifest": str(self.manifest), "objects": [NFS]}
        expected = ["local-path", "nfs"]
        return self.run("storage_classes", **{**wanted, "expected": expected, **given})


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "state.json")


def problem(result: dict[str, Any]) -> dict[str, Any]:
    assert result.get("failed"), result
    found = json.loads(result["msg"])
    template = PROBLEMS[found["localcloud_problem"]]
    words = explain(found["localcloud_problem"], {"host": "server1", **found})
    assert "?" not in words.message, words.message
    assert set(template.fields) <= {*found, "host"}
    return dict(found)


def test_the_nfs_class_becomes_the_only_default(cluster):
    assert cluster.bring()["changes"] == ["nfs", "local-path"]
    assert cluster.defaults() == ["nfs"]
    made = cluster.read()["objects"]["StorageClass"]["nfs"]
    assert made["parameters"] == NFS["parameters"]


def test_a_run_that_changes_nothing_asks_once(cluster):
    cluster.bring()
    cluster.calls()
    assert not cluster.bring()["changed"]
    assert [call[:2] for call in cluster.calls()] == [["get", "storageclasses"]]


def test_when_k3s_has_made_its_own_class_the_default_again_it_is_not_left_so(cluster):
    cluster.bring()
    state = cluster.read()
    state["objects"]["StorageClass"]["local-path"] = a_class("local-path", True)
    cluster.write(**state)
    assert cluster.bring()["changes"] == ["local-path"]
    assert cluster.defaults() == ["nfs"]


def test_a_server_that_moved_gets_its_class_made_anew(cluster):
    """The parameters of a class cannot be changed: kubectl apply is refused."""
    cluster.bring()
    moved = {**NFS, "parameters": {**NFS["parameters"], "server": "10.0.0.6"}}
    assert cluster.bring(objects=[moved])["changes"] == ["nfs"]
    assert cluster.read()["objects"]["StorageClass"]["nfs"]["parameters"]["server"] == "10.0.0.6"


def test_a_class_of_the_sites_own_is_no_default_beside_ours(cluster):
    state = cluster.read()
    state["objects"]["StorageClass"]["ceph"] = a_class("ceph", True)
    cluster.write(**state)
    assert "ceph" in cluster.bring()["changes"]
    assert cluster.defaults() == ["nfs"]


def test_a_site_that_comes_back_to_local_disks_has_them_as_default_again(cluster):
    cluster.bring()
    local = {"default": "local-path", "local_manifest": "", "objects": []}
    assert cluster.bring(**local, expected=["local-path"])["changed"]
    assert cluster.defaults() == ["local-path"]


def test_a_dry_run_changes_nothing(cluster):
    assert cluster.bring(check=True)["changes"] == ["nfs", "local-path"]
    assert {call[0] for call in cluster.calls()} == {"get"}
    assert cluster.defaults() == ["local-path"]


def test_a_class_that_nobody_makes_is_named(cluster):
    found = problem(cluster.bring(expected=["nfs", "longhorn"], timeout=1))
    assert found["name"] == "longhorn"


def test_a_cluster_that_does_not_answer_is_said_so(cluster):
    cluster.write(down=True)
    found = problem(cluster.bring())
    assert found["localcloud_problem"] == "helm_cluster" and "refused" in found["details"]


def test_k3s_without_local_volumes_is_said_so(cluster):
    cluster.manifest.unlink()
    assert problem(cluster.bring())["localcloud_problem"] == "storage_manifest_missing"


ONE = {"name": "nfs", "shared": True, "moves": True, "parameters": {"onDelete": "delete"}}


def prove(cluster: Cluster, **one: Any) -> dict[str, Any]:
    return cluster.run("storage_proof", classes=[{**ONE, **one}], timeout=3)


def test_a_volume_is_written_on_one_node_and_read_on_another(cluster):
    cluster.bring()
    assert prove(cluster)["proofs"] == [{"class": "nfs", "wrote": "node1", "read": "node2"}]


def test_a_local_volume_is_read_where_it_was_written(cluster):
    given = {"name": "local-path", "shared": False, "moves": False, "parameters": {}}
    assert prove(cluster, **given)["proofs"][0]["read"] == "node1"


def test_nothing_stays_of_a_proof_nor_of_one_that_was_killed(cluster):
    cluster.bring()
    left = {"metadata": {"name": "localcloud-proof-old", "labels": {"localcloud/proof": "true"}}}
    state = cluster.read()
    state["objects"]["PersistentVolumeClaim"] = {"localcloud-proof-old": left}
    cluster.write(**state)
    prove(cluster)
    objects = cluster.read()["objects"]
    assert not objects["Pod"] and not objects["PersistentVolumeClaim"]
    assert set(objects["StorageClass"]) == {"local-path", "nfs"}


def test_the_trial_leaves_no_folder_on_the_server(cluster):
    """What becomes of a deleted volume's folder is the class's own word; the trial's goes."""
    cluster.bring()
    prove(cluster)
    trial = [one for one in cluster.read()["made"] if one["kind"] == "StorageClass"][-1]
    assert trial["metadata"]["name"].startswith("localcloud-proof-")
    assert trial["parameters"] == {**NFS["parameters"], "onDelete": "delete"}
    assert DEFAULT not in trial["metadata"].get("annotations", {})


def test_an_image_that_cannot_come_ends_the_waiting_and_leaves_nothing(cluster):
    cluster.bring()
    cluster.write(image="ErrImageNeverPull")
    found = problem(prove(cluster))
    assert found["step"] == "write" and "no such image" in found["details"]
    assert not cluster.read()["objects"]["Pod"]


def test_a_volume_that_forgets_is_found_out(cluster):
    cluster.bring()
    cluster.write(forgets=True)
    assert problem(prove(cluster))["localcloud_problem"] == "storage_not_same"
