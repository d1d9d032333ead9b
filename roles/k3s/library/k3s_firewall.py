#!/usr/bin/python
"""Ansible module: the rules that a node of k3s needs where ufw or firewalld is at work.

Nodes trust each other and the cluster's own networks; the world reaches the API and the web ports.
The tunnel between the nodes is never open to others.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

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
  made:
    description:
      - A file of this module's. It keeps the rules that it made, in a directory that is there.
      - Those that are no longer wanted are taken out. The administrator's own never are.
    type: path
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


Command = list[str]


def ufw(module: AnsibleModule, trusted: list[str], ports: list[int]) -> tuple[list[Command], ...]:
    """Commands for all rules, and for those that are missing. Pods also pass through a node."""
    there = set(run(module, "ufw", "show", "added").splitlines())
    rules = [["allow", "from", one] for one in trusted]
    for one in trusted:
        if "/" in one:
            rules += [["route", "allow", "from", one], ["route", "allow", "to", one]]
    rules += [["allow", f"{port}/tcp"] for port in ports]
    commands = [["ufw", *rule] for rule in rules]
    return commands, [command for command in commands if " ".join(command) not in there]


def firewalld(
    module: AnsibleModule, trusted: list[str], ports: list[int]
) -> tuple[list[Command], ...]:
    """The same."""
    tool = ["firewall-cmd", "--permanent"]
    sources = set(run(module, *tool, "--zone=trusted", "--list-sources").split())
    opened = set(run(module, *tool, "--list-ports").split())
    rules = {one: ["--zone=trusted", f"--add-source={one}"] for one in trusted}
    rules |= {f"{port}/tcp": [f"--add-port={port}/tcp"] for port in ports}
    missing = [rule for what, rule in rules.items() if what not in sources | opened]
    return [[*tool, *rule] for rule in rules.values()], [[*tool, *rule] for rule in missing]


def reverse(command: Command) -> list[Command]:
    """The commands that take a rule out again, for good and at once."""
    if command[0] == "ufw":
        words = command[1:]
        if words[0] == "route":
            return [["ufw", "route", "delete", *words[1:]]]
        return [["ufw", "delete", *words]]
    permanent = [word.replace("--add-", "--remove-") for word in command]
    return [permanent, [word for word in permanent if word != "--permanent"]]


def made_before(place: Path) -> list[Command]:
    """The rules that earlier runs made; others are the administrator's own."""
    try:
        return list(json.loads(place.read_text()))
    except (OSError, ValueError):
        return []


def remember(place: Path, rules: list[Command]) -> None:
    new = place.with_suffix(".new")
    new.write_text(json.dumps(rules))
    new.replace(place)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "firewall": {"choices": ["ufw", "firewalld"], "required": True},
            "trusted": {"type": "list", "elements": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "required": True},
            "made": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    kind, place = module.params["firewall"], Path(module.params["made"])
    make = ufw if kind == "ufw" else firewalld
    wanted, missing = make(module, module.params["trusted"], module.params["ports"])
    made = made_before(place)
    # Of a node that is gone, or has another address now: whoever gets the old one is no friend.
    stale = [rule for rule in made if rule not in wanted]
    ours = made + [rule for rule in missing if rule not in made]
    if not module.check_mode and (missing or stale):
        remember(place, ours)  # before the first: a run that is killed forgets none
        for command in missing:
            run(module, *command)
        if missing and kind == "firewalld":
            run(module, "firewall-cmd", "--reload")
        for rule in stale:
            for command in reverse(rule):
                run(module, *command)
        remember(place, [rule for rule in ours if rule in wanted])
    module.exit_json(
        changed=bool(missing or stale),
        undo=[command for rule in missing for command in reverse(rule)],
    )


if __name__ == "__main__":
    main()
