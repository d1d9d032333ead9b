"""The lab's network: one small QEMU process without a machine, a switch and a way out in one.

Each machine has one network card, as on a campus: the address it has among its neighbours is also
the one it reaches the outside with. A switch of QEMU's own (a hub of sockets in a folder that
only its owner can enter) joins the machines, QEMU's user-mode network (slirp) is their gateway
and forwards ports of 127.0.0.1 to them. None of it needs root, a tap device or a bridge, and no
other user of this computer can listen in, as on a multicast group.

Streams and not datagrams: a machine that boots does not read what the others send, and with
datagrams QEMU then tries again and again, at the expense of a core.

Labs do not see each other's networks, so all of them have the same addresses.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from localcloud.errors import LocalcloudError
from localcloud.lab.machines import PortTaken
from localcloud.lab.state import LabState, Machine
from localcloud.lab.vm import process, qmp
from localcloud.lab.vm.qemu import SANDBOX, Qemu

SUBNET = "10.0.2.0/24"
GATEWAY = "10.0.2.2"  # also this computer's own 127.0.0.1, as seen from a machine
RESOLVER = "10.0.2.3"
PART = "network"
_OUT = "out"


def _socket(machine: Machine) -> str:
    return f"{machine.name}.sock"


def card(machine: Machine, network: str) -> list[str]:
    """The options that give a machine its card; ``network``: the router's folder, seen from it."""
    return [
        *(
            "-netdev",
            f"stream,id=lan,server=off,addr.type=unix,addr.path={network}/{_socket(machine)}",
        ),
        *("-device", f"virtio-net-pci,netdev=lan,mac={machine.mac},romfile="),
    ]


def command(qemu: Qemu, lab_id: str) -> list[str]:
    line = [qemu.program, "-name", process.label(lab_id, PART), "-machine", "none"]
    line += ["-accel", "tcg,tb-size=1", "-nodefaults", "-no-user-config", "-display", "none"]
    line += ["-sandbox", SANDBOX, "-qmp", f"unix:{process.SOCKET},server=on,wait=off"]
    out = f"user,id={_OUT},ipv6=off,net={SUBNET},host={GATEWAY},dns={RESOLVER}"
    return [*line, "-netdev", out, "-netdev", f"hubport,hubid=0,id=hub-{_OUT},netdev={_OUT}"]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(qemu: Qemu, folder: Path, lab_id: str) -> None:
    """Have the router running; its sockets are in ``folder``."""
    with _alone(folder):
        if process.find(lab_id, PART) is None:
            process.start(command(qemu, lab_id), folder)


def plug(folder: Path, machine: Machine) -> None:
    """Connect a machine and forward its ports; PortTaken if a program has one of them."""
    with _alone(folder):
        unplug_quietly(folder, machine)
        name, address = machine.name, {"type": "unix", "path": _socket(machine)}
        qmp.call(
            folder / process.SOCKET,
            ("netdev_add", {"type": "stream", "id": name, "server": True, "addr": address}),
            ("netdev_add", {"type": "hubport", "hubid": 0, "id": f"hub-{name}", "netdev": name}),
        )
        for inside, outside in machine.ports.items():
            rule = f"hostfwd_add {_OUT} tcp:127.0.0.1:{outside}-{machine.address}:{inside}"
            (words,) = qmp.call(folder / process.SOCKET, qmp.monitor(rule))
            if words.strip():
                unplug_quietly(folder, machine)
                raise PortTaken.of(machine, words)


def unplug_quietly(folder: Path, machine: Machine) -> None:
    """Take a machine from the network; no error if it, or the router, is not there."""
    requests = [
        qmp.monitor(f"hostfwd_remove {_OUT} tcp:127.0.0.1:{outside}")
        for outside in machine.ports.values()
    ]
    for name in (f"hub-{machine.name}", machine.name):
        requests.append(("netdev_del", {"id": name}))
    for request in requests:
        with contextlib.suppress(OSError, LocalcloudError):
            qmp.call(folder / process.SOCKET, request)


def end(folder: Path, lab: LabState) -> None:
    """End the router unless a machine still runs."""
    with _alone(folder):
        found = {each.part: each for each in process.running(lab.id)}
        if set(found) == {PART}:
            process.kill(found[PART])
