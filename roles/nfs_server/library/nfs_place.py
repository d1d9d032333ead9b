#!/usr/bin/python
"""Ansible module: where exported directories lie, and the file system that an empty disk becomes.

What cannot work is refused before anything is touched. A disk is formatted only if the site names
it and nothing at all is on it; what is on one that we made is given up only on demand.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import socket
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import Failed, run

DOCUMENTATION = """
module: nfs_place
short_description: Look at, make or give up the file system below an exported directory
author: The localcloud authors
options:
  state:
    description: C(looked) only looks and refuses; C(present) makes the file system on a blank disk;
      C(absent) takes it away with all that is on it.
    type: str
    choices: [looked, present, absent]
    required: true
  path:
    description: The exported directory.
    type: path
    required: true
  disk:
    description: The disk that the site names for it.
    type: str
    default: ""
  label:
    description: Label of a file system that was made here.
    type: str
    required: true
  limits:
    description: Sizes that folders may have; any of them asks for project quotas.
    type: list
    elements: str
    default: []
  clients:
    description: Who is going to be allowed to mount.
    type: list
    elements: str
    default: []
"""

SMALLEST_MIB = 512  # mkfs.xfs makes nothing smaller than 300 MiB
EDGE = 1 << 20  # bytes at either end of a disk that must be zero
NFS_PORT = "0801"  # 2049 in hexadecimal, as /proc/net/tcp has it
SIZE = re.compile(r"([0-9]+(\.[0-9]+)?[KMGT]?)?")


def mounts() -> list[list[str]]:
    """Device, mount point, type and options of every mount."""
    return [line.split()[:4] for line in Path("/proc/mounts").read_text().splitlines()]


def place_of(path: Path) -> tuple[str, str, str]:
    """Mount point, type and options of the file system that a path lies, or would lie, on."""
    place = path
    while not place.exists():
        place = place.parent
    place = place.resolve()
    found = ("", "", "")
    for _device, mount, kind, options in mounts():
        inside = mount == "/" or place == Path(mount) or Path(mount) in place.parents
        if inside and len(mount) >= len(found[0]):
            found = (mount, kind, options)
    return found


# The disk


def sys_block(device: Path) -> Path:
    return Path("/sys/class/block", device.name)


def content_of(device: Path) -> dict[str, str]:
    """What blkid recognises on a device; {} for a device on which it finds nothing."""
    done = run("blkid", "-p", "-o", "export", str(device))
    if done.returncode not in (0, 2):  # 2: nothing found; 8: too much at once to tell
        return {"TYPE": "?"}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def edges_are_zero(device: Path) -> bool:
    with device.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        for place in (0, max(0, end - EDGE)):
            stream.seek(place)
            if stream.read(EDGE).strip(b"\0"):
                return False
    return True


def use_of(device: Path) -> str:
    """Who has the device, "" if nobody does."""
    for source, mount, _kind, _options in mounts():
        if source.startswith("/") and Path(source).resolve() == device:
            return mount
    block = sys_block(device)
    others = [entry.parent.name for entry in block.glob("*/partition")]
    if (block / "holders").is_dir():
        others += sorted(entry.name for entry in (block / "holders").iterdir())
    swaps = Path("/proc/swaps").read_text().split()
    return ", ".join(others) or ("swap" if str(device) in swaps else "")


def check_disk(disk: str, label: str, path: Path) -> bool:
    """Whether the disk has the file system made here already; refuses all but a blank one."""
    given = Path(disk)
    if not given.is_block_device():
        raise Failed("nfs_disk_missing", disk=disk, there=there())
    device = given.resolve()
    content, user = content_of(device), use_of(device)
    twin = Path("/dev/disk/by-label", label)
    if twin.exists() and twin.resolve() != device:
        raise Failed("nfs_disk_twin", disk=disk, other=str(twin.resolve()), label=label)
    if content.get("TYPE") == "xfs" and content.get("LABEL") == label:
        if user not in ("", str(path)):
            raise Failed("nfs_disk_in_use", disk=disk, user=user)
        return True
    if user:
        raise Failed("nfs_disk_in_use", disk=disk, user=user)
    if content or not edges_are_zero(device):
        shown = content.get("TYPE") or content.get("PTTYPE") or "data"
        raise Failed("nfs_disk_not_blank", disk=disk, content=shown)
    mib = int((sys_block(device) / "size").read_text()) >> 11
    if mib < SMALLEST_MIB:
        raise Failed("nfs_disk_small", disk=disk, size=f"{mib} MiB", needs=f"{SMALLEST_MIB} MiB")
    return False


def there() -> str:
    names = (entry for entry in Path("/sys/block").glob("*") if not entry.name.startswith("loop"))
    return ", ".join(sorted(f"/dev/{entry.name}" for entry in names)) or "-"


def make(disk: str, label: str) -> None:
    # Without -f: mkfs.xfs itself refuses a disk on which it sees something.
    done = run("mkfs.xfs", "-q", "-L", label, disk)
    if done.returncode:
        raise Failed("nfs_disk_format", disk=disk, details=done.stderr.strip())
    run("udevadm", "settle", "--timeout=30")


def give_up(disk: str, label: str, path: Path) -> bool:
    """Takes away the file system that was made on a disk, and nothing that was not."""
    device = Path(disk).resolve()
    content = content_of(device) if device.is_block_device() else {}
    if content.get("LABEL") != label or use_of(device) not in ("", str(path)):
        return False
    if use_of(device):
        # Not by hand: systemd would mount it again at once.
        unit = run("systemd-escape", "--path", "--suffix=mount", str(path)).stdout.strip()
        run("systemctl", "stop", "localcloud-quotas.timer", "localcloud-quotas.path")
        done = run("systemctl", "stop", unit)
        if use_of(device):
            details = done.stderr.strip()
            raise Failed("nfs_disk_busy", disk=disk, path=str(path), details=details)
    run("wipefs", "--all", str(device))
    return True


# The kernel and the network


def kernel_can() -> bool:
    """Whether this kernel can serve NFS: in a container it mostly cannot."""

    def known() -> bool:
        return "\tnfsd\n" in Path("/proc/filesystems").read_text()

    if not known():
        run("modprobe", "nfsd")
    if not known():
        return False
    mounted = any(kind == "nfsd" for _device, _mount, kind, _options in mounts())
    contained = run("systemd-detect-virt", "--container", "--quiet").returncode == 0
    return mounted or not contained


def other_server() -> bool:
    """Whether a program serves NFS, and not the kernel."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in table(name)]
    taken = any(words[1].endswith(f":{NFS_PORT}") and words[3] == "0A" for words in lines)
    return taken and not kernel_serves()


