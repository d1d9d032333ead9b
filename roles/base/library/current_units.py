#!/usr/bin/python
"""Ansible module: systemd units that run, at boot too, and with what stands on the disk now.

A handler is lost when a run is killed between a changed file and its restart. This compares the
moment a unit was started with the age of the files it reads, so the next run makes it good.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Container
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: current_units
short_description: Keep units enabled, running, and started after the files they read
description:
  - Reloads systemd's own view first if a unit file changed.
author: The localcloud authors
options:
  units:
    description: Units in order of start, each with C(name), C(files) (paths it reads when it
      starts), C(enabled) (default true; false also stops it), and C(tries) (1), how often it may
      fail to start before that is a failure.
    type: list
    elements: dict
    required: true
  written:
    description: Files that this run wrote, or in a dry run would write. Only a dry run needs to be
      told; else it shows from the files themselves.
    type: list
    elements: path
    default: []
"""

PROPERTIES = (
    *("LoadState", "ActiveState", "UnitFileState"),
    *("NeedDaemonReload", "ActiveEnterTimestamp"),
)


def systemctl(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/usr/bin/systemctl", *words],
        env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def look(name: str) -> dict[str, str]:
    shown = systemctl("show", "--timestamp=unix", "-p", ",".join(PROPERTIES), name).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def newest(files: list[str]) -> float:
    stats = [Path(name).stat() for name in files if Path(name).exists()]
    return max((max(stat.st_mtime, stat.st_ctime) for stat in stats), default=0.0)


def steps_for(unit: dict, state: dict[str, str], awaited: Container[str] = ()) -> list[str]:
    """The systemctl verbs that bring a unit to where it should be.

    ``awaited``: files that a dry run would write.
    """
    steps = []
    wanted = "enabled" if unit.get("enabled", True) else "disabled"
    if state.get("UnitFileState") not in (wanted, "static"):
        steps.append("enable" if wanted == "enabled" else "disable")
    if not unit.get("enabled", True):
        if state.get("LoadState") == "not-found":
            return []  # put aside when people moved away
        return [*steps, "stop"] if state.get("ActiveState") == "active" else steps
    if state.get("ActiveState") not in ("active", "activating", "reloading"):
        steps.append("start")
    elif state.get("ActiveState") == "active":
        # "@1732280000"; a second of grace, for systemd shows whole seconds.
        started = float(state.get("ActiveEnterTimestamp", "").lstrip("@") or 0)
        files = unit.get("files", [])
        if newest(files) > started + 1 or any(name in awaited for name in files):
            steps.append("restart")
    return steps


def carried_out(step: str, name: str, tries: int) -> subprocess.CompletedProcess:
    """One step; on a slow machine some services give up their first start, and not their second."""
    done = systemctl(step, name)
    while done.returncode and tries > 1:
        tries -= 1
        done = systemctl("start" if step == "restart" else step, name)
    return done


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "dict", "required": True},
            "written": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    units = module.params["units"]
    states = {unit["name"]: look(unit["name"]) for unit in units}
    reload_needed = any(
        state.get("NeedDaemonReload") == "yes" or state.get("LoadState") == "not-found"
        for state in states.values()
    )
    awaited = module.params["written"] if module.check_mode else []
    tries = {unit["name"]: int(unit.get("tries", 1)) for unit in units}
    plan = {unit["name"]: steps_for(unit, states[unit["name"]], awaited) for unit in units}
    shown = [{"prepared": f"{step} {name}"} for name, steps in plan.items() for step in steps]
    changed = any(plan.values()) or any(s.get("NeedDaemonReload") == "yes" for s in states.values())
    if not changed or module.check_mode:
        module.exit_json(changed=changed, steps=plan, diff=shown)
    if reload_needed:
        systemctl("daemon-reload")
    for name, steps in plan.items():
        for step in steps:
            done = carried_out(step, name, tries[name])
            if done.returncode:
                words = subprocess.run(
                    ["/usr/bin/journalctl", "-u", name, "-n", "15", "--no-pager", "-o", "cat"],
                    capture_output=True,
                    text=True,
                    check=False,
                ).stdout
                data = {
                    "localcloud_problem": "unit_failed",
                    "unit": name,
                    "step": step,
                    "details": f"{done.stderr.strip()}\n{words}".strip(),
                }
                module.fail_json(msg=json.dumps(data))
    module.exit_json(changed=True, steps=plan, diff=shown)


if __name__ == "__main__":
    main()
