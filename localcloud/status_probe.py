# mypy: ignore-errors
"""Runs on a host as root (Python 3.8 or later, nothing else): the receipt, and what lives of it.

Sent over SSH by :mod:`localcloud.status`; prints one line of JSON behind a mark. Changes nothing.
"""

import json
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

RECEIPT = "/var/lib/localcloud/receipt.json"
MARK = "localcloud-status:"
ENDURED = 3  # restarts of a service that are nobody's concern
YOUNG_SECONDS = 60  # a service that ended often and is up for less has not recovered yet


def run(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def units(names):
    """Unit → {active, enabled, since, restarts}; a unit that does not exist is `inactive`.

    ``restarts``: how often systemd started it again after it had ended, "" if it was not lately.
    """
    if not names:
        return {}
    wanted = (
        "Id,Names,ActiveState,SubState,UnitFileState,ActiveEnterTimestamp,NRestarts,"
        "ActiveEnterTimestampMonotonic"
    )
    found = {}
    for block in run("systemctl", "show", "-p", wanted, *names).split("\n\n"):
        pairs = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for name in {pairs.get("Id", ""), *pairs.get("Names", "").split()} & set(names):
            found[name] = {
                "active": pairs.get("ActiveState", ""),
                "enabled": pairs.get("UnitFileState", ""),
                "since": pairs.get("ActiveEnterTimestamp", ""),
                "restarts": restarts(pairs),
            }
    none = {"active": "", "enabled": "", "since": "", "restarts": ""}
    return {name: found.get(name, none) for name in names}


def restarts(pairs):
    """A service that ended often, and either waits to be started again or has just been."""
    count = int(pairs.get("NRestarts") or 0)
    up = time.monotonic() - int(pairs.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    again = pairs.get("SubState") == "auto-restart"
    return str(count) if count >= ENDURED and (again or up < YOUNG_SECONDS) else ""


def running(pattern):
    """How many units of a pattern are up, or None if the component has no such pattern."""
    if not pattern:
        return None
    shown = run("systemctl", "list-units", "--state=active", "--plain", "--no-legend", pattern)
    return len(shown.splitlines())


def members(group):
    """Accounts in a group, as main group or not; None if there is no such group."""
    import grp
    import pwd

    try:
        entry = grp.getgrnam(group) if group else None
    except KeyError:
        return None
    if entry is None:
        return None
    main = {user.pw_name for user in pwd.getpwall() if user.pw_gid == entry.gr_gid}
    return len(main | set(entry.gr_mem))


def expires(path):
    """When a certificate ends, in seconds since 1970; None if it cannot be read."""
    try:
        return ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(path)["notAfter"])
    except (OSError, ValueError, KeyError, AttributeError):
        pass
    words = run("openssl", "x509", "-noout", "-enddate", "-in", path).strip()
    try:
        return ssl.cert_time_to_seconds(words.partition("=")[2])
    except ValueError:
        return None


def disk(path):
    try:
        seen = os.statvfs(path)
    except OSError:
        return None
    return {
        "path": path,
        "total_mib": seen.f_blocks * seen.f_frsize // 1024**2,
        "free_mib": seen.f_bavail * seen.f_frsize // 1024**2,
        "device": Path(path).stat().st_dev,
    }


def memory():
    with Path("/proc/meminfo").open() as stream:
        known = {line.split(":")[0]: int(line.split()[1]) // 1024 for line in stream}
    return {"total_mib": known.get("MemTotal"), "available_mib": known.get("MemAvailable")}


def nodes(facts):
    """A cluster's nodes as this server of it sees them: [] if its API is silent, None elsewhere."""
    if facts.get("part") != "server":
        return None
    # As root's own kubectl would, but with no cache in root's home and past the campus's proxy.
    own = ("KUBECONFIG=/etc/rancher/k3s/k3s.yaml", "HOME=/run/k3s/localcloud", "no_proxy=*")
    shown = run("env", *own, "/usr/local/bin/kubectl", "get", "nodes", "-o", "json")
    try:
        return [node(one) for one in json.loads(shown)["items"]]
    except (ValueError, KeyError, TypeError):
        return []


def node(one):
    conditions = {each["type"]: each["status"] for each in one["status"].get("conditions", [])}
    labels = one["metadata"].get("labels") or {}
    return {
        "name": one["metadata"]["name"],
        "part": "server" if "node-role.kubernetes.io/etcd" in labels else "agent",
        "version": one["status"].get("nodeInfo", {}).get("kubeletVersion", ""),
        "ready": conditions.get("Ready") == "True",
        "takes_pods": not one["spec"].get("unschedulable", False),
    }


def component(entry):
    moved_to = entry.get("moved_to") or ""
    if moved_to:  # people are with another hub, which runs under the same names
        entry = {**entry, "facts": {}, "units": [], "user_group": ""}
        entry.pop("packages_before", None)
    facts = entry.get("facts") or {}
    certificate = facts.get("certificate") or ""
    return {
        "moved_to": moved_to,
        "version": entry.get("version") or "",
        "installed_at": entry.get("installed_at") or "",
        "since": entry.get("settled_at") or entry.get("installed_at") or "",
        "complete": "facts" in entry and "packages_before" not in entry,
        "units": units(entry.get("units") or []),
        "endpoint": facts.get("endpoint") or "",
        "certificate": certificate,
        "certificate_ends": expires(certificate) if certificate else None,
        "users": members(facts.get("user_group") or entry.get("user_group") or ""),
        "servers": running(facts.get("user_units") or ""),
        "nodes": nodes(facts),
    }


def main():
    answer = {"root": os.geteuid() == 0, "receipt": "missing", "components": {}}
    try:
        with Path(RECEIPT).open() as stream:
            known = json.load(stream)["components"]
        answer["receipt"] = "read"
        answer["components"] = {name: component(entry) for name, entry in known.items()}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        answer["receipt"] = "broken"
    answer["memory"] = memory()
    places = [place for place in (disk("/"), disk("/home")) if place]
    answer["disk"] = places[:1] if len({place["device"] for place in places}) == 1 else places
    answer["load"] = os.getloadavg()[0]
    sys.stdout.write(MARK + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
