"""What this computer lets a container engine do: its cgroup hierarchy and resource limits."""

import resource
from pathlib import Path
from typing import Literal

Cgroups = Literal["v1", "hybrid", "v2"]

_CAP_SYS_RESOURCE = 1 << 24  # linux/capability.h


def cgroups(mounts: str | None = None) -> Cgroups:
    """The hierarchy under /sys/fs/cgroup; ``hybrid`` is v1 with an empty v2 tree beside it."""
    if mounts is None:
        mounts = Path("/proc/self/mounts").read_text()
    at = {fields[1]: fields[2] for line in mounts.splitlines() if len(fields := line.split()) > 2}
    if at.get("/sys/fs/cgroup") == "cgroup2":
        return "v2"
    return "hybrid" if at.get("/sys/fs/cgroup/unified") == "cgroup2" else "v1"


def may_raise_limits(status: str | None = None) -> bool:
    """Whether this process holds CAP_SYS_RESOURCE, which raising a hard limit takes."""
    if status is None:
        status = Path("/proc/self/status").read_text()
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _CAP_SYS_RESOURCE)
    return False


def ulimits() -> dict[str, int]:
    """The highest limits a container of ours may ask for (-1: without limit).

    podman asks for a million files and four million processes by itself, and runc then fails
    without CAP_SYS_RESOURCE. podman has by then lowered its own nproc to kernel.pid_max.
    """
    _soft, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _soft, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())
    if processes == resource.RLIM_INFINITY or processes > pid_max:
        processes = pid_max
    return {"nofile": files, "nproc": processes}


def mtu_of_default_route(routes: str | None = None, net: Path = Path("/sys/class/net")) -> int:
    """Largest packet (bytes) on the way out; 1500 if unknown.

    Virtual machines and campus tunnels often carry less than the 1500 of a container network, and
    then large downloads hang where path MTU discovery is filtered.
    """
    if routes is None:
        routes = Path("/proc/net/route").read_text()
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000":
            try:
                return int((net / fields[0] / "mtu").read_text())
            except (OSError, ValueError):
                break
    return 1500
