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


def call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def run(module: AnsibleModule, *command: str) -> str:
    done = call(*command)
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
    """The same. A rule must be there for good and at once; nothing is loaded anew, which would
    take out what an administrator set for the moment."""
    rules = {one: ["--zone=trusted", f"--add-source={one}"] for one in trusted}
    rules |= {f"{port}/tcp": [f"--add-port={port}/tcp"] for port in ports}
    there = set(rules)
    for tool in (["firewall-cmd", "--permanent"], ["firewall-cmd"]):
        sources = run(module, *tool, "--zone=trusted", "--list-sources").split()
        there &= {*sources, *run(module, *tool, "--list-ports").split()}
    commands = {what: ["firewall-cmd", "--permanent", *rule] for what, rule in rules.items()}
    return [*commands.values()], [one for what, one in commands.items() if what not in there]


def in_full(command: Command) -> list[Command]:
    """The commands that a rule takes: firewalld is told of what is for good, and of what is now."""
    now = [word for word in command if word != "--permanent"]
    return [command] if now == command else [command, now]


def reverse(command: Command) -> list[Command]:
    """The commands that take a rule out again."""
    if command[:2] == ["ufw", "route"]:
        return [["ufw", "route", "delete", *command[2:]]]
    if command[0] == "ufw":
        return [["ufw", "delete", *command[1:]]]
    return [[word.replace("--add-", "--remove-") for word in one] for one in in_full(command)]


def set_rule(module: AnsibleModule, command: Command) -> None:
    """Run a command, unless all is as it wants: firewalld takes some of those for mistakes."""
    for kind, is_so in (("--add-", 0), ("--remove-", 1)):
        if any(word.startswith(kind) for word in command):
            asked = [word.replace(kind, "--query-") for word in command]
            if call(*asked).returncode == is_so:
                return
    run(module, *command)


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
    place = Path(module.params["made"])
    make = ufw if module.params["firewall"] == "ufw" else firewalld
    wanted, missing = make(module, module.params["trusted"], module.params["ports"])
    made = made_before(place)
    # Of a node that is gone, or has another address now: whoever gets the old one is no friend.
    stale = [rule for rule in made if rule not in wanted]
    ours = made + [rule for rule in missing if rule not in made]
    if not module.check_mode and (missing or stale):
        remember(place, ours)  # before the first: a run that is killed forgets none
        steps = [in_full(rule) for rule in missing] + [reverse(rule) for rule in stale]
        for command in (command for step in steps for command in step):
            set_rule(module, command)
        remember(place, [rule for rule in ours if rule in wanted])
    module.exit_json(
        changed=bool(missing or stale),
        undo=[command for rule in missing for command in reverse(rule)],
    )


if __name__ == "__main__":
    main()
