#!/usr/bin/python
"""Ansible module: all the small files and directories of a role, in one round trip.

A role writes some twenty of them, and a task for each is most of the time of a run that changes
nothing. Each file is replaced by a rename, so that a run killed at any moment leaves the old text
or the new one, never half of it.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: written_files
short_description: Keep small files and directories as they are given
description:
  - Makes the directories in their order, then the files; takes out what is to be absent.
  - A file's directory must be there, or stand among I(directories).
author: The localcloud authors
options:
  directories:
    description:
      - Directories that shall be there, each a C(path), with C(mode) (default C(0755)), C(owner)
        and C(group) (default C(root)).
    type: list
    elements: dict
    default: []
  files:
    description:
      - Files that shall be there, each a C(path) and its C(content) (or C(lines), C(template) or
        C(source), which the action of the same name turns into content), with C(mode) (default
        C(0644)), C(owner) and C(group) (default C(root)).
      - C(force=false) leaves the content of a file that is there alone.
    type: list
    elements: dict
    default: []
  secrets:
    description: Files like I(files) whose content is shown to nobody; mode C(0600) by default.
    type: list
    elements: dict
    default: []
  absent:
    description: Files that shall not be there. A directory is refused.
    type: list
    elements: str
    default: []
"""
RETURN = """
written:
  description: Paths that were written, made, mended or taken out (would be, in a dry run).
  type: list
  returned: always
"""


class Wrong(Exception):
    """What was asked for cannot be had; the text says why."""


def owner_ids(entry: dict) -> tuple[int, int]:
    """The numbers of an entry's owner and group; ``Wrong`` where one is not there."""
    try:
        return pwd.getpwnam(entry["owner"]).pw_uid, grp.getgrnam(entry["group"]).gr_gid
    except KeyError as error:
        raise Wrong(f"{entry['path']}: {error.args[0]}") from None


def is_kept(path: Path, entry: dict) -> bool:
    """Whether mode and owner of what is there are as they shall be."""
    found = path.lstat()
    wanted = (int(entry["mode"], 8), *owner_ids(entry))
    return (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == wanted


def settle(path: Path, entry: dict) -> None:
    """Gives a path its owner, then its mode: a change of owner can take mode bits away."""
    os.chown(path, *owner_ids(entry))
    path.chmod(int(entry["mode"], 8))


class Writer:
    """Brings a host to what is wanted, and keeps account of it."""

    def __init__(self, *, check: bool) -> None:
        self.check = check
        self.written: list[str] = []
        self.diff: list[dict] = []

    def directory(self, entry: dict) -> None:
        """Makes a directory, its parents with mode 0755, or mends its owner and mode."""
        path = Path(entry["path"])
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise Wrong(f"{path} is there and is no directory")
        there = path.is_dir()
        if there and is_kept(path, entry):
            return
        self.note(path, "directory" if there else "absent", "directory")
        if self.check:
            return
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        settle(path, entry)

    def file(self, entry: dict, *, secret: bool) -> None:
        """Replaces a file by a rename, or mends its owner and mode."""
        path = Path(entry["path"])
        # A link would be followed into somebody else's file: it is replaced, not written through.
        regular = path.is_file() and not path.is_symlink()
        if path.is_dir() and not path.is_symlink():
            raise Wrong(f"{path} is there and is a directory")
        wanted = entry["content"].encode()
        found = path.read_bytes() if regular else b""
        same = regular and (found == wanted or not entry["force"])
        if same and is_kept(path, entry):
            return
        if secret or same:
            self.note(path, "", "", hidden="mode" if same else "secret")
        else:
            self.note(path, found.decode(errors="replace"), entry["content"])
        if self.check:
            return
        if same:
            settle(path, entry)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(wanted)
                stream.flush()
                os.fsync(stream.fileno())
            settle(Path(name), entry)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def absent(self, path: Path) -> None:
        """Takes out one file or link."""
        if path.is_dir() and not path.is_symlink():
            raise Wrong(f"{path} is a directory; only files are taken out")
        if path.exists() or path.is_symlink():
            self.note(path, "file", "absent")
            if not self.check:
                path.unlink()

    def note(self, path: Path, before: str, after: str, hidden: str = "") -> None:
        """``hidden``: why there is nothing to read, a ``secret`` or only owner and ``mode``."""
        self.written.append(str(path))
        entry = {
            "before": before,
            "after": after,
            "before_header": str(path),
            "after_header": str(path),
        }
        self.diff.append({**entry, "hidden": hidden} if hidden else entry)


def entries(mode: str, *, content: bool, secret: bool = False) -> dict:
    """The argument spec of one of the lists."""
    options = {
        "path": {"type": "path", "required": True},
        "mode": {"type": "str", "default": mode},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    if content:
        options["content"] = {"type": "str", "required": True, "no_log": secret}
        options["force"] = {"type": "bool", "default": True}
    return {"type": "list", "elements": "dict", "options": options, "default": []}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directories": entries("0755", content=False),
            "files": entries("0644", content=True),
            # no_log: false, since the paths among them are no secrets; their contents are.
            "secrets": {**entries("0600", content=True, secret=True), "no_log": False},
            "absent": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    writer = Writer(check=module.check_mode)
    try:
        for entry in module.params["directories"]:
            writer.directory(entry)
        for entry in module.params["files"]:
            writer.file(entry, secret=False)
        for entry in module.params["secrets"]:
            writer.file(entry, secret=True)
        for path in module.params["absent"]:
            writer.absent(Path(path))
    except (Wrong, OSError) as error:
        module.fail_json(msg=str(error), written=writer.written)
    module.exit_json(changed=bool(writer.written), written=writer.written, diff=writer.diff)


if __name__ == "__main__":
    main()
