"""The look whether a role's task files would change anything, by a real ansible-playbook."""

import getpass
import grp
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
OWNER = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


@pytest.fixture
def pending(tmp_path):
    """``pending(tasks, more)``: which task of the role's ``work.yml`` would change something, and
    whether the play for such hosts was played. ``more``: another file of tasks, ``more.yml``;
    ``steady``: variables that are worked out once."""

    def look(
        tasks: list[dict], more: list[dict] | None = None, steady: dict[str, str] | None = None
    ) -> tuple[str, bool]:
        words = {**LOOK["pending_tasks"], "steady": list(steady or {})}
        files = {"look": [{**LOOK, "pending_tasks": words}], "work": tasks, "more": more or []}
        folder = tmp_path / "roles/trial/tasks"
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / f"{name}.yml").write_text(yaml.safe_dump(content))
        (folder.parent / "vars").mkdir(exist_ok=True)
        place = {"__trial_place": str(tmp_path / "made"), **(steady or {})}
        (folder.parent / "vars/main.yml").write_text(yaml.safe_dump(place))
        (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAYS))
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "here,", "play.yml"],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_ROLES_PATH": f"{tmp_path}/roles:{ROLES}",
                "ANSIBLE_LIBRARY": str(ROLES / "base/library"),
                "ANSIBLE_ACTION_PLUGINS": str(ROLES / "base/action_plugins"),
                "ANSIBLE_MODULE_UTILS": str(ROLES / "base/module_utils"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
                "ANSIBLE_NOCOLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        line = next(line for line in done.stdout.splitlines() if "pending=" in line)
        return line.partition("pending=")[2].strip('"'), "at work" in done.stdout

    return look


LOOK = {
    "name": "Look",
    "pending_tasks": {"files": ["work.yml"], "group": "trial_pending"},
    "register": "__trial_pending",
}
SHOW = {"name": "Show", "ansible.builtin.debug": {"msg": "pending={{ __trial_pending.pending }}"}}
PLAY = {"gather_facts": False, "connection": "local"}
HERE = {"ansible_python_interpreter": sys.executable}
IMPORT = {"name": "Look", "ansible.builtin.import_role": {"name": "trial", "tasks_from": "look"}}
WORK = {"name": "Work", "ansible.builtin.debug": {"msg": "at work"}}
PLAYS = [
    {"name": "Look", "hosts": "all", **PLAY, "vars": HERE, "tasks": [IMPORT, SHOW]},
    {"name": "Work", "hosts": "trial_pending", **PLAY, "tasks": [WORK]},
]


def writes(name: str, content: str = "text\n", **more) -> dict:
    file = {"path": "{{ __trial_place }}", "content": content, "mode": "0644", **OWNER}
    return {"name": name, "written_files": {"files": [file]}, **more}


def test_a_host_that_lacks_something_is_worked_on_and_not_before(pending, tmp_path):
    assert pending([writes("Write it")]) == ("Write it", True)
    assert not (tmp_path / "made").exists(), "a look changes nothing"
    (tmp_path / "made").write_text("text\n")
    (tmp_path / "made").chmod(0o644)
    assert pending([writes("Write it")]) == ("", False)


def test_conditions_see_what_tasks_before_them_said(pending, tmp_path):
    (tmp_path / "made").write_text("text\n")
    (tmp_path / "made").chmod(0o644)
    first = writes("Write it", register="__trial_written")
    settled = [first, writes("Write again", "other\n", when="__trial_written is changed")]
    assert pending(settled) == ("", False)
    skipped = writes("Never", "other\n", when=["false"], register="__trial_skipped")
    after = writes("Write again", "other\n", when="__trial_skipped is skipped")
    assert pending([skipped, after]) == ("Write again", True)


@pytest.mark.parametrize(
    "task",
    [
        {"loop": ["a"], "ansible.builtin.debug": {"msg": "x"}},
        {"delegate_to": "elsewhere", "ansible.builtin.debug": {"msg": "x"}},
        {"ansible.builtin.command": {"argv": ["true"]}, "changed_when": False},
        {"ansible.builtin.debug": {"msg": "{{ __trial_only_a_run_knows }}"}},
        {"ansible.builtin.fail": {"msg": "wrong"}},
        {"block": [{"name": "Inner", "ansible.builtin.debug": {"msg": "x"}}]},
    ],
    ids=["loop", "elsewhere", "no check mode", "undefined", "fails", "block"],
)
def test_what_cannot_be_tried_counts_as_work_unless_its_condition_is_false(pending, task):
    task = {"name": "Ensure the rest", **task}
    assert pending([task]) == ("Ensure the rest", True)
    assert pending([{**task, "when": "false"}]) == ("", False)


def test_files_that_are_included_are_looked_at_too(pending):
    include = {"name": "Include", "ansible.builtin.include_tasks": "more.yml"}
    assert pending([include], [writes("Write it")]) == ("Write it", True)
    assert pending([{**include, "when": False}], [writes("Write it")]) == ("", False)


def test_a_look_that_is_no_change_is_none(pending):
    look = writes("Find it", changed_when=False, check_mode=True, register="__trial_found")
    assert pending([look]) == ("", False)


def test_what_is_steady_is_worked_out_once_and_what_a_task_tells_only_then(pending, tmp_path):
    steady = {
        "__trial_text": "{{ lookup('ansible.builtin.pipe', 'echo x >> %s; echo x') }}",
        "__trial_later": "{{ 'made' if __trial_told.stat.exists else 'missing' }}",
    }
    steady["__trial_text"] = steady["__trial_text"].replace("%s", str(tmp_path / "count"))
    said = {"name": "Say it", "ansible.builtin.debug": {"msg": "{{ __trial_text }}"}}
    told = {"name": "Tell it", "ansible.builtin.stat": {"path": "/"}, "register": "__trial_told"}
    wrote = writes("Write it", "{{ __trial_text }} {{ __trial_later }}\n")
    assert pending([said, told, wrote], steady=steady) == ("Write it", True)
    assert (tmp_path / "count").read_text() == "x\n"
    (tmp_path / "made").write_text("x made\n")
    (tmp_path / "made").chmod(0o644)
    assert pending([said, told, wrote], steady=steady) == ("", False)