def table(name: str) -> list[str]:
    path = Path("/proc/net", name)
    return path.read_text().splitlines()[1:] if path.exists() else []


def kernel_serves() -> bool:
    threads = Path("/proc/fs/nfsd/threads")
    try:
        return int(threads.read_text()) > 0
    except (OSError, ValueError):
        return False


def check_clients(clients: list[str]) -> None:
    """Nodes by name, address or network; nobody else, and never everybody."""
    if not clients:
        raise Failed("nfs_no_clients")
    for client in clients:
        everybody = "*" in client or "?" in client or client in ("", "0.0.0.0/0", "::/0")
        try:
            everybody = everybody or ipaddress.ip_network(client, strict=False).prefixlen < 8
        except ValueError:  # a name
            everybody = everybody or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", client) is None
        if everybody:
            raise Failed("nfs_everybody", client=client)


def own_address() -> str:
    """The address that this host shows on its way out. No packet is sent."""
    for family, far in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(probe.getsockname()[0])
    return ""


def look(parameters: dict) -> dict:
    path = Path(parameters["path"])
    check_clients(parameters["clients"])
    if path.resolve() != path:
        raise Failed("nfs_path_link", path=str(path), real=str(path.resolve()))
    for text in parameters["limits"]:
        if not SIZE.fullmatch(text):
            raise Failed("nfs_limit_size", value=text)
    if not kernel_can():
        raise Failed("nfs_no_kernel")
    if other_server():
        raise Failed("nfs_other_server")
    made = False
    if parameters["disk"]:
        made = check_disk(parameters["disk"], parameters["label"], path)
        hidden = path.is_dir() and not path.is_mount() and any(path.iterdir())
        if hidden:
            raise Failed("nfs_path_in_use", path=str(path), disk=parameters["disk"])
    mount, kind, options = place_of(path)
    limited = any(parameters["limits"])
    if limited and not parameters["disk"] and not has_projects(kind, options):
        data = {"path": str(path), "mount": mount, "kind": kind, "options": options}
        raise Failed("nfs_no_quotas", **data)
    return {
        "address": own_address(),
        "there": path.is_dir(),
        "made": made,
        "file_system": kind,
        "installed": Path("/usr/sbin/exportfs").exists(),
    }


def has_projects(kind: str, options: str) -> bool:
    return kind == "xfs" and bool({"prjquota", "pquota"} & set(options.split(",")))


def act(module: AnsibleModule) -> dict:
    state, disk, label = (module.params[name] for name in ("state", "disk", "label"))
    path = Path(module.params["path"])
    if state == "looked":
        return {"changed": False, **look(module.params)}
    if state == "present":
        made = check_disk(disk, label, path)
        if not made and not module.check_mode:
            make(disk, label)
        return {"changed": not made}
    if not disk:
        return {"changed": False}
    return {"changed": True if module.check_mode else give_up(disk, label, path)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"choices": ["looked", "present", "absent"], "required": True},
            "path": {"type": "path", "required": True},
            "disk": {"type": "str", "default": ""},
            "label": {"type": "str", "required": True},
            "limits": {"type": "list", "elements": "str", "default": []},
            "clients": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = act(module)
    except Failed as failed:
        module.fail_json(msg=json.dumps(failed.data))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
