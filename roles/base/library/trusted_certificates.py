#!/usr/bin/python
"""Ansible module: certificate authorities that this host trusts on behalf of the kit.

Looks at the bundle that programs really read, not only at the files it is made from, so that a run
killed between writing and ``update-ca-certificates`` is made good by the next one.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: trusted_certificates
short_description: Keep the kit's certificate authorities in the host's trust store
description:
  - Owns the files C(/usr/local/share/ca-certificates/localcloud-*.crt) and no other.
author: The localcloud authors
options:
  certificates:
    description: PEM text by name. What was there under another name of ours is taken out.
    type: dict
    required: true
"""

SOURCES = Path("/usr/local/share/ca-certificates")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PREFIX = "localcloud-"


def run(module: AnsibleModule, *command: str) -> None:
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")


def bodies(pem: str) -> list[str]:
    """The base64 bodies of the certificates in a PEM text, without white space."""
    blocks = pem.split("-----BEGIN CERTIFICATE-----")[1:]
    return ["".join(block.split("-----END CERTIFICATE-----")[0].split()) for block in blocks]


def main() -> None:
    module = AnsibleModule(
        argument_spec={"certificates": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    wanted = {
        SOURCES / f"{PREFIX}{n}.crt": text for n, text in module.params["certificates"].items()
    }
    stale = [path for path in SOURCES.glob(f"{PREFIX}*.crt") if path not in wanted]
    differing = [
        path for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]
    bundle = set(bodies(BUNDLE.read_text())) if BUNDLE.exists() else set()
    untrusted = [body for text in wanted.values() for body in bodies(text) if body not in bundle]
    changed = bool(stale or differing or untrusted)
    if not changed or module.check_mode:
        module.exit_json(changed=changed)
    SOURCES.mkdir(mode=0o755, parents=True, exist_ok=True)
    for path in stale:
        path.unlink()
    for path in differing:
        path.write_text(wanted[path])
        path.chmod(0o644)
    if not os.access("/usr/sbin/update-ca-certificates", os.X_OK):
        run(module, "dpkg", "--configure", "-a")  # what an interrupted installation left
        run(module, "apt-get", "update", "-q")
        run(module, "apt-get", "install", "-y", "-q", "--no-install-recommends", "ca-certificates")
    run(module, "update-ca-certificates", *(["--fresh"] if stale else []))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
