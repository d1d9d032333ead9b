"""Facts of one host + what it must offer → findings. Pure functions: no network, no files."""

import re
from collections.abc import Iterator
from typing import Any

from localcloud.i18n import _, number
from localcloud.preflight import moving
from localcloud.preflight.facts import Facts, installed
from localcloud.preflight.needs import Needs
from localcloud.preflight.report import Finding, finding

# A machine sold with 1 GiB shows less: the kernel keeps a part for itself.
_MEMORY_SHARE = 0.9
_FULL_MIB = 512  # an installed host with less free space than this will not stay well
_OLDEST_PYTHON = (3, 8)  # what ansible-core 2.19 can work with on a host
_CLOCK_SECONDS = 30  # a clock further off breaks certificates and package signatures
_SUDO_GROUPS = {"sudo", "admin", "wheel"}


def of_host(host: str, facts: Facts, needs: Needs) -> list[Finding]:
    """All findings of one host that can be made without looking at the others."""
    checks = (
        *(system, init, power, capacity, disk, ports, packages, left_behind, clock, network),
        certificate,
    )
    return [found for check in checks for found in check(host, facts, needs)]


def access(host: str, facts: Facts, needs: Needs) -> list[Finding]:
    """What matters if nothing is going to be installed: getting in, and becoming root."""
    return [*power(host, facts, needs), *clock(host, facts, needs)]


def certificate(host: str, _facts: Facts, needs: Needs) -> Iterator[Finding]:
    """The site's own, which was looked at on this computer."""
    for domain, reason in needs.unfit.items():
        yield finding(host, "blocking", "certificate_unfit", domain=domain, reason=reason)


