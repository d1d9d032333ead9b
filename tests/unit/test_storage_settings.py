"""What roles storage and nfs_server make of a site's settings, worked out by Ansible."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.problems import explain

ROLES = Path(__file__).resolve().parents[2] / "roles"
PLAY = """\
- hosts: cases
  gather_facts: false
  vars_files:
    - {roles}/helm/vars/main.yml
    - {roles}/storage/vars/main.yml
    - {roles}/nfs_server/vars/main.yml
  vars:
    __storage_nfs_receipt: {{components: {{nfs_server: {{facts: {offer}}}}}}}
    __nfs_server_look: {{there: false, file_system: ext4, installed: false, address: 10.9.9.9}}
    __nfs_server_routes: {{results: [{{stdout: 192.0.2.1 via 10.0.2.2 src 10.0.2.11 uid 0}}]}}
  tasks:
    - ansible.builtin.copy:
        content: "{{{{ {{'wrong': __storage_wrong, 'made': __storage_made, 'allowed':
          __nfs_server_allowed, 'default': __storage_default, 'class': __storage_nfs_class,
          'proofs': __storage_proofs, 'files': __storage_node_files, 'units': __nfs_server_units,
          'modules': __storage_modules, 'shares': __storage_shares,
          'skips': __storage_own_default, 'artifacts': __storage_artifacts,
          'paths': __storage_paths, 'address': __nfs_server_address,
          'mount': __nfs_server_mount_unit}} | to_json }}}}"
        dest: "{work}/{{{{ inventory_hostname }}}}.json"
    - ansible.builtin.template:
        src: "{roles}/nfs_server/templates/exports.j2"
        dest: "{work}/{{{{ inventory_hostname }}}}.exports"
"""
NODES = {
    "k3s_server": {"server1": {"ansible_host": "10.9.0.1"}},
    "k3s_agent": {
        "agent1": {"ansible_host": "agent1.uni.edu"},
        "agent2": {"ansible_host": "203.0.113.7", "k3s_node_ip": "10.9.0.3"},
    },
}
FILES = {"nfs_server": {"files": {"ansible_host": "10.9.0.5"}}}


# Each case is one host with settings of its own; all of them are worked out in one run.
OWN = {"storage_nfs_server": "files.uni.edu", "storage_nfs_path": "/export/hub"}
PLAIN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "own": OWN,
    "shared": {"z2jh_shared_volume": {"nfs": {"server": "10.9.0.8", "path": "/srv/data"}}},
    "no volumes": {"k3s_disable": ["local-storage"]},
    "no server": {"storage_providers": ["local_path", "nfs"]},
    "no path": {"storage_nfs_server": "10.9.0.5"},
    "only nfs": {"storage_providers": ["nfs"], **OWN},
    "unknown": {"storage_default_class": "ceph"},
    "no hash": {"storage_providers": ["local_path", "longhorn"]},
}
WITH_FILES: dict[str, dict[str, Any]] = {
    "nothing": {"ansible_host": "10.9.0.5"},
    "network": {"nfs_server_clients": ["10.77.0.0/24"], "nfs_server_address": "10.77.0.5"},
    "disk": {"nfs_server_disk": "/dev/vdb", "nfs_server_path": "/srv/my-homes"},
    "practice": {"ansible_host": "127.0.0.1"},
}


def render(work: Path, groups: dict[str, Any], cases: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Case → what the roles make of a site with these groups."""
    defaults: dict[str, Any] = {}
    for role in ("base", "artifact", "helm", "storage", "nfs_server"):
        defaults |= yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()) or {}
    children = {name: {"hosts": hosts} for name, hosts in groups.items()}
    children["cases"] = {"hosts": cases}
    (work / "hosts.yml").write_text(
        yaml.safe_dump({"all": {"vars": defaults, "children": children}})
    )
    offer = json.dumps({"path": "/srv/h", "address": "10.9.0.5"})
    (work / "play.yml").write_text(PLAY.format(roles=ROLES, work=work, offer=offer))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            *("-c", "local", "-i", "hosts.yml", "play.yml"),
            *("-e", f"ansible_python_interpreter={sys.executable}"),
        ],
        cwd=work,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name: json.loads((work / f"{name}.json").read_text())
        | {"exports": (work / f"{name}.exports").read_text()}
        for name in cases
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return render(tmp_path_factory.mktemp("plain"), NODES, PLAIN)


