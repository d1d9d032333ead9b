"""The cluster's classes of volumes, and a claim of each that really holds data."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

testinfra_hosts = ["ansible://k3s_server"]
DEFAULT = "storageclass.kubernetes.io/is-default-class"
pytestmark = pytest.mark.skipif(
    not os.environ.get("LOCALCLOUD_TEST_K3S"),
    reason="NOT RUN: volumes need a real k3s (LOCALCLOUD_TEST_K3S)",
)


def classes(host) -> dict:
    shown = json.loads(host.check_output("kubectl get storageclasses -o json"))
    return {one["metadata"]["name"]: one for one in shown["items"]}


def defaults(host) -> list[str]:
    found = classes(host).items()
    return [n for n, one in found if one["metadata"]["annotations"].get(DEFAULT) == "true"]


def test_exactly_one_class_is_the_default(host):
    assert defaults(host) == ["local-path"]


@pytest.fixture
def folders_for_all(host):
    """k3s before 1.22 makes local volumes that only root can enter; later ones are as here."""
    manifest = "/var/lib/rancher/k3s/server/manifests/local-storage.yaml"
    if not host.file(manifest).contains("mkdir -m 0700"):
        return
    host.check_output(f"sed 's/mkdir -m 0700/mkdir -m 0777/' {manifest} | kubectl apply -f -")
    host.check_output("kubectl -n kube-system delete pod -l app=local-path-provisioner")


def test_a_volume_holds_what_is_written(folders_for_all):
    """The playbook claims, writes as a notebook would, reads, and cleans up."""
    site = os.environ["LOCALCLOUD_INVENTORY"]
    run = {"localcloud_run": {"id": "molecule", "verb": "verify", "site": site}}
    playbook = f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/playbooks/verify.yml"
    words = ["-i", f"{site}/hosts.yml", "--tags", "storage", "-e", json.dumps(run), playbook]
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), *words],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def test_nothing_stays_of_the_proof(host):
    shown = host.check_output("kubectl get pods,pvc,sc -A -o name")
    assert "localcloud-proof" not in shown
    assert host.check_output("ls /srv/localcloud/volumes") == ""