def system(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    name, version = facts["os_id"], facts["os_version"]
    shown = facts["os_name"] or f"{name} {version}".strip() or "?"
    for part in needs.parts:
        systems = part.requirements.get("systems")
        if systems and version not in map(str, systems.get(name, [])):
            known = ", ".join(f"{each.capitalize()} {_words(systems[each])}" for each in systems)
            yield finding(
                host,
                "blocking",
                "system_unsupported",
                system=shown,
                component=part.name,
                known=known,
            )
            return
    for part in needs.parts:
        untried = part.requirements.get("systems_untried") or {}
        if version in map(str, untried.get(name, [])):
            yield finding(host, "note", "system_untried", system=shown)
            return


def init(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    if not any(part.requirements.get("systemd") for part in needs.parts):
        return
    if facts["init"] != "systemd":
        yield finding(host, "blocking", "not_systemd", init=facts["init"] or "?")
    elif facts["systemd_state"] == "degraded":
        yield finding(host, "note", "systemd_degraded")
    elif facts["systemd_state"] not in ("running", "starting"):
        yield finding(host, "warning", "systemd_state", state=facts["systemd_state"] or "?")


def power(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """May the login become root without anybody typing a password?"""
    says, user = facts["sudo_says"], facts["user"]
    if facts["sudo"] == "missing":
        yield finding(host, "blocking", "sudo_missing", user=user)
    elif facts["sudo"] == "refused":
        # For a stranger, too, sudo first asks for a password; the groups tell them apart.
        asks = re.search(r"password is required|authentication is required", says)
        if asks and _SUDO_GROUPS & set(facts["groups"]):
            yield finding(host, "blocking", "sudo_password", user=user)
        elif asks:
            yield finding(host, "blocking", "sudo_not_allowed", user=user)
        else:
            yield finding(host, "blocking", "sudo_refused", user=user, says=says or "?")
    if facts["receipt_broken"]:
        yield finding(host, "warning", "receipt_broken")


def capacity(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    memory, cores = facts["memory_mib"], facts["cores"]
    least, good = needs.largest("memory_mib"), needs.largest("memory_recommended_mib")
    if memory < least * _MEMORY_SHARE:
        yield finding(host, "blocking", "memory_low", has=_size(memory), needs=_size(least))
    elif memory < good * _MEMORY_SHARE:
        yield finding(host, "warning", "memory_modest", has=_size(memory), needs=_size(good))
    if cores < needs.largest("cores"):
        yield finding(host, "blocking", "cores_low", has=cores, needs=int(needs.largest("cores")))
    elif cores < needs.largest("cores_recommended"):
        wanted = int(needs.largest("cores_recommended"))
        yield finding(host, "warning", "cores_modest", has=cores, needs=wanted)
    if facts["swap_mib"] and any(p.requirements.get("swap") is False for p in needs.parts):
        yield finding(host, "warning", "swap_on", size=_size(facts["swap_mib"]))


def disk(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Free space, summed up where several paths share a file system; what is installed has its."""
    wanted: dict[str, float] = {}
    paths: dict[str, str] = {}
    for part in needs.parts:
        for path, mib in (part.requirements.get("disk") or {}).items():
            place = facts["disk"].get(str(path))
            if place:
                already = part.name in installed(facts)
                share = 0 if already else float(mib)
                wanted[place["mount"]] = wanted.get(place["mount"], 0) + share
                paths[place["mount"]] = str(path)
    for mount, mib in wanted.items():
        free = facts["disk"][paths[mount]]["free_mib"]
        data = {"path": mount, "has": _size(free), "needs": _size(max(mib, _FULL_MIB))}
        if free < mib:
            yield finding(host, "blocking", "disk_low", **data)
        elif free < _FULL_MIB:
            yield finding(host, "warning", "disk_low", **data)


def ports(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    ours = needs.texts("unit_of_port") | moving.units(facts, needs)
    for port in needs.numbers("ports"):
        others = [held for held in facts["ports"].get(port, []) if held["unit"] not in ours]
        if not others:
            continue
        holder = others[0]
        setting = needs.ports.get(port) or _("the site's settings")
        if not holder["process"] and not holder["unit"]:
            # Without root's eyes it may be our own: then the missing sudo is what stops.
            severity = "blocking" if facts["root_eyes"] else "warning"
            yield finding(host, severity, "port_taken_unknown", port=port, setting=setting)
        elif _may_be_stopped(holder["unit"]):
            data = {"process": holder["process"] or holder["unit"], "unit": holder["unit"]}
            yield finding(host, "blocking", "port_taken", port=port, setting=setting, **data)
        else:
            process = holder["process"] or "?"
            data = {"process": process, "pid": holder["pid"], "setting": setting}
            yield finding(host, "blocking", "port_taken_process", port=port, **data)


def _may_be_stopped(unit: str) -> bool:
    """Is it wise to advise stopping the whole unit? Never that of logins, nor systemd's own."""
    own = ("ssh", "user@", "systemd-", "dbus", "init")
    return unit.endswith(".service") and not unit.startswith(own)


def packages(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    if not facts["python"]:
        yield finding(host, "note", "python_missing")
    elif _version(facts["python"]) < _OLDEST_PYTHON:
        oldest = ".".join(map(str, _OLDEST_PYTHON))
        yield finding(host, "blocking", "python_old", version=facts["python"], oldest=oldest)
    if facts["dpkg_lock"]:
        yield finding(host, "warning", "apt_busy", process=facts["dpkg_lock"].partition(" ")[2])
    elif facts["dpkg_broken"]:
        yield finding(host, "note", "dpkg_interrupted")


def left_behind(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    """Traces of an earlier installation: homes, and components the site no longer gives."""
    wanted = {part.name for part in needs.parts} | moving.known(facts, needs)
    for name in installed(facts):
        if name not in wanted:
            yield finding(host, "warning", "component_left", component=name)
    if facts["orphan_homes"]:
        homes = facts["orphan_homes"]
        yield finding(host, "note", "homes_kept", number=len(homes), homes=_words(homes[:5]))


def clock(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    if facts.get("clock") is None:
        return
    least, most = facts["clock"]
    if least > _CLOCK_SECONDS or most < -_CLOCK_SECONDS:
        off = least if least > 0 else most
        side = "clock_ahead" if off > 0 else "clock_behind"
        yield finding(host, "warning", side, seconds=round(abs(off)))


def network(host: str, facts: Facts, needs: Needs) -> Iterator[Finding]:
    needed = any(part.requirements.get("default_route") for part in needs.parts)  # said elsewhere
    if needs.settings and not needed and not facts["default_route"]:
        yield finding(host, "note", "route_missing")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _size(mib: float) -> str:
    """1536 → ``1.5 GiB``."""
    return f"{number(mib / 1024, 1)} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def _words(items: Any) -> str:
    return ", ".join(map(str, items))
