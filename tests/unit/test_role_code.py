"""The Python that roles bring to a host: names, certificates, receipt, restarts."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.role_code import load

unix_users = load("jupyterhub/files/lib/unix_users.py")
internal_ca = load("jupyterhub/files/lib/internal_ca.py")
names = load("jupyterhub/files/lib/names.py")
common_passwords = load("jupyterhub/files/lib/common_passwords.py")
receipt = load("base/library/receipt.py")
current_units = load("base/library/current_units.py")
locked_packages = load("base/library/locked_packages.py")


@pytest.mark.parametrize(
    ("hub_name", "unix_name"),
    [
        ("ana", "jupyter-ana"),
        ("20231234", "jupyter-20231234"),
        ("a" * 17, "jupyter-" + "a" * 17),  # 25 characters: the longest that stays whole
        # Computed with the rule of The Littlest JupyterHub (generate_system_username).
        ("estudiante.con.nombre.muy.largo", "jupyter-estudiante.con.nom-76bec"),
    ],
)
def test_unix_names_follow_the_rule_of_tljh(hub_name, unix_name):
    assert unix_users.unix_name(hub_name) == unix_name
    assert len(unix_name) <= 32


def test_long_names_that_begin_alike_stay_apart():
    names = {unix_users.unix_name("estudiante.de.bioinformatica." + end) for end in "abc"}
    assert len(names) == 3


def test_only_the_hubs_own_unix_users_are_ever_removed():
    with pytest.raises(ValueError, match="root"):
        unix_users.remove_user("root")


def test_a_name_that_cannot_be_is_answered_with_the_rule():
    class SignUp:
        def get_result_message(self, _user):
            return "alert-danger", (
                "Something went wrong!\nBe sure your username does not contain spaces, commas or "
                "slashes, your password has at least 10 characters and is not too common."
            )

    names.add_to(SignUp)
    _alert, said = SignUp().get_result_message(None)
    assert "a–z (no accents)" in said and "commas" not in said


@pytest.mark.parametrize(
    ("password", "common"),
    [
        ("contraseña", True),
        ("Contrasen\u0303a", True),  # the same, with the tilde as a sign of its own
        ("Contraseña2026!", True),
        ("123contrasena", True),
        ("universidad", True),
        ("te amo mucho", True),
        ("estudiante_1", True),
        ("barcelonabarcelona", True),
        ("password12", True),  # NativeAuthenticator's own list
        ("una contraseña de verdad larga", False),
        ("x7-contraseña-q9", False),
        ("0123456789", False),  # that list's business, too
    ],
)
def test_what_many_people_choose_in_spanish_is_refused(password, common):
    class NativeAuthenticator:
        def is_password_common(self, password):
            return password == "password12"

    common_passwords.add_to(NativeAuthenticator)
    assert NativeAuthenticator().is_password_common(password) is common


def verify(directory: Path, certificate: Path) -> subprocess.CompletedProcess:
    command = ["openssl", "verify", "-x509_strict", "-CAfile", directory / "ca.crt", certificate]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_certificate_stands_strict_checks_and_stays(tmp_path):
    assert internal_ca.ensure(tmp_path, "hub.uni.edu") is True
    assert verify(tmp_path, tmp_path / "server.crt").returncode == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert internal_ca.ensure(tmp_path, "hub.uni.edu") is False
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert {oct(p.stat().st_mode & 0o777) for p in tmp_path.glob("*.key")} == {"0o600"}


def test_the_authority_signs_for_its_own_name_only(tmp_path):
    internal_ca.ensure(tmp_path, "hub.uni.edu")
    internal_ca.make_server(tmp_path, "bank.example.com")
    refused = verify(tmp_path, tmp_path / "server.crt")
    assert refused.returncode != 0 and "permitted subtree violation" in refused.stderr


def test_an_address_instead_of_a_name(tmp_path):
    internal_ca.ensure(tmp_path, "192.0.2.7")
    assert verify(tmp_path, tmp_path / "server.crt").returncode == 0


def test_a_key_of_another_run_makes_a_new_certificate_not_a_new_authority(tmp_path):
    internal_ca.ensure(tmp_path, "hub.uni.edu")
    authority = (tmp_path / "ca.crt").read_bytes()
    other = tmp_path / "other"
    internal_ca.ensure(other, "hub.uni.edu")
    (tmp_path / "server.key").write_bytes((other / "server.key").read_bytes())
    assert internal_ca.ensure(tmp_path, "hub.uni.edu") is True
    assert (tmp_path / "ca.crt").read_bytes() == authority


def test_another_name_makes_another_authority(tmp_path):
    internal_ca.ensure(tmp_path, "hub.uni.edu")
    authority = (tmp_path / "ca.crt").read_bytes()
    assert internal_ca.ensure(tmp_path, "hub.otra.edu") is True
    assert (tmp_path / "ca.crt").read_bytes() != authority


class Refused(Exception):
    pass


def module_double(directory: Path, **parameters):
    """A stand-in for AnsibleModule: its parameters, and a failure that can be caught."""
    known = {
        **{"component": "hub", "version": "1", "user_group": "", "homes": ""},
        **{"facts": {}, "people": {}},
        **{key: [] for key in ("paths", "data_paths", "units", "groups", "after_removal")},
        **{"keep_packages": True, "delete_data": False, "directory": str(directory)},
    }

    def fail_json(msg, **_more):
        raise Refused(msg)

    return SimpleNamespace(params={**known, **parameters}, check_mode=False, fail_json=fail_json)


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A directory that plays the host, and no command that reaches the real one."""
    monkeypatch.setattr(receipt, "run", lambda *_c: SimpleNamespace(stdout="", returncode=0))
    monkeypatch.setattr(receipt, "installed_packages", lambda: ["bash"])
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "motd").write_text("as it was")
    return tmp_path


