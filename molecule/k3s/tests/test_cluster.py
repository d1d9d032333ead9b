"""What the sysadmin finds: nodes, units, files and modes; with the stand-in also the journal."""

import json
import os

import pytest

testinfra_hosts = ["ansible://k3s_server"]
REAL = bool(os.environ.get("LOCALCLOUD_TEST_K3S"))


def nodes(host) -> dict:
    shown = host.check_output("kubectl get nodes -o json")
    return {node["metadata"]["name"]: node for node in json.loads(shown)["items"]}


def is_ready(node: dict) -> bool:
    conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}
    return conditions["Ready"] == "True"


def test_every_node_is_ready(host):
    found = nodes(host)
    assert len(found) >= 2 and all(is_ready(node) for node in found.values())


def test_the_unit_is_ours_and_comes_back_at_boot(host):
    unit = host.service("k3s")
    assert unit.is_running and unit.is_enabled


@pytest.mark.parametrize("name", ["config.yaml", "token", "agent-token", "k3s.yaml", "proxy.env"])
def test_what_holds_secrets_is_for_root_alone(host, name):
    file = host.file(f"/etc/rancher/k3s/{name}")
    assert (file.mode, file.user) == (0o600, "root")


def test_no_token_is_in_an_argument_or_in_the_journal(host):
    token = host.file("/etc/rancher/k3s/token").content_string.strip().rpartition(":")[2]
    assert len(token) >= 64
    shown = host.check_output("ps -eo args; systemctl show k3s; journalctl -o cat --no-pager")
    assert token not in shown


def test_volumes_lie_outside_what_k3s_owns(host):
    assert host.file("/srv/localcloud/volumes").mode == 0o700
    config = host.file("/etc/rancher/k3s/config.yaml").content_string
    assert "default-local-storage-path: /srv/localcloud/volumes" in config


@pytest.mark.skipif(REAL, reason="the journal is the stand-in's")
def test_the_first_server_makes_the_cluster_and_the_others_join_in_order(host):
    journal = host.file("/var/lib/rancher/k3s/server/db/journal").content_string.splitlines()
    assert not [line for line in journal if line.startswith("refused")]
    joined = [line.split()[1:3] for line in journal if line.startswith("join")]
    parts = [part for part, _name in joined]
    assert parts == sorted(parts, reverse=True), "servers first, then agents"
    servers = [name for part, name in joined if part == "server"]
    assert servers == sorted(servers)
