"""The probe's text → facts of a host: plain dicts and lists, ready for JSON.

Keys a host said nothing about are missing or empty; see :func:`parse` for the shape.
"""

import json
import re
from typing import Any

from localcloud.preflight import node_facts

Facts = dict[str, Any]

_USERS = re.compile(r'\("((?:[^"\\]|\\.)*)",pid=(\d+)')
_PLAIN = (
    "os_id",
    "os_version",
    "os_codename",
    "os_name",
    "arch",
    "kernel",
    "hostname",
    "user",
    "init",
    "systemd_state",
    "systemd_version",
    "virtualization",
    "machine_id",
    "cgroup",
    "python",
    "sudo",
    "dpkg_lock",
)


def parse(text: str) -> Facts:
    """Facts from the probe's lines; what a login shell prints before them is skipped.

    Memory, swap and disk in MiB; ``disk``: path → free_mib, total_mib, mount; ``ports``: number →
    list of {address, process, pid, unit}; ``mirrors``: list of {kind, result, seconds, url,
    detail}; ``receipt``: the parsed receipt, None if there is none or it cannot be read;
    ``people``: hub → {accounts (None: it has none of its own), admins, homes, servers};
    ``complete`` tells whether the probe came to its end. More, see ``node_facts.of``.
    """
    said = _lines(text)
    facts: Facts = {key: said.get(key, [""])[0] for key in _PLAIN}
    facts["complete"] = "complete" in said.get("probe", [])
    facts["groups"] = said.get("groups", [""])[0].split()
    facts["addresses"] = said.get("addresses", [""])[0].split()
    facts["default_route"] = bool(said.get("route"))
    facts["sudo_says"] = "\n".join(said.get("sudo_says", []))
    facts["root_eyes"] = bool(said.get("root_eyes"))
    facts["python_apt"] = bool(said.get("python_apt"))
    facts["dpkg_broken"] = [line.strip() for line in said.get("dpkg_broken", [])]
    facts["orphan_homes"] = said.get("orphan_home", [])
    facts["macs"] = dict(_pairs(said.get("mac", [])))
    facts["cores"] = _number(said.get("cores", ["0"])[0])
    facts["memory_mib"] = _memory(said)
    facts["swap_mib"] = _number(said.get("SwapTotal", ["0"])[0]) // 1024
    facts["disk"] = _disk(said.get("disk", []))
    facts["ports"] = _ports(said)
    facts["mirrors"] = [_mirror(line) for line in said.get("mirror", [])]
    facts["receipt"], facts["receipt_broken"] = _receipt(said.get("receipt", []))
    facts["people"] = _people(said.get("people", []))
    facts["time"] = [_seconds(said, "time_begin"), _seconds(said, "time_end")]
    facts |= node_facts.of(said)
    return facts


def installed(facts: Facts) -> dict[str, Any]:
    """The components in a host's receipt."""
    return dict((facts["receipt"] or {}).get("components", {}))


def _lines(text: str) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    _noise, _begin, rest = ("\n" + text).partition("\nprobe=begin\n")
    for line in rest.split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            said.setdefault(key, []).append(value)
    return said


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return [(first, rest) for first, _space, rest in (line.partition(" ") for line in lines)]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _seconds(said: dict[str, list[str]], key: str) -> float | None:
    """The host's clock, in seconds since 1970; busybox's date knows no fractions."""
    whole, _dot, fraction = said.get(key, [""])[0].partition(".")
    if not whole.isdigit():
        return None
    return float(f"{whole}.{fraction}") if fraction.isdigit() else float(whole)


def _memory(said: dict[str, list[str]]) -> int:
    total = _number(said.get("MemTotal", ["0"])[0]) // 1024
    limits = [_number(limit) // 1024**2 for limit in said.get("memory_limit", [])]
    return min([total, *(limit for limit in limits if limit)])


def _disk(lines: list[str]) -> dict[str, dict[str, Any]]:
    disk = {}
    for line in lines:
        path, total, free, mount = line.split(" ", 3)
        disk[path] = {
            "free_mib": _number(free) // 1024,
            "total_mib": _number(total) // 1024,
            "mount": mount,
        }
    return disk


def _ports(said: dict[str, list[str]]) -> dict[int, list[dict[str, str]]]:
    units = _units(_pairs(said.get("unit", [])))
    ports: dict[int, list[dict[str, str]]] = {}
    for line in said.get("ss", []):
        words = line.split(None, 5)
        if len(words) < 5:
            continue
        address, _colon, port = words[3].rpartition(":")
        for name, pid in _USERS.findall(words[5]) if len(words) > 5 else [("", "")]:
            holder = {
                "address": address,
                "process": name,
                "pid": pid,
                "unit": units.get(pid, ""),
            }
            ports.setdefault(int(port), []).append(holder)
    owners = dict(_pairs(said.get("owner", [])))
    for place, inode in _pairs(said.get("tcp", [])):
        pid = owners.get(inode, "")
        address, _colon, port = place.partition(":")
        holder = {
            "address": address,
            "process": "",
            "pid": pid,
            "unit": units.get(pid, ""),
        }
        ports.setdefault(int(port, 16), []).append(holder)
    return ports


def _units(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Process → unit, by all its control groups.

    In a container with cgroup v1 the kubelet takes k3s out of its service in most of them.
    """
    units: dict[str, str] = {}
    for pid, path in pairs:
        unit = _unit(path)
        if unit and not units.get(pid, "").endswith(".service"):
            units[pid] = unit
    return units


def _unit(path: str) -> str:
    """The systemd unit in a cgroup path: ``/system.slice/ssh.service`` → ``ssh.service``."""
    ends = (".service", ".scope", ".socket")
    return next((part for part in reversed(path.split("/")) if part.endswith(ends)), "")


def _mirror(line: str) -> dict[str, Any]:
    kind, result, seconds, url, detail = (*line.split(" ", 4), "", "", "", "")[:5]
    return {
        "kind": kind,
        "result": result,
        "seconds": float(seconds or 0),
        "url": without_login(url),
        "detail": detail,
    }


def without_login(url: str) -> str:
    """A URL fit to be shown: ``https://user:secret@host/`` → ``https://host/``."""
    return re.sub(r"(?<=//)[^/@]*@", "", url)


def _receipt(lines: list[str]) -> tuple[dict[str, Any] | None, bool]:
    """The receipt, and whether there is one that makes no sense."""
    if not lines:
        return None, False
    try:
        receipt = json.loads("\n".join(lines))
    except ValueError:
        return None, True
    known = isinstance(receipt, dict) and isinstance(receipt.get("components"), dict)
    return (receipt, False) if known else (None, True)


def _people(lines: list[str]) -> dict[str, dict[str, Any]]:
    """Hub → how many people it has; nothing of a host that could not count them."""
    try:
        return {name: dict(known) for line in lines for name, known in json.loads(line).items()}
    except (ValueError, AttributeError):
        return {}
