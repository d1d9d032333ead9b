"""Virtual machines behind the lab's one interface."""

import contextlib
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.lab import distributions, plan, recipe
from localcloud.lab.distributions import Distribution
from localcloud.lab.machinery import Machinery, Owned, Say, Silence
from localcloud.lab.machines import no_such_state, over_ssh
from localcloud.lab.state import BARE, LabState, Machine, run_dir
from localcloud.lab.vm import KIND, acceleration, disks, papers, process, qmp, router, system
from localcloud.lab.vm import qemu as programs
from localcloud.lab.vm.guest import CONSOLE, Guest
from localcloud.lab.vm.qemu import Qemu

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\x20-\x7e\x80-\U0010ffff]")


def _place(directory: Path) -> Path:
    return run_dir(directory) / "vm"


@dataclass(frozen=True)
class VirtualMachines(Machinery):
    qemu: Qemu
    patience: ClassVar[float] = 300  # emulated, on a computer that has other work, too
    waiting: ClassVar[float] = 120
    loopback: ClassVar[str] = router.GATEWAY

    @classmethod
    def detect(cls) -> "VirtualMachines":
        return cls(programs.detect())

    @property
    def kind(self) -> str:
        return KIND

    def ensure_system(self, distribution: Distribution, say: Say) -> str:
        place = self._system(distribution, say)
        if not acceleration.works(self.qemu, place / system.KERNEL):
            say(_("KVM does not work on this computer: machines are emulated, which is slower."))
        return place.name

    def _system(self, distribution: Distribution, say: Say) -> Path:
        return system.ensure(self.qemu, recipe.build(distribution, recipe.VIRTUAL), say)

    def ensure_network(self, directory: Path, lab: LabState) -> str:
        return router.SUBNET

    def statuses(self, directory: Path, lab: LabState) -> dict[str, str]:
        running = router.parts(lab.id)
        # Without the lab's network a machine is of no use, and it cannot be plugged in again.
        alive = "running" if router.SWITCH in running else "cut off"
        found = {}
        for name in lab.machines:
            made = disks.current(_place(directory) / name).exists()
            found[name] = alive if name in running else "exited" if made else "absent"
        return found

    def require(
        self, directory: Path, lab: LabState, machine: Machine, state: str, say: Say
    ) -> None:
        folder = _place(directory) / machine.name
        if state != BARE and not disks.saved_layer(folder, state).exists():
            raise no_such_state(machine, state, disks.saved(folder))
        base = _place(directory) / disks.BASE
        if not base.is_dir():
            found = self._system(distributions.choose(lab.distribution), say)
            lab.image = found.name
            system.lend(found, base)

    def create(self, directory: Path, lab: LabState, machine: Machine, state: str) -> None:
        folder = _place(directory) / machine.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / CONSOLE).unlink(missing_ok=True)
        disks.begin(self.qemu, folder, _sizes(lab), None if state == BARE else state)
        try:
            self.start(directory, lab, machine)
        except LocalcloudError:
            disks.current(folder).unlink()
            raise

    def start(self, directory: Path, lab: LabState, machine: Machine) -> None:
        place = _place(directory)
        if lost := process.find(lab.id, machine.name):
            process.kill(lost)
        router.ensure(self.qemu, place / router.PART, lab)
        router.publish(place / router.PART, machine)
        papers.write(directory, machine, place / machine.name)
        kvm = acceleration.works(self.qemu, place / disks.BASE / system.KERNEL)
        try:
            Guest(self.qemu, place, lab, machine, kvm).start()
        except LocalcloudError:
            self._withdraw(directory, lab, machine)
            raise

    def _withdraw(self, directory: Path, lab: LabState, machine: Machine) -> None:
        network = _place(directory) / router.PART
        router.withdraw(network, machine)
        router.end(network, lab)

    def stop(self, directory: Path, lab: LabState, machine: Machine) -> None:
        found = process.find(lab.id, machine.name)
        if found is None:
            return
        socket = found.folder / process.SOCKET
        deadline = time.monotonic() + self.waiting
        # A system still booting does not hear its power button yet: press it again.
        while True:
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                qmp.call(socket, ("system_powerdown", {}))
            if process.wait_gone(found, 15):
                break
            if time.monotonic() > deadline:
                raise LocalcloudError(
                    _("Host {host} does not shut down.").format(host=machine.name),
                    _("Cut its power: {command}").format(
                        command=f"localcloud lab stop --now {machine.name}"
                    ),
                    self.silence(directory, lab, machine).words,
                )
        self._withdraw(directory, lab, machine)

    def cut(self, directory: Path, lab: LabState, machine: Machine) -> None:
        if found := process.find(lab.id, machine.name):
            process.kill(found)
        self._withdraw(directory, lab, machine)

    def remove(self, directory: Path, lab: LabState, hosts: Sequence[str]) -> None:
        for host in hosts:
            self.cut(directory, lab, lab.machines[host])
            disks.current(_place(directory) / host).unlink(missing_ok=True)

    def save(self, directory: Path, lab: LabState, machine: Machine, name: str) -> None:
        disks.save(self.qemu, _place(directory) / machine.name, _sizes(lab), name)

    def saved(self, directory: Path, lab: LabState) -> list[str]:
        place = _place(directory)
        return [name for host in lab.machines for name in disks.saved(place / host)]

    def refresh(self, directory: Path, lab: LabState, machine: Machine) -> None:
        papers.write(directory, machine, _place(directory) / machine.name)
        over_ssh(directory, machine, "sudo systemctl restart localcloud-lab.service")

    def silence(self, directory: Path, lab: LabState, machine: Machine) -> Silence:
        folder = _place(directory) / machine.name
        words = [
            (folder / name).read_text(errors="replace")
            for name in (process.WORDS, CONSOLE)
            if (folder / name).exists()
        ]
        plain = _ESCAPES.sub("", "\n".join(words))
        lines = [line.rstrip() for line in plain.splitlines() if line.strip()]
        return Silence(
            _("Its console is in {path}. To begin again: {command}").format(
                path=folder / CONSOLE, command=f"localcloud lab rebuild {machine.name}"
            ),
            "\n".join(lines[-25:]),
        )

    def has_died(self, directory: Path, lab: LabState, machine: Machine) -> bool:
        return process.find(lab.id, machine.name) is None

    def labs(self) -> set[tuple[Path, str]]:
        # …/<site>/.localcloud/vm/<machine>
        return {(each.folder.parents[2], each.lab) for each in process.running()}

    def owned(self, directory: Path, lab_id: str) -> Owned:
        running = router.parts(lab_id) - {router.PART, router.SWITCH}
        place = _place(directory)
        made = {path.parent.name for path in place.glob("*/layers")}
        saved = sum(len(disks.saved(place / name)) for name in made)
        return Owned(sorted(running | made), saved)

    def clear(self, directory: Path, lab_id: str) -> None:
        for each in process.running(lab_id):
            process.kill(each)
        if _place(directory).is_dir():
            shutil.rmtree(_place(directory))

    def forget_systems(self) -> None:
        system.forget()


def _sizes(lab: LabState) -> list[str]:
    return [str(plan.mebibytes(size)) for size in lab.disks]
