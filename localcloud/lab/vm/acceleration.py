"""Whether KVM works here: proved by a boot, and remembered.

``/dev/kvm`` may be there and not work, as in a cloud's machine whose nested virtualization hangs.
So the kernel of the lab is booted without a disk: it panics soon, and QEMU ends. Where that does
not happen, machines are emulated, which is slower and works everywhere.
"""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from localcloud.lab import image
from localcloud.lab.vm.qemu import SANDBOX, Qemu

# Not microvm, which boots in two thirds of the time: on a busy computer its first timer interrupts
# can get lost when emulated, and then the kernel waits for ever.
MACHINE = "q35,smm=off,sata=off,vmport=off"
_DEVICE = Path("/dev/kvm")
_SECONDS = 15  # a real one takes two


def works(qemu: Qemu, kernel: Path) -> bool:
    """Whether machines may use KVM. Asked once per boot of this computer and version of QEMU."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    key = f"{boot} {qemu.version}"
    path = image.cache_dir() / "kvm.json"
    with image.alone(path.with_suffix(".lock")):
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            known = {}
        if key not in known:
            known = {key: _prove(qemu, kernel)}
            path.write_text(json.dumps(known))
    return bool(known[key])


def _prove(qemu: Qemu, kernel: Path) -> bool:
    line = [qemu.program, "-machine", MACHINE, "-accel", "kvm", "-cpu", "host", "-m", "256"]
    line += ["-nodefaults", "-no-user-config", "-display", "none", "-sandbox", SANDBOX]
    line += ["-no-reboot", "-serial", "stdio", "-kernel", str(kernel)]
    line += ["-append", "console=ttyS0 panic=-1"]
    child = subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        console, _none = child.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)  # one that hangs in the kernel is an answer, too
        return False
    return child.returncode == 0 and b"Kernel panic" in console
