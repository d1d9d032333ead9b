#!/usr/bin/python3
"""Gives every folder of an exported directory its owner and, on XFS, its project quota.

usage: quotas.py SETTINGS.json. Run as root by localcloud-quotas.service whenever a folder comes,
and now and then. Prints "changed" if it changed anything. The file system itself is the memory: a
folder's project stands in its inode, and a mark on the folder says that all in it has been given
to that project. So nothing gets lost with this host, and a run that was killed is made good.
"""

import contextlib
import fcntl
import fnmatch
import json
import os
import re
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
FSXATTR = struct.Struct("=5I8x")  # flags, extent size, extents, project, cow extent size
PROJINHERIT = 0x200  # what is made in a folder gets its project
FIRST_PROJECT = 20000  # below it lie those that a person may have made
MARK = "trusted.localcloud_project"  # trusted: only root sees it, and no client
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
BATCH = 100  # limits in one call of xfs_quota


def size(text: str) -> int:
    """``10G`` → bytes; nothing and 0 are no limit. ValueError for anything else."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)", str(text or "0").strip())
    if not found:
        raise ValueError(text)
    return int(float(found[1]) * UNITS[found[2]])


def limit_of(name: str, settings: dict) -> int:
    """Bytes that the folder may hold; 0 for as much as there is."""
    for pattern, text in settings["limits"].items():
        if fnmatch.fnmatchcase(name, pattern):
            return size(text)
    return size(settings["limit"])


def project(handle: int) -> tuple[int, int]:
    """Flags and project of an open file or folder. OSError where the file system has none."""
    answer = fcntl.ioctl(handle, FS_IOC_FSGETXATTR, bytes(FSXATTR.size))
    flags, _extent, _count, number, _cow = FSXATTR.unpack(answer)
    return flags, number


def give_project(handle: int, number: int) -> None:
    answer = bytearray(fcntl.ioctl(handle, FS_IOC_FSGETXATTR, bytes(FSXATTR.size)))
    flags, extent, count, _old, cow = FSXATTR.unpack(answer)
    if stat.S_ISDIR(os.fstat(handle).st_mode):
        flags |= PROJINHERIT
    fcntl.ioctl(handle, FS_IOC_FSSETXATTR, FSXATTR.pack(flags, extent, count, number, cow))


@contextlib.contextmanager
def opened(name: str, place: int | None = None) -> Iterator[int]:
    """Open without following a link: what lies there belongs to users, and we are root."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    try:
        yield handle
    finally:
        os.close(handle)


def give_all(folder: Path, number: int) -> None:
    """Give a folder and all in it to a project; what comes meanwhile inherits it."""
    with opened(str(folder)) as handle:
        give_project(handle, number)
        for _root, _folders, files, place in os.fwalk(".", dir_fd=handle):
            give_project(place, number)
            for name in files:
                # Links, pipes and what has just been deleted hold no data of their own.
                with contextlib.suppress(OSError), opened(name, place) as file:
                    give_project(file, number)
        os.setxattr(handle, MARK, str(number).encode())


def known_project(folder: Path) -> int:
    """The project that the folder and all in it belong to, 0 if they have to be given to one."""
    with opened(str(folder)) as handle:
        flags, number = project(handle)
        try:
            mark = os.getxattr(handle, MARK).decode()
        except OSError:
            return 0
    return number if flags & PROJINHERIT and mark == str(number) else 0


def xfs_quota(mount: str, *commands: str) -> str:
    words = [word for command in commands for word in ("-c", command)]
    # /dev/null: what a person wrote into /etc/projects is none of our business.
    fixed = ["xfs_quota", "-x", "-D", "/dev/null", "-P", "/dev/null"]
    done = subprocess.run([*fixed, *words, mount], capture_output=True, text=True, check=False)
    if done.returncode or done.stderr.strip():
        raise OSError(done.stderr.strip() or f"xfs_quota: {done.returncode}")
    return done.stdout


def limits(mount: str) -> dict[int, int]:
    """Project → its limit in bytes, of all projects that the file system knows."""
    report = xfs_quota(mount, "report -p -n -N -b")
    rows = (line.split() for line in report.splitlines() if line.startswith("#"))
    return {int(row[0][1:]): int(row[3]) << 10 for row in rows}


def mount_of(path: Path) -> tuple[str, str, str]:
    """(mount point, type, options) of the file system that a path lies on."""
    best = ("", "", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, mount, kind, options = line.split()[:4]
        mount = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), mount)
        inside = mount == "/" or path == Path(mount) or Path(mount) in path.parents
        if inside and len(mount) >= len(best[0]):
            best = (mount, kind, options)
    return best


def has_projects(kind: str, options: str) -> bool:
    """Whether project quotas are kept, and enforced, on a file system."""
    return kind == "xfs" and bool({"prjquota", "pquota"} & set(options.split(",")))


def give_owner(folder: Path, settings: dict) -> bool:
    """A folder that root made is given to those who work in it; others have an owner already."""
    if folder.lstat().st_uid != 0:
        return False
    os.chown(folder, settings["uid"], settings["gid"], follow_symlinks=False)
    return True


def give_projects(folders: list[Path], mount: str, settings: dict) -> bool:
    there = limits(mount)
    numbers = {folder: known_project(folder) for folder in folders}
    taken = max([FIRST_PROJECT - 1, *there, *numbers.values()])
    changed, commands, seen = False, [], set()
    for folder, number in numbers.items():
        # A folder copied with all its marks is not the one that it was copied from.
        if not number or number in seen:
            taken = number = taken + 1
            give_all(folder, number)
            changed = True
        seen.add(number)
        wanted = limit_of(folder.name, settings)
        if there.get(number, 0) != wanted >> 10 << 10:
            commands.append(f"limit -p bhard={wanted >> 10}k {number}")
    for start in range(0, len(commands), BATCH):
        xfs_quota(mount, *commands[start : start + BATCH])
    return changed or bool(commands)


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    path = Path(settings["path"])
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink())
    owned = [give_owner(folder, settings) for folder in folders]
    mount, kind, options = mount_of(path)
    limited = has_projects(kind, options) and give_projects(folders, mount, settings)
    print("changed" if limited or any(owned) else "unchanged")


if __name__ == "__main__":
    main()
