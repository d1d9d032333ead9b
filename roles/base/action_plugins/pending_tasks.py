"""Ansible action: looks whether task files of its role would change anything, all in one step.

Each step of a run costs a process of its own for every host, also where there is nothing to do. So
the tasks of the files are tried here in check mode, one after another, as far as to the first that
would change something; a host where none would is left out of the plays that do the work.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleTemplateError
from ansible.plugins.action import ActionBase

# What a task may say and still be tried here. Any other, or one that works elsewhere, counts as
# something to do: the play that follows finds out.
KNOWN = {"name", "when", "register", "no_log", "diff", "run_once"}
KNOWN |= {"delegate_to", "check_mode", "changed_when"}
FILES = ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks")


class ActionModule(ActionBase):
    """Puts the host into a group where one of the tasks would change something."""

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.variables = task_vars or {}
        for name in self._task.args.get("steady", []):
            self._work_out(name)
        for name in self._task.args["files"]:
            if pending := self._pending_in(name):
                group = {"add_group": self._task.args["group"], "parent_groups": ["all"]}
                return {"changed": False, "pending": pending, **group}
        return {"changed": False, "pending": ""}

    def _work_out(self, name: str) -> None:
        """Once: Ansible would compile and render it anew wherever another variable names it."""
        self._templar.available_variables = self.variables
        with suppress(AnsibleTemplateError):  # it needs what only a task would tell
            value = self._templar.template(self.variables[name])
            self.variables = {**self.variables, name: value}

    def _pending_in(self, file: str) -> str:
        """The name of its first task that would change something, or that only a run can try."""
        path = Path(self.variables["role_path"]) / "tasks" / file
        tasks = self._loader.load_from_file(str(path), trusted_as_template=True)
        return next((pending for task in tasks if (pending := self._pending(task))), "")

    def _pending(self, task: dict[str, Any]) -> str:
        self._templar.available_variables = self.variables
        words = [key for key in task if key not in KNOWN]
        try:
            conditions = task.get("when", [])
            conditions = conditions if isinstance(conditions, list) else [conditions]
            if not all(self._templar.evaluate_conditional(one) for one in conditions):
                self._keep(task, {"changed": False, "skipped": True})
                return ""
            if len(words) == 1 and words[0] in FILES:
                return self._pending_in(task[words[0]])
            return "" if len(words) == 1 and self._settled(task, words[0]) else str(task["name"])
        except AnsibleTemplateError:  # it needs what only a task before it would tell
            return str(task["name"])

    def _settled(self, task: dict[str, Any], module: str) -> bool:
        here = self.variables["inventory_hostname"]
        if self._templar.template(task.get("delegate_to", here)) != here or module == "block":
            return False
        result = self._tried(module, self._templar.template(task[module] or {}))
        self._keep(task, result)
        changed = result.get("changed") and task.get("changed_when") is not False
        # Skipped: a module that knows no check mode.
        return not (changed or result.get("failed") or result.get("skipped"))

    def _tried(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        task = self._task.copy()
        task.action, task.args, task.check_mode = module, arguments, True
        actions = self._shared_loader_obj.action_loader
        handler = actions.get(
            module if actions.has_plugin(module) else "ansible.legacy.normal",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        result: dict[str, Any] = handler.run(task_vars=self.variables)
        return result

    def _keep(self, task: dict[str, Any], result: dict[str, Any]) -> None:
        """For the tasks after it, as Ansible would."""
        if "register" in task:
            self.variables = {**self.variables, task["register"]: result}
