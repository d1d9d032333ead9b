#!/usr/bin/python
"""Ansible module: The Littlest JupyterHub as the site wants it, by its own code."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: tljh_installation
short_description: Install and configure The Littlest JupyterHub
description:
  - Calls C(installation.py) with the Python of the hub's environment, where TLJH's code is.
author: The localcloud authors
options:
  state:
    description: C(checked) only holds the configuration against TLJH's schema, and before an
      upgrade keeps what is needed to go back.
    type: str
    choices: [checked, present]
    default: present
  wanted:
    description: What is wanted; see C(installation.py).
    type: dict
    required: true
  python:
    description: Python of the hub's environment.
    type: path
    required: true
  program:
    description: Place of C(installation.py).
    type: path
    required: true
  run:
    description: Id of this run, by which what is kept is known; without it nothing is kept.
    type: str
    default: ""
  index:
    description: Mirror instead of the clients' default Python index.
    type: str
    default: ""
  environment:
    description: Proxy settings.
    type: dict
    default: {}
"""

TRUST = "/etc/ssl/certs/ca-certificates.crt"


def environment_of(parameters: dict, scratch: str) -> dict[str, str]:
    """A clean environment: no setting of the caller's shell decides what is installed."""
    index = parameters["index"]
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": scratch,
        "TMPDIR": scratch,
        "LC_ALL": "C.UTF-8",
        "TLJH_INSTALL_PREFIX": parameters["wanted"]["prefix"],
        "SSL_CERT_FILE": TRUST,
        "REQUESTS_CA_BUNDLE": TRUST,
        "PIP_CERT": TRUST,
        "CONDA_SSL_VERIFY": TRUST,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_PYTHON_DOWNLOADS": "never",
        **{key: os.environ[key] for key in ("LOCALCLOUD_RUN",) if key in os.environ},
        **{key: str(value) for key, value in parameters["environment"].items()},
        **({"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index} if index else {}),
    }


def said_by(command: list, problem: str, **options: object) -> dict:
    """The JSON that a program prints, or a problem with its last words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        return {"localcloud_problem": problem, "details": done.stderr[-3000:]}


def keep(parameters: dict) -> dict:
    """Let C(earlier.py), which lies beside the program, keep what an upgrade could break."""
    program = Path(parameters["program"]).with_name("earlier.py")
    if not parameters["run"] or not program.exists():
        return {"changed": False}
    words = ["keep", parameters["wanted"]["version"], parameters["run"]]
    return said_by(["/usr/bin/python3", "-I", "-B", program, *words], "tljh_not_kept")


def ask(parameters: dict, action: str) -> dict:
    # Beside the environments: never a small /tmp.
    with tempfile.TemporaryDirectory(
        prefix=".scratch-", dir=parameters["wanted"]["prefix"]
    ) as scratch:
        return said_by(
            [parameters["python"], "-B", parameters["program"]],
            "tljh_installer",
            input=json.dumps({"action": action, "wanted": parameters["wanted"]}),
            env=environment_of(parameters, scratch),
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"choices": ["checked", "present"], "default": "present"},
            "wanted": {"type": "dict", "required": True},
            "python": {"type": "path", "required": True},
            "program": {"type": "path", "required": True},
            "run": {"type": "str", "default": ""},
            "index": {"type": "str", "default": ""},
            "environment": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not Path(given["python"]).exists() or not Path(given["program"]).exists():
        # A dry run of a first installation; or nothing is there yet to hold it against.
        module.exit_json(changed=given["state"] == "present")
    only_check = given["state"] == "checked" or module.check_mode
    answer = ask(given, "check" if only_check else "present")
    if "localcloud_problem" not in answer and given["state"] == "checked" and not module.check_mode:
        answer = keep(given)
    # Without the arguments, in which a site may have put the key to its campus's login. (no_log
    # would also hide every number and short word of theirs in what is told.)
    if "localcloud_problem" in answer:
        module.fail_json(msg=json.dumps(answer), invocation={})
    module.exit_json(**answer, invocation={})


if __name__ == "__main__":
    main()
