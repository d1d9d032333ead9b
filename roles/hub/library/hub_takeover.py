#!/usr/bin/python
"""Ansible module: one hub takes over the people of another one on the same server.

The receipt says which hubs there are. What is stopped is not deleted: the old hub's units are set
aside and come back when people go back to it. Accounts are where the hub's database is, and there
is one at any time: so a run that was killed at any moment, and one that goes the other way, find
out who has the people by looking.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import ReceiptFile, replace_file, run

DOCUMENTATION = """
module: hub_takeover
short_description: Take over the people of another hub on this server
description:
  - Stops the hub that has the people, and their servers; brings its database and its certificate
    authority to the places that this hub's receipt declares. Does nothing if there is no other hub
    or people came long ago.
  - Where people go to a hub that is not on this server (a cluster's), C(stopped) and C(left) are
    the beginning and the end of it on this server; their accounts stay here, too.
author: The localcloud authors
options:
  component:
    description: The hub that takes over (a role). On the same server its receipt is declared.
    type: str
    required: true
  state:
    description: C(stopped) is the hub C(old) put to sleep, C(left) is one that nobody is with.
    choices: [taken_over, stopped, left]
    default: taken_over
  old:
    description: The hub that people leave, with C(stopped) and C(left).
    type: str
    default: ""
  directory:
    description: Where the receipt lives.
    type: path
    default: /var/lib/localcloud
"""
RETURN = """
moved_from:
  description: Hubs that people were brought from, or that were only put to sleep.
  type: list
  returned: always
"""

UNITS = "/etc/systemd/system/"
# What comes along as it is. The database has its own way.
PLAIN = {"cookie_secret": 0o600, "authority_key": 0o600, "authority": 0o644}


class Wrong(Exception):
    """What cannot be brought; the text says why."""


def systemctl(*words: str) -> None:
    run("systemctl", *words)


class Hub:
    """One hub of the receipt."""

    def __init__(self, store: ReceiptFile, name: str) -> None:
        self.name = name
        self.entry = store.content["components"].get(name, {})
        self.people = {key: Path(path) for key, path in self.entry.get("people", {}).items()}
        self.aside = store.directory / "aside" / name
        self.unit_files = [path for path in self.entry.get("paths", {}) if path.startswith(UNITS)]

    @property
    def has_people(self) -> bool:
        return "accounts" in self.people and self.people["accounts"].exists()

    def stop(self, keep: set[str]) -> None:
        """Stop and disable its units; those of ``keep`` belong to another hub."""
        for unit in self.entry.get("units", []):
            if unit not in keep:
                systemctl("disable", unit)
                systemctl("stop", unit)

    def stop_servers(self) -> None:
        """People's servers speak to the hub that started them, and to no other."""
        if pattern := self.entry.get("facts", {}).get("user_units"):
            systemctl("stop", pattern)

    def put_aside(self, keep: list[str]) -> None:
        """Its unit files; another hub has files of the same name."""
        for name in self.unit_files:
            path = Path(name)
            if name not in keep and os.path.lexists(path):
                self.aside.mkdir(mode=0o700, parents=True, exist_ok=True)
                move(path, self.aside / path.name)

    def bring_back(self) -> None:
        """Its unit files, from where they were put aside."""
        for name in self.unit_files:
            if (kept := self.aside / Path(name).name).exists():
                move(kept, Path(name))
        shutil.rmtree(self.aside, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Put something into the place of what is there."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif os.path.lexists(target):
        target.unlink()
    shutil.move(source, target)


def bring_database(source: Path, target: Path) -> None:
    """The whole database; from then on the old one's has another name."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(target.name + ".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600))
    try:
        with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(draft)) as other:
            one.backup(other)
    except sqlite3.Error as error:
        draft.unlink()
        raise Wrong(f"{source}: {error}") from error
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    for ending in ("-journal", "-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
    draft.replace(target)
    source.replace(moved(source))
    moved(target).unlink(missing_ok=True)  # of an earlier way there; the newer one is its brother


def moved(database: Path) -> Path:
    """What a database is called that people are no longer in."""
    return database.with_name(database.name + ".moved")


def bring_people(old: Hub, new: Hub) -> None:
    for key, mode in PLAIN.items():
        source, target = old.people.get(key), new.people.get(key)
        if source and target and source.exists():
            replace_file(target, source.read_bytes(), mode)
    bring_database(old.people["accounts"], new.people["accounts"])


def take_over(store: ReceiptFile, old: Hub, new: Hub) -> None:
    """Each step can be repeated; the receipt is told last."""
    if old.has_people:
        old.stop(keep=set())
        old.stop_servers()
        old.put_aside(keep=[])
        new.bring_back()
        systemctl("daemon-reload")
        bring_people(old, new)
    else:  # it never came so far as to have any, or gave them back
        old.stop(keep=set(new.entry.get("units", [])))
        old.put_aside(keep=new.unit_files)
        new.bring_back()
        systemctl("daemon-reload")
    # What came with the old one may be needed by the new one, and goes with it.
    packages = {*new.entry.get("packages", []), *old.entry.get("packages", [])}
    new.entry["packages"] = sorted(packages)
    new.entry.pop("moved_to", None)
    old.entry["moved_to"] = new.name
    store.save()


def others_of(store: ReceiptFile, component: str) -> list[Hub]:
    """The hubs whose turn is over, as far as that is not done."""
    own = Hub(store, component)
    hubs = [Hub(store, name) for name in sorted(store.content["components"]) if name != component]
    return [
        hub
        for hub in hubs
        if hub.people and (hub.entry.get("moved_to") != component or "moved_to" in own.entry)
    ]


def stop(store: ReceiptFile, name: str, dry: bool) -> bool:
    """Put a hub to sleep whose people go to a cluster."""
    old = Hub(store, name)
    awake = [path for path in old.unit_files if os.path.lexists(path)]
    if awake and not dry:
        old.stop(keep=set())
        old.stop_servers()
        old.put_aside(keep=[])
        systemctl("daemon-reload")
    return bool(awake)


def leave(store: ReceiptFile, name: str, target: str, dry: bool) -> bool:
    """All of a hub's people are on a cluster now. Killed before, the move is done again."""
    entry = store.content["components"][name]
    if entry.get("moved_to") == target:
        return False
    entry.update(moved_to=target, people_copied=True)
    if not dry:
        store.save()
    return True


def wake(store: ReceiptFile, name: str) -> bool:
    """A hub that people had left for a cluster is wanted again."""
    hub = Hub(store, name)
    hub.entry.pop("people_copied", None)
    if hub.entry.pop("moved_to", None) is None and not hub.aside.is_dir():
        return False
    hub.bring_back()
    systemctl("daemon-reload")
    store.save()
    return True


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "state": {"choices": ["taken_over", "stopped", "left"], "default": "taken_over"},
            "old": {"type": "str", "default": ""},
            "directory": {"type": "path", "default": "/var/lib/localcloud"},
        },
        supports_check_mode=True,
    )
    store = ReceiptFile(module.params["directory"])
    component, old_hub = module.params["component"], module.params["old"]
    if module.params["state"] == "stopped":
        module.exit_json(changed=stop(store, old_hub, module.check_mode), moved_from=[])
    if module.params["state"] == "left":
        changed = leave(store, old_hub, component, module.check_mode)
        module.exit_json(changed=changed, moved_from=[])
    others = others_of(store, component)
    try:
        for old in [] if module.check_mode else others:
            take_over(store, old, Hub(store, component))
        if not others and not module.check_mode and wake(store, component):
            module.exit_json(changed=True, moved_from=[])
    except (Wrong, OSError) as error:
        data = {"localcloud_problem": "hub_takeover", "details": str(error)}
        module.fail_json(msg=json.dumps({**data, "component": component}))
    module.exit_json(changed=bool(others), moved_from=[hub.name for hub in others])


if __name__ == "__main__":
    main()
