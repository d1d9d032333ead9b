"""The cluster's classes of volumes, and a claim of each that really holds data."""

import json
import os
import subprocess
import sys

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


def test_a_volume_holds_what_is_written():
    """`localcloud verify` claims, writes as a notebook would, reads, and cleans up."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "verify", "-i", os.environ["LOCALCLOUD_INVENTORY"]],
        env={**os.environ, "LOCALCLOUD_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_stays_of_the_proof(host):
    shown = host.check_output("kubectl get pods,pvc,sc -A -o name")
    assert "localcloud-proof" not in shown
    assert host.check_output("ls /srv/localcloud/volumes") == ""
