"""Ansible action: brings the cluster's kubeconfig into the site, with an address people reach.

Written here, without Ansible's connection to this computer: that takes most of a second.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

OWN = "https://127.0.0.1:6443"  # what k3s writes


class ActionModule(ActionBase):
    """Reads ``src`` on the host and writes ``dest`` on this computer, for its owner alone."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        words = self._task.args
        read = self._execute_module(
            module_name="ansible.builtin.slurp",
            module_args={"src": words["src"]},
            task_vars=task_vars,
        )
        if read.get("failed"):
            return dict(read)
        text = base64.b64decode(read["content"]).decode().replace(OWN, str(words["url"]))
        return {"changed": write(Path(words["dest"]), text)}


def write(path: Path, text: str) -> bool:
    """Whether the file had another text, or was open to others. Never half a file."""
    if path.is_file() and path.stat().st_mode & 0o777 == 0o600 and path.read_text() == text:
        return False
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".kubeconfig-")  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(part).replace(path)
    return True
