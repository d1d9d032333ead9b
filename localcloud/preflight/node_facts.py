"""What the probe says of a host as a node of a cluster → facts."""

from typing import Any

# Networks that a cluster made, or that no other host can see.
_OWN_DEVICES = ("lo", "cni", "flannel", "kube-", "veth")


def of(said: dict[str, list[str]]) -> dict[str, Any]:
    """``node``: its address and device on the way out, and the device's mtu (bytes); ``networks``:
    list of {kind: address or route, device, network}; ``modules``: name → loaded, loadable,
    missing, or unknown (a container without the kernel's files); ``fsync``: path → {count,
    median_ms, p99_ms} of small writes; ``there``: those of the paths asked for that exist;
    ``file_systems``: path → {kind, options: list} of the one it lies, or would lie, on.
    """
    address, device = _words(said.get("node", [""])[0], 2)
    mtu = _pairs(said.get("mtu", []))
    return {
        "node": {"address": address, "device": device, "mtu": int(mtu.get(device) or 0)},
        "networks": [_network(line) for line in said.get("network", []) if not _own(line)],
        "nameservers": list(dict.fromkeys(said.get("nameserver", []))),
        "ssh_client": said.get("ssh_client", [""])[0],
        "modules": _pairs(said.get("module", [])),
        "multipathd": _multipathd(said),
        "firewall": _firewall(said.get("active", [])),
        "product_uuid": said.get("product_uuid", [""])[0].lower(),
        "there": said.get("there", []),
        "fsync": dict(_fsync(line) for line in said.get("fsync", [])),
        "file_systems": dict(_file_system(line) for line in said.get("file_system", [])),
    }


def _words(line: str, number: int) -> tuple[str, ...]:
    return tuple((*line.split(" ", number - 1), *[""] * number)[:number])


def _pairs(lines: list[str]) -> dict[str, str]:
    return {words[0]: words[1] for words in (_words(line, 2) for line in lines)}


def _own(line: str) -> bool:
    _kind, device, network = _words(line, 3)
    return device.startswith(_OWN_DEVICES) or network.startswith("fe80:")


def _network(line: str) -> dict[str, str]:
    kind, device, network = _words(line, 3)
    return {"kind": kind, "device": device, "network": network}


def _multipathd(said: dict[str, list[str]]) -> str:
    """``active``; ``spares``: active, but told to leave plain disks alone; or nothing."""
    if "multipathd" not in said.get("active", []):
        return ""
    return "spares" if said.get("multipath_spares_sd") else "active"


def _firewall(active: list[str]) -> str:
    if "firewalld" in active:
        return "firewalld"
    return "ufw" if "ufw" in active else ""


def _file_system(line: str) -> tuple[str, dict[str, Any]]:
    path, kind, options = _words(line, 3)
    return path, {"kind": kind, "options": options.split(",")}


def _fsync(line: str) -> tuple[str, dict[str, float]]:
    path, count, median, p99 = line.rsplit(" ", 3)
    return path, {"count": int(count), "median_ms": float(median), "p99_ms": float(p99)}
