"""A person's server: a systemd unit of its own, run by a Unix user of its own."""

import os
import subprocess
from pathlib import Path

import unix_users
from systemdspawner import SystemdSpawner
from traitlets import Unicode


class UnixUserSpawner(SystemdSpawner):
    """Makes the Unix user at the first start, and shows the shared folder in the home."""

    shared_data = Unicode("", help="Folder to link to from each home; empty for none.").tag(
        config=True
    )

    async def start(self):
        name = unix_users.unix_name(self.user.name)
        try:
            user = unix_users.ensure_user(name)
        except subprocess.CalledProcessError as error:
            self.log.error("No Unix user %s: %s", name, error.stderr.strip())
            raise
        self.show_shared_data(user)
        self.username_template = name
        self.user_workingdir = user.pw_dir
        # Kernels speak over sockets in here (see jupyter_server_config.json): a folder in the home
        # can make a path longer than the 107 bytes a socket's name may have.
        self.unit_extra_properties = {
            **self.unit_extra_properties,
            "RuntimeDirectory": name,
            "RuntimeDirectoryMode": "0700",
        }
        return await super().start()

    def show_shared_data(self, user):
        """Link to the shared folder from the home, where JupyterLab's file browser begins."""
        link = Path(user.pw_dir, Path(self.shared_data).name)
        if not self.shared_data or os.path.lexists(link):
            return
        link.symlink_to(self.shared_data)
        os.chown(link, user.pw_uid, user.pw_gid, follow_symlinks=False)

    def get_env(self):
        env = super().get_env()
        name = unix_users.unix_name(self.user.name)
        env["USER"] = env["LOGNAME"] = name
        env["JUPYTER_RUNTIME_DIR"] = f"/run/{name}"
        env["SHARED_DATA"] = self.shared_data
        return env