@pytest.fixture(scope="module")
def with_files(tmp_path_factory):
    return render(tmp_path_factory.mktemp("files"), {**NODES, **FILES}, WITH_FILES)


def test_a_cluster_without_a_file_server_keeps_k3s_s_own_class(plain):
    made = plain["nothing"]
    assert (made["made"], made["default"], made["wrong"]) == (["local-path"], "local-path", {})
    assert "/opt/localcloud/helm" not in made["paths"]
    assert not made["skips"] and [proof["name"] for proof in made["proofs"]] == ["local-path"]


def test_a_host_in_nfs_server_makes_homes_the_default(with_files):
    made = with_files["nothing"]
    assert (made["made"], made["default"]) == (["local-path", "nfs"], "nfs")
    assert made["skips"], "k3s must not make its own class the default again"
    parameters = made["class"]["parameters"]
    assert (parameters["server"], parameters["share"]) == ("10.9.0.5", "/srv/h")
    # Folders side by side: so each can have its own limit.
    assert parameters["subDir"] == "${pvc.metadata.namespace}-${pvc.metadata.name}"
    assert [file["name"] for file in made["artifacts"]] == ["helm", "csi-driver-nfs"]
    # A reset takes away where helm lies, also where no hub has brought it.
    assert "/opt/localcloud/helm" in made["paths"]


def test_nodes_can_mount_what_the_hub_shares_from_a_file_server(plain):
    """Without mount.nfs on the node, nobody's server would start."""
    assert plain["shared"]["shares"] and plain["shared"]["modules"] == ["nfs", "nfsv4"]
    assert plain["shared"]["artifacts"][1:] == [], "the class of volumes is another matter"
    assert not plain["nothing"]["shares"] and plain["nothing"]["modules"] == []


def test_the_campus_s_own_nfs_server(plain):
    made = plain["own"]
    assert made["default"] == "nfs" and made["wrong"] == {}
    assert made["class"]["parameters"]["server"] == "files.uni.edu"
    assert made["class"]["parameters"]["share"] == "/export/hub"


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("no server", "storage_no_nfs_server"),
        ("no path", "storage_no_nfs_server"),
        ("only nfs", "storage_only_nfs"),
        ("unknown", "storage_default_unknown"),
        ("no hash", "storage_chart_hash"),
    ],
)
def test_what_cannot_work_is_refused_in_words(plain, case, problem):
    found = plain[case]["wrong"]
    assert found["localcloud_problem"] == problem
    words = explain(problem, found)
    assert words.known and "?" not in words.message + words.remedy


def test_a_cluster_whose_k3s_has_no_volumes_is_left_alone(plain):
    made = plain["no volumes"]
    assert (made["made"], made["wrong"], made["proofs"]) == ([], {}, [])


def test_nodes_and_nobody_else_may_mount_by_the_address_they_show(with_files):
    made = with_files["nothing"]
    assert made["allowed"] == sorted(["10.9.0.1", "agent1.uni.edu", "10.9.0.3", "10.0.2.11"])
    lines = [line for line in made["exports"].splitlines() if line and line[0] != "#"]
    assert lines[0] == '"/srv/localcloud/homes" \\'
    assert len(lines) == 5 and all("(rw,sync," in line for line in lines[1:])
    assert "*" not in made["exports"] and "mountpoint" not in made["exports"]


def test_a_network_for_storage_replaces_the_nodes_addresses(with_files):
    made = with_files["network"]
    assert (made["allowed"], made["address"]) == (["10.77.0.0/24"], "10.77.0.5")


def test_the_nodes_are_told_an_address_that_they_reach(with_files):
    assert with_files["nothing"]["address"] == "10.9.0.5"
    assert with_files["practice"]["address"] == "10.9.9.9"


def test_an_export_from_a_disk_waits_for_it(with_files):
    made = with_files["disk"]
    assert "mountpoint" in made["exports"]
    assert made["mount"] == "srv-my\\x2dhomes.mount" and made["units"][-1] == made["mount"]
