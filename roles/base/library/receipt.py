#!/usr/bin/python
"""Ansible module: the root-only memory of what localcloud did to this host.

A component *declares* what it is about to make, before it makes it; what is there already at that
moment is remembered (files with a copy) and given back at removal. Killed at any point, the receipt
covers at least what was made. *settle* closes an installation; *remove* undoes a component.
"""

from __future__ import annotations

import datetime
import glob
import grp
import json
import os
import platform
import pwd
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import ReceiptFile, run

DOCUMENTATION = """
module: receipt
short_description: Remember, on the host, what was done to it, and undo it
description:
  - Keeps C(/var/lib/localcloud/receipt.json).
author: The localcloud authors
options:
  state:
    description: C(declared) before, C(settled) after, C(removed) to undo, C(read) to look. With
      C(data_removed), what people had in C(homes) and C(data_paths) goes, long after the component.
    type: str
    choices: [declared, settled, removed, data_removed, read]
    required: true
  component:
    description: Name of the component (a role).
    type: str
    required: true
  version:
    description: Version that is installed.
    type: str
    default: ""
  paths:
    description: Files and directories that the component makes. A directory is removed with all
      that is in it, unless it was there before.
    type: list
    elements: str
    default: []
  data_paths:
    description: Directories in which people keep things. At removal they go only when empty, or
      with C(delete_data).
    type: list
    elements: str
    default: []
  units:
    description: systemd units, stopped and disabled at removal, in this order.
    type: list
    elements: str
    default: []
  groups:
    description: Unix groups that the component makes.
    type: list
    elements: str
    default: []
  user_group:
    description: Members of this group are the component's Unix users.
    type: str
    default: ""
  homes:
    description: Pattern of the users' home directories. With C(delete_data), those go too whose
      user went at an earlier removal.
    type: str
    default: ""
  after_removal:
    description: Commands to run when everything is removed.
    type: list
    elements: list
    default: []
  people:
    description: Of a hub, where on this host lies what people come back to (C(accounts),
      C(cookie_secret), C(authority), C(authority_key)); see the module C(hub_takeover).
    type: dict
    default: {}
  facts:
    description: What C(localcloud status) wants to know (endpoint, certificate, user units).
      Without any, those of before are kept.
    type: dict
  keep_packages:
    description: Whether the packages that came with the component stay at removal.
    type: bool
    default: true
  delete_data:
    description: Whether the home directories of the component's users go, too.
    type: bool
    default: false
  directory:
    description: Where the receipt lives.
    type: path
    default: /var/lib/localcloud
"""


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017


def installed_packages() -> list[str]:
    shown = run("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n").stdout
    return sorted({line.split()[-1] for line in shown.splitlines() if line.startswith("ii ")})


