"""The kinds of machines this computer can make: which one is meant, and which ones work."""

from localcloud.errors import UsageError
from localcloud.lab import engine as engines
from localcloud.lab.containers import Containers
from localcloud.lab.machinery import Machinery
from localcloud.lab.vm import KIND as VM
from localcloud.lab.vm.machinery import VirtualMachines


def choose(asked: str | None = None) -> Machinery:
    """The kind asked for (``qemu``, ``podman``, ``docker``), else containers of what is there."""
    return VirtualMachines.detect() if asked == VM else Containers(engines.detect(asked))


def working() -> list[Machinery]:
    """Every kind that works on this computer."""
    found: list[Machinery] = []
    for kind in ("podman", "docker", VM):
        try:
            found.append(choose(kind))
        except UsageError:
            continue
    return found
