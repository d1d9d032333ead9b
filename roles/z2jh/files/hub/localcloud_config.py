"""JupyterHub's configuration beside the chart's own. Written by localcloud.

The chart runs it in the hub's pod once its values are read (``jupyterhub_config.d``), and gives it
``c`` and ``get_config``. Your own goes to ``z2jh_values`` as ``hub.extraConfig``, which runs later.
"""

# ruff: noqa: F821

import json
import subprocess
import sys
from pathlib import Path

here = Path("/usr/local/share/localcloud")
sys.path.insert(0, str(here / "lib"))
import copying  # noqa: E402

c.KubeSpawner.pre_spawn_hook = copying.hook(get_config("custom.localcloud.language", "en"))

if c.JupyterHub.authenticator_class == "native":
    import common_passwords
    import names
    import nativeauthenticator
    import nativeauthenticator.handlers

    common_passwords.add_to(nativeauthenticator.NativeAuthenticator)
    c.Authenticator.username_pattern = names.PATTERN  # as on the plain hub: people can move
    names.add_to(nativeauthenticator.handlers.SignUpHandler)
    # The first folder that has a page wins. NativeAuthenticator's own page has the menu entries
    # for passwords and sign-ups, which JupyterHub's hides unless its folder is named.
    native_pages = Path(nativeauthenticator.__file__).parent / "templates"
    pages = here / "pages" if (here / "pages").is_dir() else native_pages
    c.JupyterHub.template_paths = [*get_config("hub.templatePaths", []), str(pages)]
    c.JupyterHub.template_vars = {"hub_native_login": True, **get_config("hub.templateVars", {})}
    # Before the hub opens its door: nobody can sign up under an administrator's name.
    administrators = {"action": "ensure", **get_config("custom.localcloud.accounts")}
    subprocess.run(
        [sys.executable, "-B", str(here / "lib/pod_accounts.py")],
        input=json.dumps(administrators),
        stdout=subprocess.DEVNULL,
        text=True,
        check=True,
    )