class Receipt(ReceiptFile):
    """The file, and how it was when this run began."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.before = json.dumps(self.content, sort_keys=True)

    def component(self, name: str) -> dict:
        return self.content["components"].setdefault(name, {})

    def elsewhere(self, name: str, key: str) -> dict:
        """Paths or groups of the other components → what was there before any of them came."""
        found: dict = {}
        for other, entry in self.content["components"].items():
            found.update(entry.get(key, {}) if other != name else {})
        return found

    @property
    def changed(self) -> bool:
        return json.dumps(self.content, sort_keys=True) != self.before

    def drop(self, name: str) -> None:
        """Forget a component, and the receipt itself with the last one."""
        self.content["components"].pop(name, None)
        shutil.rmtree(self.directory / "aside" / name, ignore_errors=True)
        if self.content["components"]:
            self.save()
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def remember_path(
    receipt: Receipt, entry: dict, name: str, dry: bool, others: dict[str, dict]
) -> None:
    """Note what stands at a path before any component touches it, once."""
    known = entry.setdefault("paths", {})
    if name in known:
        return
    path = Path(name)
    if name in others:
        known[name] = {key: value for key, value in others[name].items() if key != "data"}
    elif path.is_symlink():
        known[name] = {"was": "link", "target": str(path.readlink())}
    elif path.is_dir():
        known[name] = {"was": "directory"}
    elif path.exists():
        copy = receipt.directory / "before" / name.strip("/").replace("/", "%")
        known[name] = {"was": "file", "copy": str(copy)}
        if not dry:
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(path, copy)
            stat = path.stat()
            os.chown(copy, stat.st_uid, stat.st_gid)
    else:
        missing = [str(parent) for parent in path.parents if not parent.exists()]
        known[name] = {"was": "absent", "parents": missing}


def exists_user(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def exists_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def declare(module: AnsibleModule, receipt: Receipt) -> None:
    wanted = module.params
    entry = receipt.component(wanted["component"])
    entry.setdefault("installed_at", now())
    others = receipt.elsewhere(wanted["component"], "paths")
    for name in wanted["paths"] + wanted["data_paths"]:
        remember_path(receipt, entry, name, module.check_mode, others)
        if name in wanted["data_paths"]:
            entry["paths"][name]["data"] = True
    groups = entry.setdefault("groups", {})
    known = receipt.elsewhere(wanted["component"], "groups")
    for name in wanted["groups"]:
        groups.setdefault(name, known.get(name) or ("present" if exists_group(name) else "absent"))
    for key in ("units", "after_removal"):
        kept = entry.setdefault(key, [])
        kept.extend(item for item in wanted[key] if item not in kept)
    for key in ("user_group", "homes"):
        entry[key] = wanted[key] or entry.get(key, "")
    if wanted["people"]:
        entry["people"] = wanted["people"]
    # Kept until settled: a run that was killed in between still finds the older list.
    if entry.get("version") != wanted["version"] or "packages" not in entry:
        entry.setdefault("packages_before", installed_packages())


def settle(module: AnsibleModule, receipt: Receipt) -> None:
    wanted = module.params
    entry = receipt.component(wanted["component"])
    before = entry.pop("packages_before", None)
    packages = set(entry.get("packages", []))
    if before is not None:
        packages |= set(installed_packages()) - set(before)
    entry["packages"] = sorted(packages)
    if entry.get("version") != wanted["version"]:
        entry["version"] = wanted["version"]
        entry["settled_at"] = now()
    if wanted["facts"] is not None:
        entry["facts"] = wanted["facts"]
    entry.setdefault("facts", {})


def users_of(group: str) -> list[pwd.struct_passwd]:
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return []
    members = set(found.gr_mem)
    return [u for u in pwd.getpwall() if u.pw_name in members or u.pw_gid == found.gr_gid]


def without_shared(receipt: Receipt, name: str) -> dict:
    """A component's entry without what another one holds, too: that goes with the last of them."""
    entry = receipt.component(name)
    others = [one for key, one in receipt.content["components"].items() if key != name]
    own = dict(entry)
    for key in ("paths", "groups"):
        held = receipt.elsewhere(name, key)
        own[key] = {one: was for one, was in entry.get(key, {}).items() if one not in held}
    for key in ("units", "packages"):
        also = {one for other in others for one in other.get(key, [])}
        own[key] = [one for one in entry.get(key, []) if one not in also]
    return own


def remove_users(entry: dict, delete_data: bool) -> None:
    """Remove the component's Unix users; their homes only with ``delete_data``."""
    group = entry.get("user_group")
    for user in users_of(group) if group and entry["groups"].get(group) == "absent" else []:
        run("pkill", "-KILL", "-u", str(user.pw_uid))
        run("userdel", *(["--remove"] if delete_data else []), user.pw_name)
    for name, was in entry.get("groups", {}).items():
        if was == "absent":
            run("groupdel", name)
    shared = group and group not in entry["groups"]
    if delete_data and entry.get("homes") and not shared:
        for home in homes_of_nobody(entry["homes"]):
            shutil.rmtree(home, ignore_errors=True)


def homes_of_nobody(pattern: str) -> list[Path]:
    """Home directories whose user is gone: an earlier removal left them."""
    found = [Path(name) for name in glob.glob(pattern)] if pattern else []  # noqa: PTH207
    return [home for home in found if not exists_user(home.lstat().st_uid)]


def remove_data(module: AnsibleModule) -> dict:
    """What an earlier removal left, of which only the caller knows: the receipt is gone."""
    found = homes_of_nobody(module.params["homes"])
    found += [Path(name) for name in module.params["data_paths"] if os.path.lexists(name)]
    left = []
    for path in [] if module.check_mode else found:
        try:
            shutil.rmtree(path)
        except OSError as error:
            left.append(f"{path} ({error.strerror})")
    removed = {"paths": sorted(map(str, found))}
    if left:
        details = {"localcloud_problem": "reset_left", "left": ", ".join(left)}
        module.fail_json(msg=json.dumps(details), removed=removed)
    return {"changed": bool(found), "removed": removed}


def is_kept(path: Path, was: dict, delete_data: bool) -> bool:
    """True for a directory that was there before, or that holds people's data."""
    holds_data = was.get("data") and not delete_data and path.is_dir() and any(path.iterdir())
    return was["was"] == "directory" or bool(holds_data)


def give_back(path: Path, was: dict, delete_data: bool) -> None:
    """Bring one path to what it was before the component came."""
    if is_kept(path, was, delete_data):
        return
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    if was["was"] == "link":
        path.symlink_to(was["target"])
    elif was["was"] == "file":
        copy = Path(was["copy"])
        stat = copy.stat()
        shutil.copy2(copy, path)
        os.chown(path, stat.st_uid, stat.st_gid)


