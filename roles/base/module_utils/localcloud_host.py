"""What modules on a host share: failures with a problem's id, commands, files, the receipt."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ENGLISH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
RECEIPTS = "/var/lib/localcloud"


class Failed(Exception):
    """What a person is told: a problem's id and its data."""

    def __init__(self, problem: str, **data: object) -> None:
        super().__init__(problem)
        self.data = dict(data)
        self.data["localcloud_problem"] = problem


def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    """Run a command with a clean environment; its words are English, whatever the host speaks.

    Code 127: the host has no such program.
    """
    try:
        return subprocess.run(
            command, env={**ENGLISH, **environment}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: not found")


def replace_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file so that it is there whole or not at all; root's alone until it has its mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.chmod(mode)
    draft.replace(path)


class ReceiptFile:
    """``receipt.json``: {version, components: name → entry}; readable by root alone."""

    def __init__(self, directory: str) -> None:
        self.directory = Path(directory)
        self.path = self.directory / "receipt.json"
        try:
            self.content = json.loads(self.path.read_text())
        except FileNotFoundError:
            self.content = {"version": 1, "components": {}}

    def save(self) -> None:
        text = json.dumps(self.content, indent=1, sort_keys=True) + "\n"
        replace_file(self.path, text.encode())
