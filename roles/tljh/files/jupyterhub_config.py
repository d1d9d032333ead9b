"""What localcloud adds to TLJH's own configuration of JupyterHub; the rest stands in config.yaml.

Add your own with ``tljh_extra_config`` in the site, not here: the next install writes this anew.
"""

import json
import os
import sys
from pathlib import Path

import nativeauthenticator
import nativeauthenticator.handlers

c = get_config()  # noqa: F821  (given by JupyterHub)
site = json.loads(Path("/etc/localcloud/tljh/site.json").read_text())
sys.path.insert(0, site["lib"])
import common_passwords  # noqa: E402
import names  # noqa: E402
import people  # noqa: E402

common_passwords.add_to(nativeauthenticator.NativeAuthenticator)
names.add_to(nativeauthenticator.handlers.SignUpHandler)

c.JupyterHub.public_url = site["public_url"].rstrip("/") + "/"
# The first folder that has a page wins. NativeAuthenticator's own page has the menu entries for
# passwords and sign-ups.
pages = Path(site["pages"])
native_pages = str(Path(nativeauthenticator.__file__).parent / "templates")
c.JupyterHub.template_paths = [str(pages)] if any(pages.glob("*")) else [native_pages]
c.JupyterHub.template_vars = {
    "hub_native_login": True,
    "hub_minimum_password_length": site["minimum_password_length"],
}

# A person's server: the Unix user's home as it was left, fences towards others.
c.Spawner.pre_spawn_hook = people.hook(site["shared_data_path"], site["home_quota"])
c.Spawner.environment = site["environment"]
c.Spawner.start_timeout = site["start_timeout"]
c.Spawner.http_timeout = site["start_timeout"]
if site["cpu_limit"] is not None:
    c.Spawner.cpu_limit = site["cpu_limit"]
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.slice = "jupyter.slice"

# The kit's own accounts command.
c.JupyterHub.services.append(
    {"name": "localcloud", "api_token": os.environ["LOCALCLOUD_SERVICE_TOKEN"]}
)
c.JupyterHub.load_roles.append(
    {
        "name": "localcloud-accounts",
        "scopes": ["admin:users", "delete:servers", "list:users", "read:servers"],
        "services": ["localcloud"],
    }
)
