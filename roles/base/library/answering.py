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
    description: How long to wait.
    type: int
    default: 30
  units:
    description: Units whose last log lines tell why there is no answer.
    type: list
    elements: str
    default: []
  problem:
    description: Id of the problem to report; its data are C(status) and C(details).
    type: str
    required: true
"""

BETWEEN_SECONDS = 0.2


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


def journal(units: list[str]) -> str:
    command = ["journalctl", "-n", "25", "--no-pager", "-o", "cat"]
    for unit in units:
        command += ["-u", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "name": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": 30},
            "units": {"type": "list", "elements": "str", "default": []},
            "problem": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:  # nothing was started
        module.exit_json(changed=False)
    until = time.monotonic() + module.params["seconds"]
    asked = module.params["url"], module.params["name"]
    while (status := ask(*asked)) != "200" and time.monotonic() < until:
        time.sleep(BETWEEN_SECONDS)
    if status != "200":
        data = {"status": status, "details": journal(module.params["units"])}
        data["localcloud_problem"] = module.params["problem"]
        module.fail_json(msg=json.dumps(data))
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
