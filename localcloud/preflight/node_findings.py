"""Facts of one host + what a cluster's node must offer → findings. Pure functions.

Where a role refuses the same thing itself, the finding has the role's words: its problem's id is
the component's name and the cause (``k3s_no_route``).
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.i18n import number as decimal
from localcloud.preflight.facts import Facts, installed
from localcloud.preflight.needs import Needs, Part
from localcloud.preflight.report import Finding, finding

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONTAINERS = {"docker", "lxc", "lxc-libvirt", "podman", "systemd-nspawn", "openvz", "wsl"}
# Private networks to propose where one is taken; campuses use 10.0.0.0/8 most.
_SPARE = ("172.28.0.0/16", "172.29.0.0/16", "172.30.0.0/16", "10.244.0.0/16", "10.245.0.0/16")
# Mount options with which XFS enforces project quotas (not `pqnoenforce`), and any the users'.
_KEEPS_PROJECTS = {"prjquota", "pquota"}
_KEEPS_USERS = {"usrquota", "uquota", "quota"}


def of_host(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    for part in needs.parts:
        checks = (machine, kernel, refused, release, foreign, networks, nameservers, disks, quotas)
        for check in checks:
            yield from check(host, facts, part)
    yield from modules(host, facts, needs)


def machine(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    wants = part.requirements
    known = wants.get("architectures")
    if known and facts["arch"] not in known:
        yield finding(host, "blocking", f"{part.name}_architecture", node=host, arch=facts["arch"])
    if wants.get("default_route") and not facts["default_route"]:
        yield finding(host, "blocking", f"{part.name}_no_route", node=host)
    if wants.get("cgroup") == "v2" and facts["cgroup"] not in ("v2", ""):
        # A container has its machine's, which is not for this site to change.
        severity = "note" if facts["virtualization"] in CONTAINERS else "warning"
        yield finding(host, severity, "cgroup_old")
    if wants.get("multipathd") is False and facts["multipathd"] == "active":
        yield finding(host, "warning", "multipathd_on", component=part.name)


def kernel(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    """What the kernel must be able to do itself; a container cannot bring it that."""
    for module, problem in (part.requirements.get("kernel") or {}).items():
        state = facts["modules"].get(str(module))
        contained = facts["virtualization"] in CONTAINERS
        if state == "missing" or (contained and state != "loaded"):
            yield finding(host, "blocking", str(problem))


def refused(host: str, _facts: Facts, part: Part) -> Iterator[Finding]:
    """Settings that the role would refuse, but only when others have done their work."""
    for problem, words in (part.requirements.get("refused") or {}).items():
        if words:
            yield finding(host, "blocking", str(problem), **(words if words is not True else {}))


def release(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    """Never down, and with ``release`` one minor release up at a time; refused by the role, too."""
    steps = part.requirements.get("release")
    new = str(steps or part.requirements.get("never_down") or "")
    old = str((installed(facts).get(part.name) or {}).get("version"))
    have, want = _numbers(old), _numbers(new)
    if not have or not want or old == new:
        return
    words = {"node": host, "old": old, "new": new}
    if want < have:
        yield finding(host, "blocking", f"{part.name}_version_down", **words)
    elif steps and want[:2] > (have[0], have[1] + 1):
        step = f"v{have[0]}.{have[1] + 1}"
        yield finding(host, "blocking", f"{part.name}_version_skips", step=step, **words)


def foreign(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    """Installations that localcloud did not make; without root's eyes one cannot tell whose."""
    seen: set[str] = set()
    readable = facts["root_eyes"] and not facts["receipt_broken"]
    for name, path in part.foreign():
        own = name == part.name
        if path not in facts["there"] or name in seen:
            continue
        if own and (part.name in installed(facts) or not readable):
            continue
        seen.add(name)
        if own:
            yield finding(host, "blocking", f"{name}_foreign", node=host, path=path)
        else:
            words = {"name": name, "path": path, "component": part.name}
            yield finding(host, "blocking", "cluster_foreign", **words)


