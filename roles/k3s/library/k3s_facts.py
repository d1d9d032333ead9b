#!/usr/bin/python
"""Ansible module: what must be known of a node before anything of k3s is written there.

One round trip: what the machine can do, what of k3s is on it, and whose that is. What a machine
lacks (a capability, cgroup v2, a file system for overlays) is found here, never assumed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: k3s_facts
short_description: Look at a node of a k3s cluster, or at a machine that will be one
author: The localcloud authors
options:
  settings:
    description: Given back as they are, so that the plan knows the settings of every node.
    type: dict
    default: {}
"""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
UNITS = {"server": "k3s.service", "agent": "k3s-agent.service"}
SYSTEMD = Path("/etc/systemd/system")
DATA = Path("/var/lib/rancher/k3s")
CONFIG = Path("/etc/rancher/k3s/config.yaml")
BINARIES = Path("/opt/localcloud/k3s/bin")
NODES = Path("/opt/localcloud/k3s/nodes.json")
FIXED = re.compile(r"(?m)^(cluster-cidr|service-cidr|secrets-encryption): *['\"]?([^\s'\"]+)")
JOINED = re.compile(r"""^server:\s*["']?([^\s"']+)""", re.MULTILINE)
OURS = re.compile(rf"^ExecStart={BINARIES}/k3s-(\S+) (server|agent)", re.MULTILINE)
SYS_RESOURCE = 24  # linux/capability.h
ETCD = DATA / "server/db/etcd"
API = ("127.0.0.1", 6443)


def text_of(path: str | Path) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def default_route() -> bool:
    """Whether there is one; k3s needs it even without an internet behind it."""
    lines = [line.split() for line in text_of("/proc/net/route").splitlines()[1:]]
    if any(words[1] == "00000000" for words in lines):
        return True
    v6 = [line.split() for line in text_of("/proc/net/ipv6_route").splitlines()]
    return any(words[1] == "00" and words[-1] != "lo" and set(words[0]) == {"0"} for words in v6)


def address() -> str:
    """The address that this machine shows on its way out. No packet is sent."""
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return ""


def cgroup() -> str:
    return "v2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "v1"


def may_raise_limits() -> bool:
    """Whether this machine has CAP_SYS_RESOURCE; containers often do not."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)", text_of("/proc/1/status"), re.MULTILINE)
    return bool(found and int(found[1], 16) >> SYS_RESOURCE & 1)


def apparmor() -> bool:
    """Whether the kernel confines containers with AppArmor, which needs its parser then."""
    inside = Path("/run/systemd/container").exists()  # no profile can be loaded from there
    return not inside and text_of("/sys/module/apparmor/parameters/enabled").strip() == "Y"


def overlays_fit() -> bool:
    """Whether containers' file systems can be overlays below the data directory.

    The kernel takes no overlay file system as the upper part of another one.
    """
    place = DATA
    while not place.exists():
        place = place.parent
    best, kind = "", ""
    for line in text_of("/proc/mounts").splitlines():
        _device, mount, type_ = line.split()[:3]
        inside = str(place) == mount or str(place).startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, type_
    return kind not in ("overlay", "fuse.fuse-overlayfs", "nfs", "nfs4")


def has_database() -> bool:
    """Whether the cluster's is here. One that the others let go has a tombstone: k3s drops it."""
    return ETCD.is_dir() and not (ETCD / "tombstone").exists()


def answers() -> bool:
    try:
        with socket.create_connection(API, timeout=1):
            return True
    except OSError:
        return False


def installed() -> dict:
    """What of k3s is here. ``foreign``: somebody else's installation. ``joined``: the address that
    the node registers at; "" if it made the cluster, or if there is none. ``answers``: a server's
    API, or something at its place."""
    found = {"version": "", "kind": "", "foreign": ""}
    for unit in UNITS.values():
        path = SYSTEMD / unit
        ours = OURS.search(text_of(path))
        if ours:
            found["version"], found["kind"] = ours[1], ours[2]
        elif path.exists():
            found["foreign"] = str(path)
    registered = JOINED.search(text_of(CONFIG))
    if not ETCD.is_dir() and (DATA / "server/db/state.db").exists():
        found["foreign"] = str(DATA / "server/db/state.db")
    authority = DATA / "server/tls/server-ca.crt"
    binaries = sorted(path.name.removeprefix("k3s-") for path in BINARIES.glob("k3s-v*"))
    return {
        **found,
        "etcd": has_database(),
        "answers": found["kind"] == "server" and answers(),
        "joined": (urlsplit(registered[1]).hostname or "") if registered else "",
        "made_with": made_with() if has_database() else {},
        "ca_hash": hashlib.sha256(authority.read_bytes()).hexdigest() if authority.exists() else "",
        "binaries": binaries,
    }


def made_with() -> dict[str, str]:
    """What a cluster keeps for its whole life, as a server of it has it now.

    ``token_mark`` is the beginning of the token's hash, by which it is known and not found.
    """
    found = {key.replace("-", "_"): value for key, value in FIXED.findall(text_of(CONFIG))}
    token = text_of(CONFIG.parent / "token").strip().rpartition(":")[2]
    if token:
        found["token_mark"] = hashlib.sha256(token.encode()).hexdigest()[:12]
    return found


def known() -> dict[str, str]:
    """The nodes and their addresses, as the last run on this one knew them."""
    try:
        return dict(json.loads(text_of(NODES)))
    except ValueError:
        return {}


def firewall() -> str:
    """``ufw`` or ``firewalld`` if one of them is at work.

    ufw is switched on in its own file: its unit is active also where it is off, and is not yet
    where ``ufw enable`` was the first thing after its installation.
    """
    if Path("/usr/sbin/firewalld").exists() and "active" in unit_is("firewalld"):
        return "firewalld"
    switched_on = "ENABLED=yes" in text_of("/etc/ufw/ufw.conf").splitlines()
    return "ufw" if switched_on and {"active", "enabled"} & unit_is("ufw") else ""


def unit_is(name: str) -> set[str]:
    """What systemd says of a unit: whether it is active, and whether it is enabled."""
    return {
        subprocess.run(
            ["systemctl", question, name], capture_output=True, text=True, check=False
        ).stdout.strip()
        for question in ("is-active", "is-enabled")
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "default": {}}},
        supports_check_mode=True,
    )
    machine = platform.machine()
    node = {
        "arch": ARCHITECTURES.get(machine, machine),
        "address": address(),
        "default_route": default_route(),
        "cgroup": cgroup(),
        "limits": may_raise_limits(),
        "apparmor": apparmor(),
        "overlays": overlays_fit(),
        "firewall": firewall(),
        "known": known(),
        "hostname": os.uname().nodename,
        **installed(),
    }
    module.exit_json(changed=False, node=node, settings=module.params["settings"])


if __name__ == "__main__":
    main()
