#!/usr/bin/python
"""Ansible module: wait until a service on this host answers over HTTP, or say why it does not."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: answering
short_description: Wait for a service to answer over HTTP
description:
  - Asks an address of this host until it answers with status 200. Uses no proxy, and checks no
    certificate. On loopback no name can be checked; the journey does that from outside.
author: The localcloud authors
options:
  url:
    description: What is asked.
    type: str
    required: true
  name:
    description: The name that is asked for, where many answer at one address.
    type: str
    default: ""
  seconds:
    description: How long to wait; longer while all units do well, since then it is the machine
      that is slow.
    type: int
    default: 30
  units:
    description: Units whose last log lines tell why there is no answer. Of those that start and end
      again and again, or do not run, if there are any.
    type: list
    elements: str
    default: []
  problem:
    description: Id of the problem to report; its data are C(status) and C(details).
    type: str
    required: true
  restarting:
    description: Id of the problem when one of the units starts and ends again and again; its data
      are C(unit) and C(details). Then nobody waits for the rest of the time.
    type: str
    default: ""
"""

BETWEEN_SECONDS = 0.2
LOOK_SECONDS = 2.0  # between two looks at the units
ENDURED = 3  # restarts while we wait; one or two may be for want of a neighbour
# What a healthy service may take for its first start on a machine that is emulated or overloaded.
PATIENCE_SECONDS = 180
HEALTHY = ("running", "start-pre", "start", "start-post", "reload")  # systemd's SubState


class Stay(urllib.request.HTTPRedirectHandler):
    """Another address is no answer of this one."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


def ask(url: str, name: str = "") -> str:
    """The HTTP status of one try, or what stood in its way."""
    request = urllib.request.Request(url, headers={"Host": name} if name else {})  # noqa: S310
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), Stay()
    )
    try:
        with opener.open(request, timeout=10) as response:
            return str(response.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return str(getattr(error, "reason", error))


def states(units: list[str]) -> dict[str, tuple[str, int]]:
    """Unit → (``running``, ``dead``, ``auto-restart`` …, how often systemd has restarted it)."""
    found = {}
    for unit in units:
        command = ["systemctl", "show", "-p", "SubState,NRestarts", unit]
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        pairs = dict(line.partition("=")[::2] for line in shown.splitlines())
        found[unit] = (pairs.get("SubState", ""), int(pairs.get("NRestarts") or 0))
    return found


def restarted(before: dict, after: dict, endured: int) -> list[str]:
    """The units that systemd started again at least so often between two looks."""
    return [unit for unit in after if after[unit][1] - before[unit][1] >= endured]


def on_their_way(before: dict, after: dict) -> bool:
    """Whether systemd sees nothing wrong: no unit has ended, or had to be started again."""
    well = all(state in HEALTHY for state, _count in after.values())
    return bool(after) and well and not restarted(before, after, 1)


def journal(units: list[str]) -> str:
    command = ["journalctl", "-n", "25", "--no-pager", "-o", "cat"]
    for unit in units:
        command += ["-u", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout


def wait(module: AnsibleModule) -> str:
    """Ask until there is an answer or no hope of one; the last status, "200" if all is well.

    Fails the module when a unit cannot stay up.
    """
    asked = module.params["url"], module.params["name"]
    units, restarting = module.params["units"], module.params["restarting"]
    began = time.monotonic()
    look = began + LOOK_SECONDS
    first: dict = {}
    while (status := ask(*asked)) != "200":
        now = time.monotonic()
        if now > look:
            found = states(units)
            first, look = first or found, now + LOOK_SECONDS
            if restarting and (looping := restarted(first, found, ENDURED)):
                data = {"unit": looping[0], "details": journal(looping)}
                module.fail_json(msg=json.dumps({"localcloud_problem": restarting, **data}))
        if now - began > module.params["seconds"]:
            found = states(units)
            if now - began > PATIENCE_SECONDS or not on_their_way(first or found, found):
                break
        time.sleep(BETWEEN_SECONDS)
    return status


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": 30},
            "units": {"type": "list", "elements": "str", "default": []},
            "problem": {"type": "str", "required": True},
            "restarting": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    if module.check_mode:  # nothing was started
        module.exit_json(changed=False)
    status = wait(module)
    if status != "200":
        units = module.params["units"]
        fallen = [unit for unit, (state, _count) in states(units).items() if state != "running"]
        data = {"status": status, "details": journal(fallen or units)}
        data["localcloud_problem"] = module.params["problem"]
        module.fail_json(msg=json.dumps(data))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
