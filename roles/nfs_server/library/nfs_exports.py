#!/usr/bin/python
"""Ansible module: what the kernel's NFS server really exports, and that it answers.

The written exports are one thing and what the kernel knows is another. They are brought together
without a restart, at which every node of the cluster would wait.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import socket
import struct
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import Failed, run

DOCUMENTATION = """
module: nfs_exports
short_description: Bring the kernel's exports to what is written, and ask the server for them
author: The localcloud authors
options:
  state:
    description: C(present) exports and limits; C(verified) asks; C(absent) withdraws a file's;
      C(forgotten) takes away what the packages leave behind when they are purged.
    type: str
    choices: [present, verified, absent, forgotten]
    required: true
  file:
    description: With C(absent), the file of exports that goes.
    type: path
    default: ""
  program:
    description: With C(present), the program that gives folders their owners and limits.
    type: path
    default: ""
  settings:
    description: With C(present), that program's settings.
    type: path
    default: ""
  path:
    description: With C(verified), the directory that is exported.
    type: path
    default: ""
  limited:
    description: With C(verified), whether folders have limits.
    type: bool
    default: false
"""

# What is left of a purged package: program by which to know that it is there, user, folder, mount.
REMAINS = (
    ("rpcbind", "_rpc", "", ""),
    ("rpc.statd", "statd", "/var/lib/nfs", "/run/rpc_pipefs"),
)
ETAB = Path("/var/lib/nfs/etab")
PORT = 2049
SECONDS = 10
NFS, VERSION = 100003, 4


def exported() -> list[str]:
    """What the server offers to whom, a line each."""
    return sorted(ETAB.read_text().splitlines()) if ETAB.exists() else []


def clients_of(path: str) -> list[str]:
    rows = (line.split("\t") for line in exported() if "\t" in line)
    return [row[1].partition("(")[0] for row in rows if row[0] == path]


def export() -> bool:
    before = exported()
    done = run("exportfs", "-r")
    if done.returncode or "Failed" in done.stderr:
        raise Failed("nfs_export", details=done.stderr.strip())
    return exported() != before


def give_limits(program: str, settings: str) -> bool:
    done = run("/usr/bin/python3", "-I", "-B", program, settings)
    if done.returncode:
        raise Failed("nfs_limits", details=done.stderr.strip()[-2000:])
    return done.stdout.strip() == "changed"


def ask(host: str = "127.0.0.1", port: int = PORT) -> str:
    """Call the server's procedure 0, which does nothing; why it gave no answer, or ""."""
    call = struct.pack(">10I", 0x6C636C64, 0, 2, NFS, VERSION, 0, 0, 0, 0, 0)
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as stream:
            stream.sendall(struct.pack(">I", 0x80000000 | len(call)) + call)
            answer = stream.recv(64)
    except OSError as error:
        return str(error)
    if len(answer) < 28:
        return "no answer"
    _mark, _id, kind, state, _flavor, _length, accepted = struct.unpack(">7I", answer[:28])
    return "" if (kind, state, accepted) == (1, 0, 0) else "NFS version 4 is not served"


def quotas_enforced(path: str) -> bool:
    shown = run("findmnt", "--noheadings", "--output", "OPTIONS", "--target", path).stdout
    return bool({"prjquota", "pquota"} & set(shown.strip().split(",")))


def verify(parameters: dict) -> None:
    path = parameters["path"]
    silent = ask()
    journal = run("journalctl", "-n", "25", "--no-pager", "-o", "cat", "-u", "nfs-server").stdout
    if silent:
        raise Failed("nfs_silent", status=silent, details=journal)
    clients = clients_of(path)
    if not clients:
        raise Failed("nfs_not_exported", path=path, details=journal)
    if "*" in clients:
        raise Failed("nfs_everybody", client="*")
    if parameters["limited"] and not quotas_enforced(path):
        raise Failed("nfs_quotas_off", path=path)


def withdraw(file: Path) -> bool:
    if not file.exists():
        return False
    file.unlink()
    run("exportfs", "-r")
    return True


def forget() -> bool:
    """What is left of packages that are gone; nothing while a program of theirs is there."""
    found = False
    for program, user, folder, mount in REMAINS:
        if any(Path(place, program).exists() for place in ("/usr/sbin", "/sbin")):
            continue
        if mount and os.path.ismount(mount):
            found = run("umount", mount).returncode == 0
        if folder and Path(folder).is_dir():
            shutil.rmtree(folder)
            found = True
        with contextlib.suppress(KeyError):
            pwd.getpwnam(user)
            found = run("userdel", user).returncode == 0 or found
    return found


def act(module: AnsibleModule) -> dict:
    state = module.params["state"]
    if module.check_mode and state != "verified":
        return {"changed": state == "absent"}
    if state == "forgotten":
        return {"changed": forget()}
    if state == "present":
        changed = export()
        limited = give_limits(module.params["program"], module.params["settings"])
        return {"changed": changed or limited}
    if state == "absent":
        return {"changed": withdraw(Path(module.params["file"]))}
    if not module.check_mode:  # a dry run installed nothing
        verify(module.params)
    return {"changed": False}


def main() -> None:
    texts = {
        name: {"type": "path", "default": ""} for name in ("file", "program", "settings", "path")
    }
    module = AnsibleModule(
        argument_spec={
            "state": {
                "choices": ["present", "verified", "absent", "forgotten"],
                "required": True,
            },
            "limited": {"type": "bool", "default": False},
            **texts,
        },
        supports_check_mode=True,
    )
    try:
        result = act(module)
    except Failed as failed:
        module.fail_json(msg=json.dumps(failed.data))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
