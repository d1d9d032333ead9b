"""The controller's half of the module ``artifact``: what lies here travels over SSH.

What arrives is appended as root to the file's part on the host, so that a cut line costs little.
Nothing here is read before the host has said that it lacks the file. The bytes go through an ssh of
their own: through Mitogen's connection they take five times as long.
"""

import hashlib
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

PIECE = 8 << 20


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module; sends what it is waiting for; runs it again, which checks and renames."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        site = Path((task_vars or {}).get("localcloud_run", {}).get("site", "."))
        arguments = dict(self._task.args)
        folder = arguments.get("local_dir") or ""
        files = [offer(dict(wanted), folder, site) for wanted in arguments["files"]]
        for wanted in files:
            if wanted.get("local") and not wanted.get("offered"):
                return missing(wanted)
        arguments["files"] = files
        result = self._module(arguments, task_vars)
        pending = result.get("pending") or []
        if result.get("failed") or not pending:
            return result
        waiting = {entry["dest"]: entry for entry in pending}
        for wanted in files:
            if wanted["dest"] in waiting:
                place = waiting[wanted["dest"]]
                words = self._send(wanted, place["part"], place["have"], task_vars)
                if words:
                    return not_sent(wanted, words)
        return {**self._module(arguments, task_vars), "changed": True}

    def _module(self, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name="artifact", module_args=arguments, task_vars=task_vars
        )
        result.pop("invocation", None)
        return result

    def _send(self, wanted: dict[str, Any], part: str, have: int, task_vars: Any) -> str:
        """Append what the part lacks; gives the host's words if it could not take it."""
        command = f"cat >> {shlex.quote(part)}"
        path = Path(wanted["offered"]["path"])
        with path.open("rb") as stream:
            if not wanted.get("sha256"):
                wanted["sent_sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(have)
            line = self._ssh(command, task_vars) if self._is_ssh(task_vars) else []
            if line:
                # Not `stream` itself for both: ssh reads from the file's own position.
                with path.open("rb", buffering=0) as own:
                    own.seek(have)
                    done = subprocess.run(line, stdin=own, capture_output=True, check=False)
                if done.returncode != 255:  # 255: ssh itself could not; Ansible's road may
                    return "" if done.returncode == 0 else done.stderr.decode(errors="replace")
                have_now = self._low_level_execute_command(f"stat -c %s {shlex.quote(part)}")
                stream.seek(int(have_now["stdout"].strip() or 0))
            for piece in iter(lambda: stream.read(PIECE), b""):
                sent = self._low_level_execute_command(command, sudoable=True, in_data=piece)
                if sent["rc"] != 0:
                    return str(sent["stderr"] or sent["stdout"])
        return ""

    def _is_ssh(self, task_vars: Any) -> bool:
        kind = self._templar.template(task_vars.get("ansible_connection", "ssh"))
        method = self._templar.template(task_vars.get("ansible_become_method", "sudo"))
        return kind in ("ssh", "mitogen_ssh") and method == "sudo"

    def _ssh(self, command: str, task_vars: Any) -> list[str]:
        """The line that runs a command as root on the task's host, with Ansible's own options."""

        def value(name: str, default: Any = "") -> str:
            return str(self._templar.template(task_vars.get(name, default)) or "")

        options = constants.config.get_config_value(
            "ssh_args", plugin_type="connection", plugin_name="ssh"
        )
        line = ["ssh", "-o", "BatchMode=yes", *shlex.split(options or "")]
        for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args"):
            line += shlex.split(value(name))
        for letter, name in (("-p", "port"), ("-l", "user"), ("-i", "ssh_private_key_file")):
            line += [letter, value(f"ansible_{name}")] if value(f"ansible_{name}") else []
        run = task_vars.get("localcloud_run", {}).get("id", "")
        as_root = f"env LOCALCLOUD_RUN={shlex.quote(str(run))} sh -c {shlex.quote(command)}"
        if value("ansible_user") != "root":
            as_root = f"sudo -n {as_root}"
        return [*line, value("ansible_host", task_vars["inventory_hostname"]), as_root]


def offer(wanted: dict[str, Any], folder: str, site: Path) -> dict[str, Any]:
    """Say what this computer has of a file: path, size and time, not its content."""
    file = (wanted.get("url") or "").rpartition("/")[2].replace("%2B", "+")
    places: list[Path] = []
    if wanted.get("local"):
        places = [site / Path(wanted["local"]).expanduser()]
    elif folder and file:
        root = site / Path(folder).expanduser()
        places = [root / wanted["name"] / str(wanted.get("version") or ""), root]
        places = [place / file for place in places]
    for place in places:
        if place.is_file():
            stat = place.stat()
            known = {"path": str(place), "size": stat.st_size, "mtime": stat.st_mtime_ns}
            return {**wanted, "offered": known}
    return wanted


def problem(name: str, wanted: dict[str, Any], **data: str) -> dict[str, Any]:
    file = Path(wanted.get("local") or wanted["dest"]).name
    words = {"file": file, "name": wanted["name"], **data}
    words["localcloud_problem"] = name
    return {"failed": True, "msg": json.dumps(words)}


def missing(wanted: dict[str, Any]) -> dict[str, Any]:
    return problem("artifact_local_missing", wanted, path=str(wanted["local"]))


def not_sent(wanted: dict[str, Any], words: str) -> dict[str, Any]:
    place = str(Path(wanted["dest"]).parent)
    if "No space left" in words:
        return problem("artifact_no_space", wanted, path=place, needs="?", has="0 MiB")
    return problem("artifact_unwritable", wanted, path=place, details=words)
