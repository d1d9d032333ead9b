"""What the tests of runs share: real runs of stand-in playbooks, and made-up results."""

import os
import secrets
from pathlib import Path

from localcloud import ansible_env, runner
from localcloud.events import Event
from localcloud.outcome import RunResult
from localcloud.phases import Phase
from tests.doubles import ansible_site

INSTALL = Phase("jupyterhub", "install")


def use_standins(monkeypatch):
    """Point the runner at the stand-in playbooks and roles; stock Ansible is the quicker here."""
    monkeypatch.setattr(runner, "playbooks_dir", lambda: ansible_site.STANDIN / "playbooks")
    monkeypatch.setattr(ansible_env, "roles_dir", lambda: ansible_site.STANDIN / "roles")
    monkeypatch.setenv("LOCALCLOUD_STRATEGY", "stock")


def marked(name, value):
    """Numbers of the processes whose environment holds name=value."""
    wanted = f"{name}={value}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in environment and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def unique():
    return f"test-{secrets.token_hex(8)}"


def event(kind="result", host="node1", task="Ensure it works", status="ok", **more):
    more.setdefault("time", 1_800_000_000.0)
    more.setdefault("phase", INSTALL)
    return Event(kind=kind, host=host, task=task, status=status, role="jupyterhub", **more)


def result(record, status="done", **more):
    more.setdefault("hosts", {"node1": {"ok": 9, "changed": 3}})
    more.setdefault("seconds", 12.3)
    return RunResult(status, record, "stock", **more)
