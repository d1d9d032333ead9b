#!/usr/bin/python
"""Ansible module: whether a node's kernel can do what volumes from elsewhere need.

Loads the modules, as they will be loaded at boot; finds what would take Longhorn's disks away.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import run

DOCUMENTATION = """
module: storage_node
short_description: Load the kernel's modules for volumes, and look for what is in their way
author: The localcloud authors
options:
  modules:
    description: Modules of the kernel that are needed.
    type: list
    elements: str
    required: true
  longhorn:
    description: Whether the node gets Longhorn, which multipathd would disturb.
    type: bool
    default: false
"""
RETURN = """
units:
  description: Units that came with the packages of this component, to be stopped at its removal.
  type: list
  returned: always
"""

BLACKLIST = re.compile(r"blacklist\s*\{[^}]*devnode[^}]*sd", re.DOTALL)
# Unit → a file of its package: what was there before is not ours to stop.
BROUGHT = {
    "iscsid.service": "/usr/sbin/iscsid",
    "rpcbind.socket": "/usr/sbin/rpcbind",
    "rpcbind.service": "/usr/sbin/rpcbind",
}


def unloaded(modules: list[str]) -> list[str]:
    """Neither loaded nor built in. A container sees its computer's, and can load none itself."""
    return [one for one in modules if not Path("/sys/module", one).is_dir() and not builtin(one)]


def builtin(module: str) -> bool:
    shown = run("modprobe", "--show-depends", module)
    return shown.returncode == 0 and shown.stdout.startswith("builtin")


def lacking(modules: list[str]) -> str:
    return next((one for one in modules if run("modprobe", one).returncode), "")


def multipath_takes_disks() -> bool:
    if run("systemctl", "is-active", "--quiet", "multipathd").returncode:
        return False
    folder = Path("/etc/multipath/conf.d")
    files = [Path("/etc/multipath.conf"), *sorted(folder.glob("*.conf"))]
    return not any(BLACKLIST.search(file.read_text()) for file in files if file.exists())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "modules": {"type": "list", "elements": "str", "required": True},
            "longhorn": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    longhorn = module.params["longhorn"]
    if longhorn and multipath_takes_disks():
        module.fail_json(msg=json.dumps({"localcloud_problem": "storage_multipath"}))
    wanted = unloaded(module.params["modules"])
    missing = "" if module.check_mode else lacking(wanted)
    if missing:
        provider = "longhorn" if missing.startswith("iscsi") else "nfs"
        data = {"localcloud_problem": "storage_module_missing", "module": missing}
        module.fail_json(msg=json.dumps({**data, "provider": provider}))
    units = [unit for unit, program in BROUGHT.items() if not Path(program).exists()]
    # After a start they are loaded by their file; to load them now is no change of the host.
    module.exit_json(changed=bool(wanted and module.check_mode), units=units)


if __name__ == "__main__":
    main()
