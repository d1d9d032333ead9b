#!/usr/bin/python
"""Ansible module: the distribution's packages that a role needs.

``ansible.builtin.apt`` opens the whole package cache to find out that nothing is missing (nearly
a second), and needs ``python3-apt``, which a bare host has not. dpkg's own list says it in 30 ms.
"""

from __future__ import annotations

import os
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: system_packages
short_description: Ensure packages of the distribution are installed
description:
  - Finishes what an interrupted installation left, then installs what is missing, without what is
    merely recommended. Never upgrades what is there; keeps configuration files that were changed.
author: The localcloud authors
options:
  names:
    description: Packages, as C(apt-get install) takes them; C(name=version) asks for that version.
    type: list
    elements: str
    required: true
  environment:
    description: Proxy settings.
    type: dict
    default: {}
"""
RETURN = """
missing:
  description: What was not installed before.
  type: list
  returned: always
"""

# Other programs (unattended upgrades, a first boot) hold the package manager for minutes.
PATIENCE_SECONDS = 300
LOCK_WORDS = ("Could not get lock", "Unable to acquire the dpkg", "Unable to lock directory")
FIELDS = ("${db:Status-Status}", "${binary:Package}", "${Package}", "${Version}", "${Provides}")
# What dpkg calls a package whose installation was cut short.
HALF_DONE = {"unpacked", "half-configured", "half-installed", "triggers-pending"}


class Failed(Exception):
    """A command of the package manager failed; the text is its own words."""


def call(command: list[str], environment: dict) -> str:
    """Runs a command, waiting while another program holds the package manager; gives its output."""
    clean = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "NEEDRESTART_SUSPEND": "1",  # Ubuntu's would restart services in the middle of a run
        **{key: os.environ[key] for key in ("LOCALCLOUD_RUN",) if key in os.environ},
        **{key: str(value) for key, value in environment.items()},
    }
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = subprocess.run(
            command,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout
        words = (done.stderr or done.stdout).strip()[-3000:]
        if not any(word in words for word in LOCK_WORDS) or time.monotonic() > until:
            raise Failed(words)
        time.sleep(2)


def listing() -> list[list[str]]:
    """What dpkg knows: status, name with architecture, name, version, what it provides."""
    text = call(["dpkg-query", "-W", "-f", "\t".join(FIELDS) + "\n"], {})
    return [line.split("\t") for line in text.splitlines()]


def missing(names: list[str], known: list[list[str]]) -> list[str]:
    """Those of ``names`` that are not installed, in their order."""
    there: dict[str, str] = {}
    for status, full, name, version, provides in known:
        if status != "installed":
            continue
        for provided in provides.split(","):
            there.setdefault(provided.split("(")[0].strip(), "")
        there[full] = there[name] = version
    found = []
    for wanted in names:
        name, _equals, version = wanted.partition("=")
        if name not in there or (version and there[name] != version):
            found.append(wanted)
    return found


def install(names: list[str], environment: dict) -> str:
    """Installs packages; gives a warning for package sources that did not answer, or ''."""
    silent = ""
    try:
        call(["apt-get", "update", "-q"], environment)
    except Failed as failure:  # one source of several may be down: try with what the others say
        silent = str(failure)
    options = ["Dpkg::Options::=--force-confdef", "Dpkg::Options::=--force-confold"]
    options.append(f"DPkg::Lock::Timeout={PATIENCE_SECONDS}")
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
    for option in options:
        command += ["-o", option]
    try:
        call([*command, "--", *names], environment)
    except Failed as failure:
        raise Failed(f"{silent}\n{failure}".strip()) from None
    return silent


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    environment = module.params["environment"]
    try:
        known = listing()
        interrupted = any(package[0] in HALF_DONE for package in known)
        lacking = missing(module.params["names"], known)
        if module.check_mode or not (interrupted or lacking):
            module.exit_json(changed=bool(interrupted or lacking), missing=lacking)
        if interrupted:
            call(["dpkg", "--configure", "-a"], environment)
        if lacking and (silent := install(lacking, environment)):
            module.warn(silent)
    except Failed as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(changed=True, missing=lacking)


if __name__ == "__main__":
    main()
