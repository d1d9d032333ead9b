"""The controller's half of the module ``artifact``: what lies here travels over the connection.

A file goes in pieces, appended as root to its part on the host, so that a cut line costs one piece.
Nothing here is read before the host has said that it lacks the file.
"""

import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

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
                words = self._send(wanted, **waiting[wanted["dest"]])
                if words:
                    return not_sent(wanted, words)
        return {**self._module(arguments, task_vars), "changed": True}

    def _module(self, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name="artifact", module_args=arguments, task_vars=task_vars
        )
        result.pop("invocation", None)
        return result

    def _send(self, wanted: dict[str, Any], dest: str, part: str, have: int) -> str:
        """Append what the part lacks; gives the host's words if it could not take it."""
        del dest
        sha = hashlib.sha256()
        with Path(wanted["offered"]["path"]).open("rb") as stream:
            left = have
            while left:
                block = stream.read(min(left, PIECE))
                sha.update(block)
                left -= len(block)
            for piece in iter(lambda: stream.read(PIECE), b""):
                sha.update(piece)
                done = self._low_level_execute_command(
                    f"cat >> {shlex.quote(part)}", sudoable=True, in_data=piece
                )
                if done["rc"] != 0:
                    return str(done["stderr"] or done["stdout"])
        if not wanted.get("sha256"):
            wanted["sent_sha256"] = sha.hexdigest()
        return ""


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
