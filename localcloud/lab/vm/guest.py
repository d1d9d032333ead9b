"""The command line of one virtual machine, and its start."""

from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.lab import plan
from localcloud.lab.state import LabState, Machine
from localcloud.lab.vm import disks, papers, process, router, system
from localcloud.lab.vm.acceleration import MACHINE
from localcloud.lab.vm.qemu import SANDBOX, Qemu

CONSOLE = "console.log"
MEMORY, CORES = "2g", 2
_KERNEL = "root=/dev/vda rw console=ttyS0 loglevel=4 net.ifnames=0 panic=10"
# Nobody hostile shares a practice machine, and emulation is slow enough.
_EMULATED = "mitigations=off nokaslr"


@dataclass(frozen=True)
class Guest:
    """``place``: the lab's folder of virtual machines; QEMU works in the machine's own in it."""

    qemu: Qemu
    place: Path
    lab: LabState
    machine: Machine
    kvm: bool

    @property
    def folder(self) -> Path:
        return self.place / self.machine.name

    def start(self) -> None:
        """Start QEMU; LocalcloudError with its words if it does not."""
        (self.folder / CONSOLE).touch(mode=0o600)
        try:
            process.start(self.command(), self.folder)
        except process.Ended as ended:
            raise LocalcloudError(
                _("QEMU could not start host {host}.").format(host=self.machine.name),
                _(
                    "Its own words are above; “localcloud lab up” goes on from here when that is "
                    "mended."
                ),
                ended.details,
            ) from ended

    def command(self) -> list[str]:
        """QEMU's command line; all its paths are relative to the machine's folder."""
        line = [self.qemu.program, "-name", process.label(self.lab.id, self.machine.name)]
        line += ["-machine", MACHINE, "-nodefaults", "-no-user-config", "-display", "none"]
        line += self._processor()
        line += ["-uuid", self.machine.uuid, "-sandbox", SANDBOX]
        line += ["-qmp", f"unix:{process.SOCKET},server=on,wait=off"]
        line += ["-chardev", f"file,id=console,path={CONSOLE},append=on"]
        line += ["-serial", "chardev:console", "-device", "virtio-rng-pci"]
        line += ["-kernel", f"../{disks.BASE}/{system.KERNEL}"]
        line += ["-initrd", f"../{disks.BASE}/{system.INITRD}"]
        identity = self.machine.uuid.replace("-", "")
        kernel = _KERNEL if self.kvm else f"{_KERNEL} {_EMULATED}"
        line += ["-append", f"{kernel} systemd.machine_id={identity}"]
        line += router.card(self.machine)
        for name, path in zip(
            disks.names(self.lab.disks), disks.files(self.folder, self.lab.disks), strict=True
        ):
            line += _disk(name, path, "format=qcow2,cache=unsafe,discard=unmap")
        return line + _disk(papers.NAME, Path(papers.FILE), "format=raw,readonly=on")

    def _processor(self) -> list[str]:
        memory = plan.mebibytes(self.lab.memory or MEMORY)
        cores = self.lab.cores or CORES
        line = ["-m", f"{memory}M", "-smp", str(cores)]
        if self.kvm:
            return [*line, "-accel", "kvm", "-cpu", "host"]
        # Wheels of today need more than QEMU's plain processor; tables of five levels are slow, and
        # machines in the machine slower.
        return [*line, "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off,svm=off"]


def _disk(name: str, path: Path, options: str) -> list[str]:
    """A disk, named after its serial under /dev/disk/by-id.

    The cache mode ``unsafe`` passes on what the machine flushes to this computer's kernel, and
    does not wait for the platter: it survives the end of QEMU, which is the lab's power cut, and
    databases in several machines on one disk are ten times as fast.
    """
    return [
        *("-drive", f"if=none,id={name},file={path},{options}"),
        *("-device", f"virtio-blk-pci,drive={name},serial={name}"),
    ]
