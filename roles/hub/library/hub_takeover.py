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
    description: C(stopped) is the hub C(old) put to sleep, C(accounts_copied) and C(left) keep in
      mind how far its people's way to a cluster has come.
    choices: [taken_over, stopped, accounts_copied, left]
    default: taken_over
  old:
    description: The hub that people leave for a cluster.
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

    def running(self) -> list[str]:
        """People's servers that did not stop."""
        pattern = self.entry.get("facts", {}).get("user_units")
        words = ["list-units", "--state=active,deactivating", "--plain", "--no-legend"]
        lines = run("systemctl", *words, pattern).stdout.splitlines() if pattern else []
        return [line.split()[0] for line in lines if line.strip()]

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
    forget_way(new.entry)
    forget_way(old.entry)
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


def stop(store: ReceiptFile, name: str) -> bool:
    """Put a hub to sleep whose people go to a cluster; raises Wrong if somebody goes on writing."""
    old = Hub(store, name)
    awake = [path for path in old.unit_files if os.path.lexists(path)]
    if awake:
        old.stop(keep=set())
        old.stop_servers()
        old.put_aside(keep=[])
        systemctl("daemon-reload")
    if left := old.running():
        raise Wrong(f"still running: {', '.join(left)}")
    return bool(awake)


def keep_in_mind(store: ReceiptFile, name: str, target: str, state: str) -> bool:
    """How far the way to a cluster has come. Killed before, that part is done again."""
    entry = store.content["components"][name]
    if state == "accounts_copied":
        news = {"accounts_copied": target}
    else:
        news = {"moved_to": target, "people_copied": True}
        give_packages(store, name)
    if news.items() <= entry.items():
        return False
    entry.update(news)
    store.save()
    return True


def give_packages(store: ReceiptFile, name: str) -> None:
    """What came with the old hub may be needed by what is on the server now, and goes with it."""
    others = {key: one for key, one in store.content["components"].items() if one.get("units")}
    others.pop(name, None)
    heir = next(iter(others.values()), None)
    if heir is not None:
        own = store.content["components"][name].get("packages", [])
        heir["packages"] = sorted({*heir.get("packages", []), *own})


def forget_way(entry: dict) -> bool:
    """Its people are with a hub again that they had left for a cluster."""
    there = [entry.pop(key, None) for key in ("moved_to", "people_copied", "accounts_copied")]
    return any(there)


def wake(store: ReceiptFile, name: str) -> bool:
    """A hub that people had left for a cluster is wanted again."""
    hub = Hub(store, name)
    if not forget_way(hub.entry) and not hub.aside.is_dir():
        return False
    hub.bring_back()
    systemctl("daemon-reload")
    store.save()
    return True


def carried_out(store: ReceiptFile, component: str, state: str, old: str) -> list[str]:
    """The hubs that something was done to."""
    if state == "stopped":
        return [old] if stop(store, old) else []
    if state != "taken_over":
        return [old] if keep_in_mind(store, old, component, state) else []
    others = others_of(store, component)
    for one in others:
        take_over(store, one, Hub(store, component))
    woken = not others and wake(store, component)
    return [hub.name for hub in others] + ([component] if woken else [])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "component": {"type": "str", "required": True},
            "state": {
                "choices": ["taken_over", "stopped", "accounts_copied", "left"],
                "default": "taken_over",
            },
            "old": {"type": "str", "default": ""},
            "directory": {"type": "path", "default": "/var/lib/localcloud"},
        },
        supports_check_mode=True,
    )
    component, state = module.params["component"], module.params["state"]
    try:
        store = ReceiptFile(module.params["directory"])
        if module.check_mode:
            others = [hub.name for hub in others_of(store, component)]
            module.exit_json(changed=bool(others), moved_from=others)
        done = carried_out(store, component, state, module.params["old"])
    except (Wrong, OSError) as error:
        data = {"localcloud_problem": "hub_takeover", "details": str(error)}
        module.fail_json(msg=json.dumps({**data, "component": component}))
    module.exit_json(changed=bool(done), moved_from=done)


if __name__ == "__main__":
    main()
