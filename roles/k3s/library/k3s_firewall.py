#!/usr/bin/python
"""Ansible module: the rules that a node of k3s needs where ufw or firewalld is at work.

Nodes trust each other and the cluster's own networks; the world reaches the API and the web ports.
The tunnel between the nodes is never open to others.
"""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: k3s_firewall
short_description: Keep ufw's or firewalld's rules for a node of k3s
author: The localcloud authors
options:
  firewall:
    description: Which of the two is at work.
    type: str
    choices: [ufw, firewalld]
    required: true
  trusted:
    description: Addresses and networks from which everything is let in.
    type: list
    elements: str
    required: true
  ports:
    description: TCP ports for everybody.
    type: list
    elements: int
    required: true
"""


def run(module: AnsibleModule, *command: str) -> str:
    done = subprocess.run(
        command,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        module.fail_json(msg=f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def ufw(module: AnsibleModule, trusted: list[str], ports: list[int]) -> list[list[str]]:
    """Commands for the rules that are missing. Networks also pass through, as pods do."""
    there = set(run(module, "ufw", "show", "added").splitlines())
    rules = [["allow", "from", one] for one in trusted]
    for one in trusted:
        if "/" in one:
            rules += [["route", "allow", "from", one], ["route", "allow", "to", one]]
    rules += [["allow", f"{port}/tcp"] for port in ports]
    return [["ufw", *rule] for rule in rules if f"ufw {' '.join(rule)}" not in there]


def firewalld(module: AnsibleModule, trusted: list[str], ports: list[int]) -> list[list[str]]:
    tool = ["firewall-cmd", "--permanent"]
    sources = set(run(module, *tool, "--zone=trusted", "--list-sources").split())
    opened = set(run(module, *tool, "--list-ports").split())
    rules = [["--zone=trusted", f"--add-source={one}"] for one in trusted if one not in sources]
    rules += [[f"--add-port={port}/tcp"] for port in ports if f"{port}/tcp" not in opened]
    return [[*tool, *rule] for rule in rules]


def reverse(command: list[str]) -> list[str]:
    """The command that takes a rule out again."""
    if command[0] == "ufw":
        words = command[1:]
        return (
            ["ufw", "route", "delete", *words[1:]]
            if words[0] == "route"
            else ["ufw", "delete", *words]
        )
    return [word.replace("--add-", "--remove-") for word in command]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "firewall": {"choices": ["ufw", "firewalld"], "required": True},
            "trusted": {"type": "list", "elements": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
        },
        supports_check_mode=True,
    )
    kind, trusted = module.params["firewall"], module.params["trusted"]
    make = ufw if kind == "ufw" else firewalld
    commands = make(module, trusted, module.params["ports"])
    if not module.check_mode:
        for command in commands:
            run(module, *command)
        if commands and kind == "firewalld":
            run(module, "firewall-cmd", "--reload")
    module.exit_json(changed=bool(commands), undo=[reverse(command) for command in commands])


if __name__ == "__main__":
    main()
