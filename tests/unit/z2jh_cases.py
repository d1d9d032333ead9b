"""The values that role z2jh hands to the chart, worked out by Ansible for many sites at once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
CHART = ROOT.parent / "shared" / "data" / "z2jh-4.4.0"
SECRETS = {
    "hub_admin_password": "first-password",
    "hub_proxy_token": "a1" * 32,
    "hub_service_token": "b2" * 32,
    "z2jh_cookie_secret": "c3" * 32,
    "z2jh_crypt_key": "d4" * 32,
    "z2jh_chart_sha256": "e5" * 32,
}
SITE = {"hub_domain": "hub.uni.edu", "hub_admins": ["ana", "luz"], **SECRETS}
PLAY = """\
- hosts: cases
  gather_facts: false
  vars_files:
    - {roles}/base/vars/main.yml
    - {roles}/z2jh/vars/main.yml
  vars:
    role_path: {roles}/z2jh
    localcloud_run: {{site: {work}}}
    # As if they had been looked up (tasks/addresses.yml).
    __z2jh_looked_up: {{results: [{{stdout_lines: ["10.50.0.12  STREAM x", "10.50.0.12  DGRAM"]}}]}}
    __z2jh_nodes_file: {{content: "{{{{ {{'node1': '10.60.0.1'}} | to_json | b64encode }}}}"}}
  tasks:
    - name: Write what the role makes of its settings
      ansible.builtin.copy:
        content: "{{{{ {{'values': __z2jh_values, 'secrets': __z2jh_secrets,
          'objects': __z2jh_objects}} | to_json }}}}"
        dest: "{work}/{{{{ inventory_hostname }}}}.json"
        mode: "0600"
"""


def defaults() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in ("base", "artifact", "helm", "hub", "z2jh"):
        found |= yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()) or {}
    return found


def render(work: Path, cases: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Case → {values, secrets, objects}. Each case is a site of its own, with other nodes."""
    others = {
        "k3s_server": {"hosts": {"node1": {"ansible_host": "10.20.0.11"}}},
        "k3s_agent": {
            "hosts": {
                "node2": {"ansible_host": "node2.uni.edu", "storage_nfs_server": "10.40.0.9"},
                "10.20.0.13": {},
            }
        },
        "nfs_server": {
            "hosts": {
                "files": {"ansible_host": "192.168.7.7", "nfs_server_address": "10.30.0.7"},
            }
        },
    }
    hosts = {name: {**SITE, **settings} for name, settings in cases.items()}
    site = {"all": {"vars": defaults(), "children": {"cases": {"hosts": hosts}, **others}}}
    (work / "hosts.yml").write_text(yaml.safe_dump(site, sort_keys=False))
    (work / "play.yml").write_text(PLAY.format(roles=ROLES, work=work))
    python = f"ansible_python_interpreter={sys.executable}"
    ansible = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [ansible, "-c", "local", "-i", "hosts.yml", "-e", python, "play.yml"],
        cwd=work,
        env={
            **os.environ,
            "ANSIBLE_FILTER_PLUGINS": str(ROLES / "z2jh/filter_plugins"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((work / f"{name}.json").read_text()) for name in cases}


def merged(base: Any, over: Any) -> Any:
    """As helm merges values: mappings deeply, everything else replaced, null takes a key out."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    kept = {key: value for key, value in base.items() if key not in over}
    new = {key: merged(base.get(key), value) for key, value in over.items() if value is not None}
    return {**kept, **new}
