"""Copies one person's home into a volume. Runs in a pod on the server where the home is.

    copy_home.py SOURCE TARGET UID GID

One half reads as root, with the right to read everything; the other writes as the person's server
will (UID, GID), also onto a file server that trusts no root. Sockets, pipes and devices stay
behind. Then every file is read again on both sides. Prints one JSON line: files, bytes, left out.
"""

import hashlib
import json
import os
import stat
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}


def kind(path: Path) -> str:
    """file, folder or link; empty for what is not copied."""
    return KINDS.get(stat.S_IFMT(path.lstat().st_mode), "")


def walk(top: Path) -> Iterator[Path]:
    """Everything below, never through a link; raises OSError for what cannot be listed."""
    for entry in sorted(os.scandir(top), key=lambda one: one.name):
        path = Path(entry.path)
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from walk(path)


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def look(top: Path) -> dict[str, list]:
    """Relative path → what must be the same: kind, and content or target."""
    seen: dict[str, list] = {}
    for path in walk(top):
        what = kind(path)
        content = {"file": digest, "link": os.readlink}.get(what, lambda _path: "")(path)
        if what:
            seen[os.path.relpath(path, top)] = [what, content]
    return seen


def send(source: Path, stream) -> None:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in walk(source):
            if kind(path):
                archive.add(path, os.path.relpath(path, source), recursive=False)


def receive(target: Path, stream) -> None:
    target.mkdir(exist_ok=True)
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        # Links may point anywhere, as they did; newer Pythons would refuse some.
        archive.extraction_filter = lambda member, _path: member
        for member in archive:
            # Without the bits that give somebody else's rights; its owner can always write it.
            member.mode = (member.mode & 0o777) | (0o700 if member.isdir() else 0o600)
            there = target / member.name
            if not member.isdir() and os.path.lexists(there):
                there.unlink()  # of a copy that was interrupted
            archive.extract(member, target)  # no owner is set: who writes is nobody's root


def become(uid: int, gid: int) -> None:
    if os.getuid():
        return  # no root from the beginning: a trial
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
    os.umask(0o077)


def in_a_child(uid: int, gid: int, work) -> int:
    """Do something as somebody else; returns the process, whose exit status says how it went."""
    child = os.fork()
    if child == 0:
        try:
            become(uid, gid)
            work()
        except BaseException as error:  # the parent must not go on twice
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def copy(source: Path, target: Path, uid: int, gid: int) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            receive(target, stream)
            while stream.read(BLOCK):
                pass

    child = in_a_child(uid, gid, write)
    os.close(reading)
    broken = False
    try:
        with os.fdopen(writing, "wb") as stream:
            send(source, stream)
    except BrokenPipeError:
        broken = True  # the other half says why
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or broken:
        sys.exit(1)


def compare(source: Path, target: Path, uid: int, gid: int) -> dict[str, list]:
    """Read all of it again on both sides; ends the program if something is not the same."""
    wanted = look(source)

    def check() -> None:
        os.sync()
        found = look(target)
        different = [path for path, what in wanted.items() if found.get(path) != what]
        if different:
            shown = ", ".join(different[:5])
            raise ValueError(f"{len(different)} not as in {source}: {shown}")

    if os.waitstatus_to_exitcode(os.waitpid(in_a_child(uid, gid, check), 0)[1]):
        sys.exit(1)
    return wanted


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    uid, gid = int(sys.argv[3]), int(sys.argv[4])
    copy(source, target, uid, gid)
    wanted = compare(source, target, uid, gid)
    files = [path for path, (what, _content) in wanted.items() if what == "file"]
    size = sum((source / path).stat().st_size for path in files)
    left_out = sum(not kind(path) for path in walk(source))
    print(json.dumps({"files": len(files), "bytes": size, "left_out": left_out}))


if __name__ == "__main__":
    main()
