"""Ansible action: renders and reads the files of ``written_files`` on the controller.

Instead of its ``content``, a file may have ``lines``, or name a ``template`` or a ``source`` of the
role; a source that is a directory stands for every file in it. (``lines``, because Ansible doubles
the backslash of a ``\\n`` that an expression says.) All are sent in one round trip. The lookups
``template`` and ``file`` would do the same, but they copy every variable of the play for each file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template


class ActionModule(ActionBase):
    """Turns ``template`` and ``source`` into ``content``, then calls the module."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        for name in ("files", "secrets"):
            entries = arguments.get(name) or []
            arguments[name] = [filled for entry in entries for filled in self._filled(dict(entry))]
        return self._execute_module(
            module_name="written_files", module_args=arguments, task_vars=task_vars
        )

    def _filled(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        """The entry with its content; one for each file if its source is a directory."""
        if name := entry.pop("template", None):
            return [{**entry, "content": self._rendered(name)}]
        if name := entry.pop("source", None):
            found = Path(self._find_needle("files", name))
            if not found.is_dir():
                return [{**entry, "content": found.read_text()}]
            files = (file for file in sorted(found.rglob("*")) if file.is_file())
            return [
                {**entry, "path": f"{entry['path']}/{file.relative_to(found)}"}
                | {"content": file.read_text()}
                for file in files
                if "__pycache__" not in file.parts
            ]
        if "lines" in entry:
            entry["content"] = "".join(f"{line}\n" for line in entry.pop("lines"))
        if "content" not in entry:
            raise AnsibleActionFail(f"{entry.get('path')}: no content, lines, template or source")
        return [entry]

    def _rendered(self, name: str) -> str:
        text = Path(self._find_needle("templates", name)).read_text()
        rendered = self._templar.template(
            trust_as_template(text), escape_backslashes=False, overrides={"trim_blocks": True}
        )
        return rendered if isinstance(rendered, str) else str(rendered)
