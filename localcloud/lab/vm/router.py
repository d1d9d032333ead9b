"""The lab's network: a switch between the machines, and their way out. Two small processes.

Each machine has one network card, as on a campus: the address it has among its neighbours is also
the one it reaches the outside with. All are connected to a switch of ours (``switch.py``); so is
QEMU's user-mode network (slirp, in a QEMU without a machine), which is their gateway and forwards
ports of 127.0.0.1 to them. None of it needs root, a tap device or a bridge; and no other user of
this computer can listen in, as on a multicast group: the switch's socket is in a private folder.

Labs do not see each other's networks, so all of them have the same addresses.
"""

import contextlib
import fcntl
import socket
import sys
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
PART = "network"  # name of the folder and of the process that is the way out
SWITCH = "switch"
_WIRE = "wire.sock"
_OUT = "out"


def _plug(name: str, wire: str) -> str:
    return f"stream,id={name},server=off,addr.type=unix,addr.path={wire}"


def card(machine: Machine) -> list[str]:
    """The options that give a machine its card, as seen from the machine's folder."""
    return [
        *("-netdev", _plug("lan", f"../{PART}/{_WIRE}")),
        *("-device", f"virtio-net-pci,netdev=lan,mac={machine.mac},romfile="),
    ]


def command(qemu: Qemu, lab_id: str) -> list[str]:
    line = [qemu.program, "-name", process.label(lab_id, PART), "-machine", "none"]
    line += ["-accel", "tcg,tb-size=1", "-nodefaults", "-no-user-config", "-display", "none"]
    line += ["-sandbox", SANDBOX, "-qmp", f"unix:{process.SOCKET},server=on,wait=off"]
    out = f"user,id={_OUT},ipv6=off,net={SUBNET},host={GATEWAY},dns={RESOLVER}"
    for name, backend in ((_OUT, out), ("lan", _plug("lan", _WIRE))):
        line += ["-netdev", backend, "-netdev", f"hubport,hubid=0,id=hub-{name},netdev={name}"]
    return line


def _switch(lab_id: str) -> list[str]:
    program = str(Path(__file__).with_name("switch.py"))
    return [sys.executable, "-I", "-S", program, _WIRE, "-name", process.label(lab_id, SWITCH)]


def _wired(folder: Path) -> None:
    with qmp.nearby(folder / _WIRE) as name, socket.socket(socket.AF_UNIX) as probe:
        probe.connect(name)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def parts(lab_id: str) -> set[str]:
    return {each.part for each in process.running(lab_id)}


def ensure(qemu: Qemu, folder: Path, lab: LabState) -> None:
    """Have the network running in ``folder``, with the ports of the machines that run."""
    with _alone(folder):
        running = parts(lab.id)
        if SWITCH not in running:
            if stale := process.find(lab.id, PART):
                process.kill(stale)
            process.start(_switch(lab.id), folder, lambda: _wired(folder), "switch.log")
            running -= {PART}
        if PART not in running:
            process.start(command(qemu, lab.id), folder)
            for machine in lab.machines.values():
                if machine.name in running:
                    _publish(folder, machine)


def publish(folder: Path, machine: Machine) -> None:
    """Forward a machine's ports; PortTaken if a program has one of them."""
    with _alone(folder):
        withdraw(folder, machine)
        _publish(folder, machine)


def _publish(folder: Path, machine: Machine) -> None:
    for inside, outside in machine.ports.items():
        rule = f"hostfwd_add {_OUT} tcp:127.0.0.1:{outside}-{machine.address}:{inside}"
        (words,) = qmp.call(folder / process.SOCKET, qmp.monitor(rule))
        if words.strip():
            withdraw(folder, machine)
            raise PortTaken.of(machine, words)


def withdraw(folder: Path, machine: Machine) -> None:
    """Forward a machine's ports no more; no error if they are not, or nothing runs."""
    for outside in machine.ports.values():
        rule = f"hostfwd_remove {_OUT} tcp:127.0.0.1:{outside}"
        with contextlib.suppress(OSError, LocalcloudError):
            qmp.call(folder / process.SOCKET, qmp.monitor(rule))


def end(folder: Path, lab: LabState) -> None:
    """End the network unless a machine still runs."""
    with _alone(folder):
        found = process.running(lab.id)
        if {each.part for each in found} <= {PART, SWITCH}:
            for each in found:
                process.kill(each)