def declare(host: Path, **parameters) -> None:
    memory = receipt.Receipt(host / "memory")
    receipt.declare(module_double(host / "memory", **parameters), memory)
    memory.save()


def remove(host: Path, **parameters) -> dict:
    memory = receipt.Receipt(host / "memory")
    found: dict = receipt.remove(module_double(host / "memory", **parameters), memory)
    return found


def test_removal_gives_back_what_was_there_and_takes_the_rest(host):
    made = host / "opt" / "kit" / "hub"
    declare(host, paths=[str(host / "etc/motd"), str(made)])
    (host / "etc/motd").write_text("changed")
    made.mkdir(parents=True)
    (made / "file").write_text("ours")
    declare(host, paths=[str(host / "etc/motd"), str(made)])  # a second run remembers the first
    assert remove(host)["changed"] is True
    assert (host / "etc/motd").read_text() == "as it was"
    assert not (host / "opt").exists(), "parents that were made on the way go, too"
    assert not (host / "memory").exists()


def test_a_shared_parent_goes_with_the_last_component_in_it(host):
    """Its maker may go first, while another component still has something there."""
    for name in ("hub", "k3s"):
        declare(host, component=name, paths=[str(host / "opt/kit" / name)])
        (host / "opt/kit" / name).mkdir(parents=True)
    remove(host, component="hub")
    assert (host / "opt/kit/k3s").is_dir()
    remove(host, component="k3s")
    assert not (host / "opt").exists()


def test_people_s_data_stay_unless_their_deletion_is_asked_for(host):
    shared = host / "srv" / "shared"
    declare(host, data_paths=[str(shared)])
    shared.mkdir(parents=True)
    (shared / "course.csv").write_text("1,2")
    remove(host)
    assert (shared / "course.csv").exists()
    declare(host, data_paths=[str(shared)])
    memory = receipt.Receipt(host / "memory")
    assert memory.component("hub")["paths"][str(shared)]["was"] == "directory"


def test_the_receipt_is_for_root_alone(host):
    declare(host)
    assert (host / "memory" / "receipt.json").stat().st_mode & 0o777 == 0o600
    assert (host / "memory").stat().st_mode & 0o777 == 0o700


def test_packages_that_came_are_known_even_after_a_kill(host, monkeypatch):
    declare(host)
    monkeypatch.setattr(receipt, "installed_packages", lambda: ["bash", "git"])
    declare(host)  # the run after the killed one
    memory = receipt.Receipt(host / "memory")
    receipt.settle(module_double(host / "memory"), memory)
    assert memory.component("hub")["packages"] == ["git"]


def test_who_knows_no_facts_leaves_those_of_another(host):
    declare(host)
    memory = receipt.Receipt(host / "memory")
    receipt.settle(module_double(host / "memory", facts={"default": "nfs"}), memory)
    receipt.settle(module_double(host / "memory", facts=None), memory)
    assert memory.component("hub")["facts"] == {"default": "nfs"}
    receipt.settle(module_double(host / "memory", facts={}), memory)
    assert memory.component("hub")["facts"] == {}


def test_what_cannot_be_removed_is_said(host, monkeypatch):
    stubborn = host / "stubborn"
    declare(host, paths=[str(stubborn)])
    stubborn.write_text("")
    monkeypatch.setattr(receipt, "give_back", lambda *_a: None)
    with pytest.raises(Refused) as refusal:
        remove(host)
    said = json.loads(str(refusal.value))
    assert said["localcloud_problem"] == "reset_left" and "stubborn" in said["left"]
    assert (host / "memory" / "receipt.json").exists(), "the next reset still knows"


