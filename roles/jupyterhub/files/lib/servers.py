"""What a person's server has on every hub of one server, whoever starts it."""

import os
from pathlib import Path
from typing import Any

# In systemd's words. Other people's processes, and what stands in their command lines, are not to
# be seen.
FENCES = {"ProtectProc": "invisible", "TasksMax": "1024", "UMask": "0077"}
# Those that a person with `sudo` could not work behind.
NO_ROOT = {
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


def runtime(name: str) -> dict[str, str]:
    """Kernels speak over sockets in this folder (see jupyter_server_config.json): one in the home
    can have a path longer than the 107 bytes a socket's name may have."""
    return {"RuntimeDirectory": name, "RuntimeDirectoryMode": "0700"}


def environment(name: str, shared_data: str) -> dict[str, str]:
    return {
        "USER": name,
        "LOGNAME": name,
        "JUPYTER_RUNTIME_DIR": f"/run/{name}",
        "SHARED_DATA": shared_data,
    }


def show_shared_data(user: Any, shared_data: str) -> None:
    """Link to the shared folder from the home, where JupyterLab's file browser begins.

    ``user``: the Unix user, as ``pwd`` gives it.
    """
    link = Path(user.pw_dir, Path(shared_data).name)
    if not shared_data or os.path.lexists(link):
        return
    link.symlink_to(shared_data)
    os.chown(link, user.pw_uid, user.pw_gid, follow_symlinks=False)
