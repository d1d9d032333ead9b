"""The Unix users behind the hub's users.

A hub user becomes ``jupyter-<name>``; a long name is truncated and gets a piece of its SHA-256, the
rule of The Littlest JupyterHub (tljh/normalize.py), so that people can move between the two.
"""

import grp
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path

PREFIX = "jupyter-"
LONGEST = 26  # characters; useradd allows 32, TLJH truncates here
GROUP = "jupyterhub-users"
HOMES = Path("/home")


def unix_name(hub_name: str) -> str:
    """The Unix name of a hub user, at most 32 characters."""
    name = PREFIX + hub_name
    if len(name) < LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[:LONGEST]}-{digest[:5]}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _exists_uid(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def ensure_group() -> None:
    try:
        grp.getgrnam(GROUP)
    except KeyError:
        _run("groupadd", "--system", GROUP)


def ensure_user(name: str) -> pwd.struct_passwd:
    """Make the Unix user if it is missing; a home left by an earlier one is taken over.

    The home keeps its files and, where it is free, the user id they belong to. Raises
    ``subprocess.CalledProcessError`` if the distribution's tools refuse the name.
    """
    try:
        return pwd.getpwnam(name)
    except KeyError:
        pass
    home = HOMES / name
    command = ["useradd", "--shell", "/bin/bash", "--groups", GROUP, "--home-dir", str(home)]
    command += ["-K", "HOME_MODE=0700", "-K", "UMASK=0077", "--user-group"]
    uid = home.stat().st_uid if home.is_dir() else 0
    adopt = home.is_dir()
    if adopt and uid >= 1000 and not _exists_uid(uid):
        command += ["--uid", str(uid)]
    command += ["--no-create-home" if adopt else "--create-home", name]
    _run(*command)
    user = pwd.getpwnam(name)
    if adopt:
        _take_over(home, user)
    home.chmod(0o700)
    return user


def _take_over(home: Path, user: pwd.struct_passwd) -> None:
    """Give every file of an earlier user's home to the new one, never following a link."""
    former = home.stat().st_uid
    os.chown(home, user.pw_uid, user.pw_gid)
    for folder, directories, files in os.walk(home):
        for entry in directories + files:
            path = os.path.join(folder, entry)  # noqa: PTH118
            if os.lstat(path).st_uid in (former, user.pw_uid):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def remove_user(name: str) -> None:
    """Remove a Unix user with its processes and its home."""
    if not name.startswith(PREFIX):
        raise ValueError(name)
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        user = None
    if user:
        subprocess.run(["pkill", "-KILL", "-u", str(user.pw_uid)], check=False)
        subprocess.run(["userdel", name], check=False, capture_output=True)
    shutil.rmtree(HOMES / name, ignore_errors=True)
