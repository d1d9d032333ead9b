#!/usr/bin/python
"""Ansible module: systemd units that run, at boot too, and with what stands on the disk now.

A handler is lost when a run is killed between a changed file and its restart. This compares the
moment a unit was started with the age of the files it reads, so the next run makes it good.
"""

from __future__ import annotations

import json
import subprocess
import time
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
      starts), C(enabled) (default true; false also stops it), C(tries) (1), how often it may
      fail to start before that is a failure, and C(until), a command that says that the unit serves
      although it is still starting; that is enough then. A start that is under way is awaited, too.
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

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
POLL = 0.5
PROPERTIES = (
    *("LoadState", "ActiveState", "UnitFileState"),
    *("NeedDaemonReload", "ActiveEnterTimestamp", "ExecMainStartTimestamp"),
)


def systemctl(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/usr/bin/systemctl", *words],
        env=ENVIRONMENT,
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
    elif state.get("ActiveState") != "reloading":
        files = unit.get("files", [])
        # A second of grace, for systemd shows whole seconds.
        if newest(files) > begun(state) + 1 or any(name in awaited for name in files):
            steps.append("restart")
    return steps


def under_way(unit: dict, state: dict[str, str]) -> bool:
    """Whether it is being started already, perhaps by a run that was killed: then it is awaited."""
    return state.get("ActiveState") == "activating" and unit.get("enabled", True)


def begun(state: dict[str, str]) -> float:
    """When a unit's program was started, in seconds; a timer has none, and was activated."""
    shown = (state.get(f"{name}Timestamp", "") for name in ("ExecMainStart", "ActiveEnter"))
    return float(next((one for one in shown if one.startswith("@")), "@0")[1:])


def carried_out(step: str, unit: dict) -> subprocess.CompletedProcess:
    """One step; on a slow machine some services give up their first start, and not their second."""
    tries, until = int(unit.get("tries", 1)), unit.get("until")
    starts = step in ("start", "restart")
    while True:
        words = (step, unit["name"])
        done = started(*words, until=until) if starts and until else systemctl(*words)
        tries -= 1
        if not done.returncode or tries < 1:
            return done
        step = "start" if step == "restart" else step


def started(*words: str, until: list[str]) -> subprocess.CompletedProcess:
    """A start, until it is over or the command succeeds. The start itself goes on."""
    start = subprocess.Popen(
        ["/usr/bin/systemctl", *words],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while start.poll() is None:
        if succeeds(until):
            start.terminate()  # only the one who waits for it
            start.communicate()
            return subprocess.CompletedProcess(words, 0, "", "")
        time.sleep(POLL)
    return subprocess.CompletedProcess(words, start.returncode, "", start.communicate()[1])


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


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
    plan = {unit["name"]: steps_for(unit, states[unit["name"]], awaited) for unit in units}
    shown = [{"prepared": f"{step} {name}"} for name, steps in plan.items() for step in steps]
    changed = any(plan.values()) or any(s.get("NeedDaemonReload") == "yes" for s in states.values())
    if module.check_mode:
        # One that keeps starting, and failing, is none that lacks nothing.
        awaited_too = any(under_way(unit, states[unit["name"]]) for unit in units)
        module.exit_json(changed=changed or awaited_too, steps=plan, diff=shown)
    if changed and reload_needed:
        systemctl("daemon-reload")
    for unit in units:
        name = unit["name"]
        for step in plan[name] or (["start"] if under_way(unit, states[name]) else []):
            done = carried_out(step, unit)
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
    module.exit_json(changed=changed, steps=plan, diff=shown)


if __name__ == "__main__":
    main()
