"""The rules of the house for roles and playbooks, as far as a machine can check them."""

import re
from pathlib import Path

import pytest
import yaml

from localcloud.cli import VERBS
from localcloud.components import load_components

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
TASK_FILES = sorted((ROOT / "roles").glob("*/tasks/*.yml"))
OWN_MODULES = {path.stem for path in (ROOT / "roles").glob("*/library/*.py")}
# Words that are no module in a task.
KEYWORDS = {
    *("name", "when", "register", "loop", "loop_control", "changed_when", "failed_when", "until"),
    *("retries", "delay", "environment", "no_log", "diff", "tags", "become", "delegate_to"),
    *(
        "notify",
        "vars",
        "check_mode",
        "run_once",
        "throttle",
        "ignore_errors",
        "ignore_unreachable",
    ),
}
FIRST_WORDS = re.compile(
    r"^(Ensure|Check|Wait for|Copy|Write|Set|Make|Create|Declare|Close|Install|Configure|Verify"
    r"|Leave out|Remove|Bring|Trust|Find|Finish|Look|Keep|Forget|Stop|Bootstrap|Prepare|Reload"
    r"|Restart)\b"
)


def load(path: Path):
    return yaml.safe_load(path.read_text())


def tasks_of(path: Path) -> list[dict]:
    """The tasks of a file, those in blocks, too."""
    return unfolded(load(path) or [])


def unfolded(tasks: list[dict]) -> list[dict]:
    found = []
    for task in tasks:
        parts = [task[key] for key in ("block", "rescue", "always") if key in task]
        found += [one for part in parts for one in unfolded(part)] if parts else [task]
    return found


def module_of(task: dict) -> str:
    names = [key for key in task if key not in KEYWORDS]
    assert len(names) == 1, f"{task['name']}: {names}"
    return names[0]


def by_role(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("role", ROLES, ids=by_role)
def test_every_setting_is_declared_once_with_its_meaning(role):
    defaults = load(role / "defaults/main.yml") or {}
    specs = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    commented = set(
        re.findall(rf"(?m)^# ({role.name}_\w+):", (role / "defaults/main.yml").read_text())
    )
    required = {name for name, spec in specs.items() if spec.get("required")}
    assert required == commented, "required settings are commented out in defaults, never faked"
    ours = {name for name in defaults if not name.startswith("__")}
    assert ours == set(specs) - required
    for name, spec in specs.items():
        assert name.startswith(f"{role.name}_")
        assert spec.get("type") and spec.get("description", "").strip().endswith(".")
        assert "default" not in spec, "the only default stands in defaults/main.yml"


@pytest.mark.parametrize("role", ROLES, ids=by_role)
def test_main_only_includes_the_other_task_files(role):
    for task in tasks_of(role / "tasks/main.yml"):
        assert module_of(task).endswith(("import_tasks", "include_tasks")), task["name"]


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda p: f"{p.parts[-3]}/{p.stem}")
def test_tasks_are_named_qualified_and_idempotent(path):
    assert len(path.read_text().splitlines()) <= 140
    for task in tasks_of(path):
        assert FIRST_WORDS.match(task["name"]), task["name"]
        module = module_of(task)
        assert module in OWN_MODULES or module.startswith("ansible.builtin."), module
        if module in ("ansible.builtin.command", "ansible.builtin.raw"):
            arguments = task[module] if isinstance(task[module], dict) else {}
            known = "changed_when" in task or {"creates", "removes"} & set(arguments)
            assert known, f"{task['name']}: when does it change something?"
        assert module != "ansible.builtin.shell"
        # A look at hosts that may be dead: Ansible ends the play for them where it runs once.
        assert "ignore_errors" not in task or task.get("ignore_unreachable")
        variable = task.get("register", "__")
        assert variable.startswith("__"), f"internal names begin with __: {variable}"


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda p: f"{p.parts[-3]}/{p.stem}")
def test_tasks_that_carry_a_secret_never_show_it(path):
    secrets = {name for c in load_components().values() for name in c.meta.get("secrets", {})}
    for task in tasks_of(path):
        carries = any(name in yaml.safe_dump(task) for name in secrets) or (
            "secrets.env" in yaml.safe_dump(task) and "template" in module_of(task)
        )
        if carries:
            assert task.get("no_log") is True, task["name"]


