"""The lab's private network, with addresses chosen by the lab and names in /etc/hosts."""

import ipaddress
import json
from collections.abc import Iterable

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.lab import limits
from localcloud.lab.engine import LABEL, Engine

_FIRST = 10  # machines begin at .10; the gateway and the engine's helpers are below


def _options(engine: Engine, lab: str) -> list[str]:
    line = ["--label", f"{LABEL}={lab}"]
    if engine.kind == "podman":
        # Names come from /etc/hosts; podman's own resolver would stand between the machines and
        # this computer's, and is not installed everywhere.
        line.append("--disable-dns")
    mtu = limits.mtu_of_default_route()
    if mtu < 1500 and not engine.rootless:
        name = "mtu" if engine.kind == "podman" else "com.docker.network.driver.mtu"
        line += ["--opt", f"{name}={mtu}"]
    return line


def _subnet(engine: Engine, lab: str) -> str:
    """The IPv4 network of a lab, or an empty string if it has none."""
    done = engine.call("network", "inspect", lab)
    if done.returncode != 0:
        return ""
    described = json.loads(done.stdout)[0]
    ranges = described.get("subnets") or described.get("IPAM", {}).get("Config") or []
    found = [str(entry.get("subnet") or entry.get("Subnet")) for entry in ranges]
    return next((entry for entry in found if "." in entry), "")


def ensure(engine: Engine, lab: str, subnet: str = "") -> str:
    """Have the lab's network; return its subnet (``a.b.c.d/n``), the given one if it is free."""
    if found := _subnet(engine, lab):
        return found
    options = _options(engine, lab)
    if engine.kind == "docker" and not subnet:
        # docker gives fixed addresses only in a subnet that was asked for: ask for the one it
        # would take by itself.
        engine.run("network", "create", lab)
        subnet = _subnet(engine, lab)
        engine.run("network", "rm", lab)
    chosen = ["--subnet", subnet] if subnet else []
    engine.run("network", "create", *options, *chosen, lab)
    if found := _subnet(engine, lab):
        return found
    raise LocalcloudError(
        _("{engine} gave the lab a network without IPv4 addresses.").format(engine=engine.kind),
        _("Look at the engine's network settings, then run “localcloud lab up” again."),
    )


def address(subnet: str, taken: Iterable[str]) -> str:
    """The next free address of the network."""
    used = set(taken)
    network = ipaddress.ip_network(subnet)
    for number in range(_FIRST, network.num_addresses - 1):
        found = str(network.network_address + number)
        if found not in used:
            return found
    raise LocalcloudError(
        _("The lab's network {subnet} has no address left.").format(subnet=subnet),
        _("Take the lab down and make a smaller one."),
    )


def remove(engine: Engine, lab: str) -> None:
    """Remove every network of a lab."""
    listed = engine.run(
        *("network", "ls", "--filter", f"label={LABEL}={lab}", "--format", "{{.Name}}")
    )
    for name in listed.splitlines():
        engine.run("network", "rm", name)
