"""A machine's disks: copy-on-write layers above the system's image, and what is saved of them.

    <machine>/layers/0001/{root,disk1,…}.qcow2   one moment of all disks together
    <machine>/layers/0002/parent -> ../0001      what it stands on (none: the bare system)
    <machine>/current -> layers/0002             what the machine writes to
    <machine>/saved/<name> -> ../layers/0001     a saved state

A saved layer is never written again: the machine goes on in a new one above it. So saving and
going back copy nothing. Backing files are named relatively, so that a lab can be moved.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from localcloud.lab.vm.qemu import Qemu

ROOT = "root"
BASE = "base"  # link beside the machines to the system's image


def names(extra: Sequence[str]) -> list[str]:
    """Names of a machine's disks: the system's and the extra ones."""
    return [ROOT, *(f"disk{number}" for number in range(1, len(extra) + 1))]


def current(folder: Path) -> Path:
    return folder / "current"


def files(folder: Path, extra: Sequence[str]) -> list[Path]:
    """The files that the machine writes to, relative to its folder."""
    return [Path("current") / f"{name}.qcow2" for name in names(extra)]


def saved_layer(folder: Path, name: str) -> Path:
    return folder / "saved" / name


def _link(path: Path, target: Path) -> None:
    """Point a link at a target, at once and also if there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(target, path.parent))
    fresh.replace(path)


def _next(folder: Path) -> Path:
    numbers = [int(path.name) for path in (folder / "layers").glob("*") if path.name.isdigit()]
    made = folder / "layers" / f"{max(numbers, default=0) + 1:04}"
    made.mkdir(parents=True)
    return made


def begin(qemu: Qemu, folder: Path, extra: Sequence[str], name: str | None) -> None:
    """New disks on top of a saved state, or bare ones; what the machine wrote before is lost.

    ``extra``: sizes of the extra disks in MiB.
    """
    parent = saved_layer(folder, name).resolve() if name else None
    current(folder).unlink(missing_ok=True)
    _prune(folder)
    _stand_on(qemu, folder, extra, parent)


def _stand_on(qemu: Qemu, folder: Path, extra: Sequence[str], parent: Path | None) -> None:
    layer = _next(folder)
    if parent:
        _link(layer / "parent", parent)
    for name, size in zip(names(extra), ["", *extra], strict=True):
        path = layer / f"{name}.qcow2"
        if parent:
            qemu.make_disk("-F", "qcow2", "-b", f"../{parent.name}/{path.name}", str(path))
        elif name == ROOT:
            qemu.make_disk("-F", "raw", "-b", f"../../../{BASE}/root.img", str(path))
        else:
            qemu.make_disk(str(path), f"{size}M")
        path.chmod(0o600)
    _link(current(folder), layer)


def save(qemu: Qemu, folder: Path, extra: Sequence[str], name: str) -> None:
    """Keep what a stopped machine's disks hold under a name, and go on above it."""
    layer = current(folder).resolve()
    _link(saved_layer(folder, name), layer)
    _stand_on(qemu, folder, extra, layer)
    _prune(folder)


def saved(folder: Path) -> list[str]:
    return sorted(
        path.name for path in (folder / "saved").glob("*") if not path.name.startswith(".")
    )


def _with_parents(layers: Iterable[Path]) -> set[Path]:
    needed: set[Path] = set()
    for layer in layers:
        while layer.is_dir() and layer not in needed:
            needed.add(layer)
            layer = (layer / "parent").resolve()
    return needed


def _prune(folder: Path) -> None:
    """Remove layers that neither the machine nor a saved state stands on."""
    ends = [current(folder), *(saved_layer(folder, name) for name in saved(folder))]
    needed = _with_parents(end.resolve() for end in ends if end.exists())
    for layer in (folder / "layers").glob("*"):
        if layer.resolve() not in needed:
            shutil.rmtree(layer)