def remove_parents(parents: set[str]) -> set[str]:
    """Take out directories that were made on the way to a path; returns those still in use."""
    stay = set()
    for parent in sorted(parents, reverse=True):  # deepest first
        try:
            Path(parent).rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            stay.add(parent)
    return stay


def remove_packages(packages: list[str]) -> str:
    present = sorted(set(packages) & set(installed_packages()))
    if not present:
        return ""
    words = ["-y", "-q", "purge", "--no-auto-remove", *present]
    done = run("apt-get", *words, DEBIAN_FRONTEND="noninteractive")
    return done.stderr if done.returncode else ""


def leftovers(entry: dict, delete_data: bool) -> list[str]:
    """What removal should have taken out and is still there."""
    left = [
        name
        for name, was in entry.get("paths", {}).items()
        if was["was"] == "absent"
        and os.path.lexists(name)
        and not is_kept(Path(name), was, delete_data)
    ]
    left += [
        f"group {g}"
        for g, was in entry.get("groups", {}).items()
        if was == "absent" and exists_group(g)
    ]
    states = run("systemctl", "is-active", *entry["units"]).stdout.split() if entry["units"] else []
    left += [unit for unit, state in zip(entry["units"], states) if state == "active"]  # noqa: B905
    return left


def remove(module: AnsibleModule, receipt: Receipt) -> dict:
    name = module.params["component"]
    if name not in receipt.content["components"]:
        return {"changed": False, "removed": {}}
    entry = without_shared(receipt, name)
    delete_data = module.params["delete_data"]
    group = entry.get("user_group", "")
    users = [user.pw_name for user in users_of(group)] if group in entry["groups"] else []
    removed = {"paths": sorted(entry.get("paths", {})), "units": entry["units"], "users": users}
    if module.check_mode:
        return {"changed": True, "removed": removed}
    for unit in entry["units"]:
        # Not `disable --now`: that stops nothing which has no unit file, such as a slice.
        run("systemctl", "stop", unit)
        run("systemctl", "disable", unit)
    remove_users(entry, delete_data)
    # Deepest first, so that a directory's own parents are empty when their turn comes.
    for path, was in sorted(entry.get("paths", {}).items(), reverse=True):
        give_back(Path(path), was, delete_data)
    # Whoever came first made them, and whoever goes last can take them out.
    parents = {one for was in entry.get("paths", {}).values() for one in was.get("parents", [])}
    parents |= set(receipt.content.get("parents", []))
    receipt.content["parents"] = sorted(remove_parents(parents))
    run("systemctl", "daemon-reload")
    if entry["units"]:
        run("systemctl", "reset-failed", *entry["units"])
    for command in entry.get("after_removal", []):
        run(*command)
    problem = ""
    if not module.params["keep_packages"]:
        problem = remove_packages(entry.get("packages", []))
    left = leftovers(entry, delete_data)
    if left or problem:
        receipt.save()
        details = {"localcloud_problem": "reset_left", "left": ", ".join(left), "details": problem}
        module.fail_json(msg=json.dumps(details), removed=removed)
    receipt.drop(name)
    return {"changed": True, "removed": removed}


def system() -> dict:
    """The distribution's id and its release's code name, without gathering facts."""
    release = platform.freedesktop_os_release()
    return {"id": release["ID"], "codename": release.get("VERSION_CODENAME", "")}


def main() -> None:
    lists = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "state": {
                "choices": ["declared", "settled", "removed", "data_removed", "read"],
                "required": True,
            },
            "component": {"type": "str", "required": True},
            "version": {"type": "str", "default": ""},
            "paths": lists,
            "data_paths": lists,
            "units": lists,
            "groups": lists,
            "user_group": {"type": "str", "default": ""},
            "homes": {"type": "str", "default": ""},
            "after_removal": {"type": "list", "elements": "list", "default": []},
            "people": {"type": "dict", "default": {}},
            "facts": {"type": "dict"},
            "keep_packages": {"type": "bool", "default": True},
            "delete_data": {"type": "bool", "default": False},
            "directory": {"type": "path", "default": "/var/lib/localcloud"},
        },
        supports_check_mode=True,
    )
    state = module.params["state"]
    if state == "data_removed":
        module.exit_json(**remove_data(module))
    receipt = Receipt(module.params["directory"])
    if state == "removed":
        module.exit_json(**remove(module, receipt))
    if state == "declared":
        declare(module, receipt)
    elif state == "settled":
        settle(module, receipt)
    changed = receipt.changed
    if changed and not module.check_mode:
        receipt.save()
    module.exit_json(
        changed=changed,
        components=receipt.content["components"],
        path=str(receipt.path),
        system=system(),
    )


if __name__ == "__main__":
    main()
