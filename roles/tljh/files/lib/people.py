"""People's servers under TLJH: what happens before its own spawner starts one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import unix_users

# What TLJH's administrators need for sudo, which it gives them, is not taken away.
EVERYBODY = {"TasksMax": "1024", "UMask": "0077", "ProtectProc": "invisible"}
NO_ADMIN = {
    "CapabilityBoundingSet": "",
    "LockPersonality": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "full",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
}


def show_shared_data(user: Any, shared_data: str) -> None:
    """Link to the shared folder from the home, where JupyterLab's file browser begins."""
    link = Path(user.pw_dir, Path(shared_data).name)
    if not shared_data or os.path.lexists(link):
        return
    link.symlink_to(shared_data)
    os.chown(link, user.pw_uid, user.pw_gid, follow_symlinks=False)


def hook(shared_data: str) -> Callable[[Any], None]:
    """What JupyterHub calls before a start. TLJH then finds the Unix user made.

    TLJH itself would make one with a new number, to which an earlier home does not belong.
    """

    def prepare(spawner: Any) -> None:
        name = unix_users.unix_name(spawner.user.name)
        user = unix_users.ensure_user(name)
        show_shared_data(user, shared_data)
        spawner.environment = {
            **spawner.environment,
            "USER": name,
            "LOGNAME": name,
            # Kernels speak over sockets in here: a path in the home can be longer than the 107
            # bytes a socket's name may have.
            "JUPYTER_RUNTIME_DIR": f"/run/{name}",
            "SHARED_DATA": shared_data,
        }
        spawner.unit_extra_properties = {
            **spawner.unit_extra_properties,
            **EVERYBODY,
            **({} if spawner.user.admin else NO_ADMIN),
            "RuntimeDirectory": name,
            "RuntimeDirectoryMode": "0700",
        }
        spawner.isolate_devices = not spawner.user.admin

    return prepare
