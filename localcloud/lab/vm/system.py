"""The system of virtual machines: a disk image with its kernel beside it, made once and cached.

The same bootstrap as for containers, with the distribution's own kernel; its tar is unpacked and
written into a file system by ``mke2fs -d``, which needs neither root nor a mount. A lab links to
the files, so that a newer system in the cache takes nothing from under its machines.
"""

import os
import shutil
import tempfile
from pathlib import Path

from localcloud.errors import UsageError
from localcloud.i18n import _
from localcloud.lab import image
from localcloud.lab.machinery import Say
from localcloud.lab.recipe import Recipe
from localcloud.lab.vm import qemu as programs
from localcloud.lab.vm.qemu import Qemu

ROOT, KERNEL, INITRD = "root.img", "vmlinuz", "initrd.img"
SIZE = "20G"  # of the disk as the machine sees it; here it takes what is written
_NEEDS = 3 << 30  # bytes that making a system takes for a while

# As root of a namespace of our own where we are not root. Devices appear by themselves at boot.
_WRITE = """set -eu
mkdir "$2/root"
tar -xf "$1" -C "$2/root" --xattrs --xattrs-include='*' --exclude='./dev/*'
cp -L "$2/root/vmlinuz" "$2/root/initrd.img" "$3/"
"$4" -q -t ext4 -L localcloud-lab -E root_owner=0:0 -d "$2/root" "$3/root.img" "$5"
rm -rf "$2/root"
"""


def folder(name: str) -> Path:
    return image.cache_dir() / f"vm-{name}"


def ensure(qemu: Qemu, recipe: Recipe, say: Say) -> Path:
    """Have the recipe's system in the cache; return its folder."""
    place = folder(recipe.name)
    with image.alone(image.cache_dir() / f"vm-{recipe.distribution.name}.lock"):
        if place.is_dir():
            return place
        say(
            _(
                "Making the system {distribution} with its kernel from packages; this happens "
                "once and takes about a minute on a quick network."
            ).format(distribution=recipe.distribution.name)
        )
        _check_room(place.parent, Path("/var/tmp"))  # noqa: S108 as the bootstrap
        partial = Path(tempfile.mkdtemp(prefix=".vm-", dir=place.parent))
        try:
            _make(qemu, recipe, partial)
            partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _forget_older(recipe)
    return place


def _make(qemu: Qemu, recipe: Recipe, partial: Path) -> None:
    tar = partial / "root.tar"
    image.bootstrap(recipe, tar)
    with image.workplace() as work:
        as_root = [] if os.getuid() == 0 else ["unshare", "--map-auto", "--map-root-user"]
        line = ["sh", "-c", _WRITE, "sh", str(tar), str(work), str(partial), qemu.mke2fs, SIZE]
        programs.run([*as_root, *line])
    tar.unlink()
    for path in partial.iterdir():
        path.chmod(0o400)


def _check_room(*places: Path) -> None:
    for place in places:
        free = shutil.disk_usage(place).free
        if free < _NEEDS:
            raise UsageError(
                _("There is too little room in {path}: {free} MiB of {needed} MiB.").format(
                    path=place, free=free >> 20, needed=_NEEDS >> 20
                ),
                _("Make room there, then run the command again."),
            )


def _forget_older(recipe: Recipe) -> None:
    for old in image.cache_dir().glob(f"vm-{recipe.distribution.name}-*"):
        if old.name != f"vm-{recipe.name}" and old.is_dir():
            shutil.rmtree(old)


def forget() -> None:
    """Remove every cached system; labs keep their own links."""
    for place in image.cache_dir().glob("vm-*"):
        if place.is_dir():
            shutil.rmtree(place)


def lend(system: Path, place: Path) -> None:
    """Give a lab the system's files: links, or copies where the cache is on another disk."""
    if place.is_dir():
        return
    partial = place.with_name(f".{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    for name in (ROOT, KERNEL, INITRD):
        try:
            os.link(system / name, partial / name)
        except OSError:
            programs.run(["cp", "--sparse=always", str(system / name), str(partial / name)])
    partial.rename(place)
