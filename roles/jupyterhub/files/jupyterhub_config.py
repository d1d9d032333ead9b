"""JupyterHub's configuration. Written by localcloud; the site's settings come from site.json.

Add your own with ``jupyterhub_config`` in the site, not here: the next install writes this anew.
"""

import json
import os
import sys
from pathlib import Path

import nativeauthenticator
import nativeauthenticator.handlers

c = get_config()  # noqa: F821  (given by JupyterHub)
here = Path(__file__).resolve().parent
site = json.loads((here / "site.json").read_text())
sys.path.insert(0, site["lib"])

import common_passwords  # noqa: E402  (lies in that folder)
import names  # noqa: E402
import servers  # noqa: E402

# The hub itself, behind a proxy that lives on when the hub restarts.
c.JupyterHub.public_url = site["public_url"].rstrip("/") + "/"
c.JupyterHub.bind_url = site["proxy_url"]
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{site['api_port']}"
c.JupyterHub.db_url = "sqlite:////var/lib/jupyterhub/jupyterhub.sqlite"
c.JupyterHub.upgrade_db = True  # after a new release; JupyterHub keeps a copy
c.JupyterHub.cookie_secret_file = "/var/lib/jupyterhub/cookie_secret"  # noqa: S105
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{site['proxy_api_port']}"
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
# The first folder that has a page wins. NativeAuthenticator's own page has the menu entries for
# passwords and sign-ups, which JupyterHub's hides unless its folder is named.
pages = here / "pages" / site["language"]
native_pages = str(Path(nativeauthenticator.__file__).parent / "templates")
c.JupyterHub.template_paths = [str(pages)] if pages.is_dir() else [native_pages]
c.JupyterHub.template_vars = {
    "hub_native_login": True,
    "hub_minimum_password_length": site["minimum_password_length"],
}

# Who may come in. Accounts live in the hub's database; an account without authorization waits.
c.JupyterHub.authenticator_class = "native"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = set(site["admins"])
# Names become Unix names (see unix_users.py): what useradd refuses is refused here, with words.
c.Authenticator.username_pattern = names.PATTERN
names.add_to(nativeauthenticator.handlers.SignUpHandler)
c.NativeAuthenticator.enable_signup = site["signup"] != "closed"
c.NativeAuthenticator.open_signup = site["signup"] == "open"
c.NativeAuthenticator.minimum_password_length = site["minimum_password_length"]
c.NativeAuthenticator.check_common_password = True
common_passwords.add_to(nativeauthenticator.NativeAuthenticator)
c.NativeAuthenticator.allowed_failed_logins = 10
c.NativeAuthenticator.seconds_before_next_try = 120

# A person's server: own Unix user, own unit, own limits.
c.JupyterHub.spawner_class = "spawner.UnixUserSpawner"
c.Spawner.cmd = [f"{site['user_environment']}/bin/jupyterhub-singleuser"]
c.Spawner.default_url = {"lab": "/lab", "notebook": "/tree"}[site["default_interface"]]
c.Spawner.start_timeout = site["start_timeout"]
c.Spawner.http_timeout = site["start_timeout"]
c.Spawner.environment = site["environment"]
c.SystemdSpawner.extra_paths = [f"{site['user_environment']}/bin"]
c.SystemdSpawner.mem_limit = site["memory_limit"]
c.SystemdSpawner.cpu_limit = site["cpu_limit"]
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.slice = "jupyter.slice"
c.SystemdSpawner.unit_name_template = "jupyter-{USERNAME}"
c.SystemdSpawner.unit_extra_properties = {**servers.FENCES, **servers.NO_ROOT}
c.UnixUserSpawner.shared_data = site["shared_data_path"]

# Who works for the hub: the kit's own accounts command, and the one that stops idle servers.
c.JupyterHub.services = [
    {"name": "localcloud", "api_token": os.environ["LOCALCLOUD_SERVICE_TOKEN"]},
]
c.JupyterHub.load_roles = [
    {
        "name": "localcloud-accounts",
        "scopes": ["admin:users", "delete:servers", "list:users", "read:servers"],
        "services": ["localcloud"],
    },
]
if site["cull"]["enabled"]:
    c.JupyterHub.services.append(
        {
            "name": "idle-culler",
            "command": [
                sys.executable,
                "-m",
                "jupyterhub_idle_culler",
                f"--timeout={site['cull']['timeout']}",
                f"--cull-every={site['cull']['every']}",
                f"--max-age={site['cull']['max_age']}",
            ],
        }
    )
    c.JupyterHub.load_roles.append(
        {
            "name": "idle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["idle-culler"],
        }
    )

# What the site passes through, last: {class: {trait: value}}, in JupyterHub's own words.
for class_name, traits in site["config"].items():
    for trait, value in traits.items():
        setattr(getattr(c, class_name), trait, value)
