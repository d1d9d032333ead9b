#!/usr/bin/python
"""Ansible module: end k3s on a host, with all that it left in the kernel.

``systemctl stop`` leaves the pods running. Here go the processes of all pods, their mounts, network
namespaces and interfaces, and the firewall rules; files are the receipt's. Nothing is deleted while
something of a pod is still mounted: it could be people's data.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: k3s_removed
short_description: End k3s, its pods, mounts, interfaces and firewall rules
author: The localcloud authors
options: {}
"""

UNITS = ("k3s.service", "k3s-agent.service")
# Kept it from restarting while it left (tasks/leave.yml): such a run may have been cut short.
LEAVING = Path("/run/systemd/system/k3s.service.d/leaving.conf")
MOUNTS = ("/run/k3s/", "/var/lib/kubelet/", "/run/netns/cni-", "/run/flannel/")
REMOTE = ("nfs", "cifs", "ceph", "fuse", "9p")
DISKS = "/var/lib/rancher/k3s/"  # what is mounted below is somebody's disk: never touched
OWN = ("agent", "server", "data")  # in it; whatever else is there is not k3s's
INTERFACES = re.compile(r"^(cni0|flannel[.\w-]*|kube-ipvs0|kube-bridge)$")
CHAINS = re.compile(r"\b(KUBE|CNI|FLANNEL|flannel)")
SHIM = re.compile(rb"/containerd-shim[^\0]*\0.*-namespace\0k8s\.io", re.DOTALL)
DATA = Path("/var/lib/rancher/k3s/data")
GROUPS = Path("/sys/fs/cgroup")
RUNC = Path("/run/containerd/runc/k8s.io")  # what runc knows of k3s's containers
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    *command: str, stdin: str | None = None, seconds: float = 300
) -> subprocess.CompletedProcess:
    """k3s brings tools of its own where the host has none. Code 124: it took too long."""
    own = ":".join(str(place) for place in (DATA / "current/bin", DATA / "current/bin/aux"))
    environment = {"PATH": f"{SYSTEM}:{own}", "LC_ALL": "C.UTF-8"}
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        return subprocess.CompletedProcess(command, 127, "", "")
    try:
        return subprocess.run(
            [program, *command[1:]],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no end in {seconds:.0f} s")


def processes() -> dict[int, int]:
    """Process → its parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = int(words[1])
    return found


def of_pods() -> list[int]:
    """The shims of k3s's containers, all that runs below them, and what has lost its shim."""
    parents = processes()
    chosen = in_groups() & parents.keys()
    for pid in parents:
        with contextlib.suppress(OSError):
            if SHIM.search(Path(f"/proc/{pid}/cmdline").read_bytes()):
                chosen.add(pid)
    while True:
        more = {pid for pid, parent in parents.items() if parent in chosen} - chosen
        if not more:
            return sorted(chosen)
        chosen |= more


def in_groups() -> set[int]:
    """Processes in the pods' control groups: they live on where their shim was killed."""
    found: set[int] = set()
    for file in GROUPS.glob("**/kubepods*/**/cgroup.procs"):
        with contextlib.suppress(OSError):  # it went meanwhile, or holds threads only
            found.update(map(int, file.read_text().split()))
    return found


def end_processes() -> list[int]:
    """Kill until none is left; gives those that do not go."""
    for _attempt in range(50):
        pids = of_pods()
        if not pids:
            return []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    return of_pods()


def mounts(places: tuple[str, ...] = MOUNTS) -> list[str]:
    """Mount points below the places, the innermost first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return sorted((one for one in points if one.startswith(places)), key=len, reverse=True)


def remote() -> set[str]:
    """Mount points of file systems that another host serves."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    pairs = [line.split()[1:3] for line in lines]
    return {
        point.encode().decode("unicode_escape") for point, kind in pairs if kind.startswith(REMOTE)
    }


def unmount() -> list[str]:
    """Unmount all; gives what does not go.

    A server of files may be dead: its mounts are let go without an answer. What is on it is not
    in reach of this host any more then, and so safe from what comes next.
    """
    for _attempt in range(3):
        for point in mounts():
            if run("umount", point, seconds=20).returncode and point in remote():
                run("umount", "-f", "-l", point, seconds=20)
    return mounts()


def delete_data() -> None:
    """What k3s wrote. The folder itself may be a disk of its own, which stays."""
    for name in OWN:
        shutil.rmtree(Path(DISKS, name), ignore_errors=True)
    shutil.rmtree(RUNC, ignore_errors=True)
    for folder in RUNC.parents[:2]:  # another containerd may be at work there
        with contextlib.suppress(OSError):
            folder.rmdir()


def interfaces() -> list[str]:
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    bridged = {path.name for path in Path("/sys/class/net").glob("cni0/brif/*")}
    return sorted(name for name in names if INTERFACES.match(name) or name in bridged)


def drop_rules(tables: str) -> bool:
    """Take the rules of k3s out of ``iptables`` or ``ip6tables``; True if there were some."""
    saved = run(f"{tables}-save").stdout
    kept = [line for line in saved.splitlines() if not CHAINS.search(line)]
    if len(kept) == len(saved.splitlines()):
        return False
    run(f"{tables}-restore", stdin="\n".join(kept) + "\n")
    return True


def drop_sets() -> None:
    for name in run("ipset", "list", "-n").stdout.split():
        if name.startswith(("KUBE-", "inet6:KUBE-", "kube-router-")):
            run("ipset", "destroy", name)


def drop_groups() -> None:
    """The pods' control groups, empty by now. Where systemd made them, it has units for them."""
    run("systemctl", "stop", "kubepods.slice")
    run("systemctl", "reset-failed", "kubepods*.slice", "cri-containerd-*.scope")
    for root in GROUPS.glob("**/kubepods*"):
        for folder in sorted(root.glob("**/"), key=lambda path: len(str(path)), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()


def allow_restart() -> None:
    LEAVING.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody else's files may be there, too
        LEAVING.parent.rmdir()


def is_there() -> bool:
    files = [LEAVING, *(Path("/etc/systemd/system", unit) for unit in UNITS)]
    return bool(any(file.exists() for file in files) or of_pods() or interfaces() or mounts())


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    there = is_there()
    if module.check_mode or not there:
        module.exit_json(changed=there)
    for unit in UNITS:
        # All processes of the unit: its pods' shims would live on.
        run("systemctl", "stop", unit)
        run("systemctl", "kill", "--signal=KILL", unit)
    allow_restart()
    left = [f"process {pid}" for pid in end_processes()] + unmount()
    for name in sorted(Path("/run/netns").glob("cni-*")):
        run("ip", "netns", "delete", name.name)
    for name in interfaces():
        run("ip", "link", "delete", name)
    for tables in ("iptables", "ip6tables"):
        drop_rules(tables)
    for family in ("ip", "ip6"):  # where a site has chosen nftables for kube-proxy
        run("nft", "delete", "table", family, "kube-proxy")
    drop_sets()
    drop_groups()
    left += interfaces() + mounts((DISKS,))
    if left:
        data = {"localcloud_problem": "reset_left", "left": ", ".join(left)}
        module.fail_json(msg=json.dumps(data))
    delete_data()
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