@pytest.mark.parametrize(
    ("state", "newer", "steps"),
    [
        ({"UnitFileState": "disabled", "ActiveState": "inactive"}, False, ["enable", "start"]),
        ({"UnitFileState": "enabled", "ActiveState": "active"}, False, []),
        ({"UnitFileState": "enabled", "ActiveState": "active"}, True, ["restart"]),
        ({"UnitFileState": "enabled", "ActiveState": "failed"}, False, ["start"]),
        ({"UnitFileState": "enabled", "ActiveState": "activating"}, False, []),
        ({"UnitFileState": "enabled", "ActiveState": "activating"}, True, ["restart"]),
    ],
)
def test_units_are_restarted_when_what_they_read_is_newer(tmp_path, state, newer, steps):
    file = tmp_path / "settings"
    file.write_text("")
    moment = int(file.stat().st_ctime) + (-100 if newer else 100)
    state["ActiveEnterTimestamp"] = f"@{moment}"
    assert current_units.steps_for({"name": "x", "files": [str(file)]}, state) == steps


def test_what_a_slow_start_read_is_as_old_as_its_program(tmp_path):
    file = tmp_path / "settings"
    file.write_text("")
    moment = int(file.stat().st_ctime)
    state = {"UnitFileState": "enabled", "ActiveState": "active"}
    state |= {"ExecMainStartTimestamp": f"@{moment - 30}", "ActiveEnterTimestamp": f"@{moment + 9}"}
    assert current_units.steps_for({"name": "x", "files": [str(file)]}, state) == ["restart"]


def test_a_dry_run_knows_which_units_its_files_would_restart():
    state = {"UnitFileState": "enabled", "ActiveState": "active", "ActiveEnterTimestamp": "@9"}
    unit = {"name": "x", "files": ["/nowhere/settings"]}
    assert current_units.steps_for(unit, state, ["/nowhere/settings"]) == ["restart"]
    assert current_units.steps_for(unit, state, ["/nowhere/else"]) == []


@pytest.mark.parametrize(("tries", "good"), [(1, False), (2, False), (3, True)])
def test_a_service_that_gives_up_its_first_start_is_started_again(monkeypatch, tries, good):
    """``restart`` would first wait for what is not there any more."""
    asked = []

    def systemctl(step, name):
        asked.append(step)
        return SimpleNamespace(returncode=int(len(asked) < 3))

    monkeypatch.setattr(current_units, "systemctl", systemctl)
    done = current_units.carried_out("restart", {"name": "k3s.service", "tries": tries})
    assert (done.returncode == 0) is good
    assert asked == ["restart", "start", "start"][:tries]


def test_a_start_that_a_killed_run_left_is_awaited_and_a_unit_put_aside_is_not():
    starting = {"ActiveState": "activating"}
    assert current_units.under_way({"name": "k3s.service", "until": ["true"]}, starting)
    assert not current_units.under_way({"name": "x", "enabled": False}, starting)
    assert not current_units.under_way({"name": "x"}, {"ActiveState": "active"})


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Writes a systemctl that is a shell script."""
    program = tmp_path / "systemctl"

    def write(script: str) -> None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    real = subprocess.Popen
    monkeypatch.setattr(
        current_units.subprocess,
        "Popen",
        lambda words, **more: real(
            [program if "systemctl" in words[0] else words[0], *words[1:]], **more
        ),
    )
    return write


def test_a_unit_that_serves_while_it_starts_need_not_be_waited_for(systemctl):
    systemctl("exec sleep 60")
    unit = {"name": "k3s.service", "until": ["true"]}
    assert current_units.carried_out("start", unit).returncode == 0


def test_a_start_that_fails_before_it_serves_is_a_failure(systemctl):
    systemctl("sleep 0.1; echo 'Job failed' >&2; exit 1")
    unit = {"name": "k3s.service", "until": ["false"], "tries": 2}
    done = current_units.carried_out("start", unit)
    assert done.returncode == 1 and "Job failed" in done.stderr


def test_an_environment_is_complete_only_for_the_very_same_lock():
    base = {
        **{"manager": "uv", "lock": "a==1", "manifest": "", "extra": [], "build_lock": ""},
        "system_site_packages": False,
    }
    first = locked_packages.digest(base)
    assert locked_packages.digest(base) == first
    assert locked_packages.digest({**base, "lock": "a==2"}) != first
    assert locked_packages.digest({**base, "extra": ["numpy"]}) != first