def networks(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    """A cluster's networks hide others with the same addresses. Once made, they stay."""
    if part.name in installed(facts):
        return
    own = [(entry, _network(entry["network"])) for entry in facts["networks"]]
    for setting, text in part.networks.items():
        wanted = _network(text)
        if wanted is None:
            continue
        taken = [wanted, *map(_network, part.networks.values()), *(net for _entry, net in own)]
        words = {"setting": setting, "network": text, "free": _free(taken)}
        hit = [(entry, net) for entry, net in own if _overlap(wanted, net)]
        if hit:
            entry, net = hit[0]
            other = f"{net} ({entry['device']})"
            yield finding(host, "blocking", "network_collides", other=other, **words)
            continue
        for address in facts["nameservers"]:
            if _inside(address, wanted):
                yield finding(host, "blocking", "network_nameserver", address=address, **words)
        if _inside(facts["ssh_client"], wanted):
            address = facts["ssh_client"]
            yield finding(host, "blocking", "network_of_ours", address=address, **words)


def nameservers(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    if not part.requirements.get("nameserver"):
        return
    if not any(_address(one) and not _address(one).is_loopback for one in facts["nameservers"]):
        yield finding(host, "warning", "nameserver_missing", component=part.name)


def disks(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    for path, limit in (part.requirements.get("fsync_ms") or {}).items():
        took = facts["fsync"].get(str(path))
        if took and limit and took["p99_ms"] > float(limit):
            times = {key: _milliseconds(took[key]) for key in ("p99_ms", "median_ms")}
            words = {"path": _parent(str(path)), "limit": f"{float(limit):g}"}
            yield finding(host, "warning", "disk_slow", **words, **times)


def quotas(host: str, facts: Facts, part: Part) -> Iterator[Finding]:
    """A file system that is there and shall limit folders or people."""
    for key, problem in (("project_quotas", "nfs_no_quotas"), ("user_quotas", "home_no_quotas")):
        for path in filter(None, part.requirements.get(key) or ()):
            found = facts["file_systems"].get(str(path))
            if found and not _keeps(key, found):
                place = {"mount": facts["disk"][str(path)]["mount"], "kind": found["kind"]}
                yield finding(host, "blocking", problem, path=path, **place)


def _keeps(key: str, file_system: Mapping[str, Any]) -> bool:
    options = set(file_system["options"])
    if key == "project_quotas":
        return file_system["kind"] == "xfs" and bool(_KEEPS_PROJECTS & options)
    return bool(_KEEPS_USERS & options) or any(one.startswith("usrjquota=") for one in options)


def modules(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    by_state: dict[str, list[str]] = {}
    for name in sorted(needs.texts("modules")):
        by_state.setdefault(facts["modules"].get(name, ""), []).append(name)
    if "missing" in by_state:
        yield finding(host, "blocking", "module_missing", modules=by_state["missing"])
    if "unknown" in by_state:
        unseen = "module_unseen" if facts["virtualization"] in CONTAINERS else "module_gone"
        severity = "note" if unseen == "module_unseen" else "warning"
        words = {"arguments": " ".join(by_state["unknown"]), "kernel": facts["kernel"]}
        yield finding(host, severity, unseen, modules=by_state["unknown"], **words)


def _numbers(text: str) -> tuple[int, ...]:
    """``v1.36.4+k3s1`` → (1, 36, 4, 1); () for what is no release."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:[-+][a-z0-9+]*?(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _overlap(one: Network | None, other: Network | None) -> bool:
    return bool(one and other and one.version == other.version and one.overlaps(other))


def _inside(text: str, network: Network) -> bool:
    address = _address(text)
    return bool(address and address in network)


def _free(taken: list[Network | None]) -> str:
    """A private network that nothing seen overlaps, to propose; "…" if none comes to mind."""
    return next((one for one in _SPARE if not any(_overlap(_network(one), n) for n in taken)), "…")


def _parent(path: str) -> str:
    """``/var/lib/rancher/k3s/server`` → ``/var/lib``: what a person knows as a disk's place."""
    return "/".join(path.split("/")[:3]) or "/"


def _milliseconds(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else decimal(number, 1)