def strings_of(found) -> list[str]:
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        return [text for one in found for text in strings_of(one)]
    return [found] if isinstance(found, str) else []


@pytest.mark.parametrize("role", ROLES, ids=by_role)
def test_no_expression_says_a_line_break_in_backslashes(role):
    """Ansible doubles the backslash: a file would end with the two signs. written_files: lines."""
    places = ("tasks", "vars", "defaults")
    for file in sorted(file for place in places for file in (role / place).rglob("*.yml")):
        for text in strings_of(load(file)):
            for expression in re.findall(r"\{\{.*?\}\}", text, re.DOTALL):
                assert not re.search(r"\\[nrt]", expression), f"{file.name}: {expression}"


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda p: p.stem)
def test_playbooks_are_verbs_and_hold_only_roles(path):
    assert path.stem in VERBS
    allowed = {
        "name",
        "hosts",
        "gather_facts",
        "become",
        "environment",
        "roles",
        "tasks",
        "serial",
        "tags",
    }
    for play in load(path):
        assert set(play) <= allowed
        assert play["environment"] == {"LOCALCLOUD_RUN": "{{ localcloud_run.id }}"}
        for task in play.get("tasks", []):
            module = module_of(task).removeprefix("ansible.builtin.")
            steering = module == "meta" and task[f"ansible.builtin.{module}"] == "end_host"
            assert steering or module in ("import_role", "include_role"), task["name"]


def test_every_component_is_a_role_a_tag_and_a_scenario():
    text = {path.stem: path.read_text() for path in PLAYBOOKS}
    components = [c for c in load_components().values() if c.group]
    assert components
    for component in components:
        assert (ROOT / "molecule" / component.name / "molecule.yml").is_file()
        for verb in ("install", "verify", "reset"):
            assert f"tags: [{component.name}]" in text[verb], (verb, component.name)
        for name in ("main", "install", "configure", "verify", "remove"):
            assert (ROOT / "roles" / component.name / "tasks" / f"{name}.yml").is_file()


def test_python_names_no_setting():
    """What Python must know of a role the role declares in meta/localcloud.yml."""
    settings = {name for c in load_components().values() for name in c.settings}
    found = []
    for path in (ROOT / "localcloud").rglob("*.py"):
        if "lab" in path.parts or path.parts[-2] == "problems":
            continue  # the lab writes a site as a person would; remedies name what to set
        words = set(re.findall(r"[\"'](\w+)[\"']", path.read_text()))
        found += [f"{path.relative_to(ROOT)}: {name}" for name in words & settings]
    assert found == []


def test_pins_have_hashes():
    files = ROOT / "roles/jupyterhub/files"
    locks = sorted((ROOT / "roles").glob("*/files/*.txt"))
    assert {lock.parents[1].name for lock in locks} == {"jupyterhub", "tljh"}
    for lock in locks:
        text = lock.read_text()
        pins = re.findall(r"(?m)^[a-z0-9][^\s=]*==\S+", text)
        assert pins and len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pins)
        for block in re.split(r"(?m)^(?=[a-z0-9])", text)[1:]:
            assert "--hash=sha256:" in block, block.splitlines()[0]
    packages = load(files / "proxy/package-lock.json")["packages"]
    for name, package in packages.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, "a mirror must be able to serve it"


def test_sample_sites_validate(tmp_path):
    import shutil

    from localcloud.site import load_site

    samples = sorted(path.parent for path in (ROOT / "inventories").glob("*/hosts.yml"))
    assert samples
    for sample in samples:
        copy = tmp_path / sample.name
        shutil.copytree(sample, copy)
        assert load_site(copy, need_secrets=False).hosts
