"""A person's server: a systemd unit of its own, run by a Unix user of its own."""

import subprocess

import servers
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
        servers.show_shared_data(user, self.shared_data)
        self.username_template = name
        self.user_workingdir = user.pw_dir
        self.unit_extra_properties = {**self.unit_extra_properties, **servers.runtime(name)}
        return await super().start()

    def get_env(self):
        name = unix_users.unix_name(self.user.name)
        return {**super().get_env(), **servers.environment(name, self.shared_data)}
