"""Runs: what Ansible is told, what comes back, what is written down, and what is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localcloud import hostlock, leftovers, records, runner
from localcloud.errors import LocalcloudError, UsageError
from localcloud.redaction import forms
from tests.doubles import ansible_site
from tests.unit import run_cases

LINKS = ("control", "scratch")


@pytest.fixture
def standins(monkeypatch):
    run_cases.use_standins(monkeypatch)


@pytest.fixture
def site(tmp_path):
    return ansible_site.make(tmp_path / "campus")


class RunnerDouble:
    """Stands in for ansible-runner: notes what it is told, runs nothing."""

    def __init__(self, told):
        self.told = told
        self.rc = 0
        self.config = self
        self.env = {**os.environ, **told["envvars"], "ANSIBLE_STDOUT_CALLBACK": "awx_display"}
        self.command = ["ansible-playbook", "--from-ansible-runner"]

    def run(self):
        self.ran = True


@pytest.fixture
def told(monkeypatch):
    """Run without Ansible; gives what ansible-runner was told and the process it would start."""
    import ansible_runner

    made = []
    monkeypatch.setattr(
        ansible_runner.interface,
        "init_runner",
        lambda **told: made.append(RunnerDouble(told)) or made[-1],
    )
    return made


def test_playbook_inventory_and_flags_are_exactly_these(told, site):
    site.vault_key.write_text("key\n")
    runner.run("install", site, limit="here", tags="jupyterhub", flags={"delete_data": True})
    words = told[0].told
    extra = words["extravars"].pop("localcloud_run")
    run_id = extra.pop("id")
    assert extra == {
        "verb": "install",
        "site": str(site.directory),
        "delete_data": True,
        "without_python": [],
    }
    assert run_id.split("-")[1] == "install"
    assert words["extravars"] == {}
    assert words["playbook"] == str(runner.playbooks_dir() / "install.yml")
    assert Path(words["playbook"]).is_file()
    assert words["inventory"] == str(site.directory / "hosts.yml")
    assert words["cmdline"] == f"--vault-password-file {site.directory}/secrets.key"
    assert (words["limit"], words["tags"]) == ("here", "jupyterhub")
    assert words["suppress_env_files"] is True


def test_a_dry_run_only_adds_check_and_diff(told, site):
    runner.run("install", site, dry_run=True)
    assert told[0].told["cmdline"] == "--check --diff"
    assert told[0].told["limit"] is None


def test_the_callers_environment_stays_outside(told, site, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abc")
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "False")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/elsewhere")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    runner.run("install", site)
    env = told[0].env
    assert "MY_TOKEN" not in env and "ANSIBLE_VAULT_PASSWORD_FILE" not in env
    assert env["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert env["SSH_AUTH_SOCK"] == "/run/agent"
    assert env["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert f'UserKnownHostsFile="{site.known_hosts}"' in env["ANSIBLE_SSH_ARGS"]
    assert "StrictHostKeyChecking=yes" in env["ANSIBLE_SSH_ARGS"]
    assert env["ANSIBLE_STDOUT_CALLBACK"] == "awx_display", "events would not reach us"


@pytest.mark.parametrize(
    ("asked", "strategy"), [("mitogen", "mitogen_linear"), ("stock", None), ("", "mitogen_linear")]
)
def test_mitogen_is_used_where_its_versions_were_tried(told, site, monkeypatch, asked, strategy):
    monkeypatch.setenv("LOCALCLOUD_STRATEGY", asked)
    monkeypatch.setattr(
        runner.strategy, "installed", lambda: runner.strategy.Versions("2.19.14", "0.3.54")
    )
    result = runner.run("install", site)
    assert told[0].env.get("ANSIBLE_STRATEGY") == strategy
    assert result.strategy == ("stock" if strategy is None else "mitogen")


def test_what_a_killed_task_leaves_lies_in_a_folder_of_the_run(told, site):
    """Mitogen's modules would leave theirs in /tmp, here and on every host, for good."""
    runner.run("install", site)
    scratch = Path(told[0].env["ANSIBLE_REMOTE_TMP"])
    assert scratch.name.startswith("localcloud-tasks-") and not scratch.exists()
    runner.run("install", site)
    assert Path(told[1].env["ANSIBLE_REMOTE_TMP"]) != scratch, "nobody knows it before"


def test_an_untried_pair_of_versions_falls_back_to_stock(told, site, monkeypatch):
    monkeypatch.delenv("LOCALCLOUD_STRATEGY", raising=False)
    monkeypatch.setattr(
        runner.strategy, "installed", lambda: runner.strategy.Versions("2.99.0", "0.3.54")
    )
    assert runner.run("install", site).strategy == "stock"
    assert "ANSIBLE_STRATEGY" not in told[0].env


def test_a_strategy_nobody_knows_is_refused(told, site, monkeypatch):
    monkeypatch.setenv("LOCALCLOUD_STRATEGY", "magic")
    with pytest.raises(UsageError, match="magic"):
        runner.run("install", site)
    assert told == []


def _locks(monkeypatch, pythons):
    held = {name: hostlock.Held(None, None, python) for name, python in pythons.items()}

    @contextlib.contextmanager
    def hold(*_arguments):
        yield hostlock.Locks(held)

    monkeypatch.setattr(hostlock, "hold", hold)
    monkeypatch.setattr(leftovers, "end_on_hosts", lambda *_a, **_k: {})


def test_bare_hosts_get_stock_and_are_named_to_the_roles(told, tmp_path, monkeypatch):
    site = ansible_site.make(tmp_path / "s", ("bare", "full"))
    _locks(monkeypatch, {"bare": "", "full": "/usr/bin/python3"})
    monkeypatch.setenv("LOCALCLOUD_STRATEGY", "mitogen")
    result = runner.run("install", site)
    assert result.strategy == "stock"
    extra = told[0].told["extravars"]["localcloud_run"]
    assert result.run_id == extra["id"]
    assert extra["without_python"] == ["bare"]
    assert told[0].env["ANSIBLE_PYTHON_INTERPRETER"] == "/usr/bin/python3"


def test_a_dry_run_leaves_bare_hosts_out(told, tmp_path, monkeypatch):
    site = ansible_site.make(tmp_path / "s", ("bare", "full"))
    _locks(monkeypatch, {"bare": "", "full": "/usr/bin/python3"})
    result = runner.run("install", site, dry_run=True)
    assert told[0].told["limit"] == "all,!bare"
    assert result.left_out == ["bare"]
    _locks(monkeypatch, {"bare": "", "full": ""})
    assert runner.run("install", site, dry_run=True).status == "done"
    assert len(told) == 1, "nothing is left to look at, so Ansible is not started"


def test_a_real_run_gives_phases_counts_and_a_record(standins, site):
    seen = []
    result = runner.run("install", site, on_event=seen.append)
    assert result.status == "done"
    assert result.hosts == {"here": {"ok": 9, "changed": 3}}
    assert [key for key, _seconds in result.phases] == [
        "base/install",
        "jupyterhub/install",
        "jupyterhub/configure",
        "jupyterhub/verify",
    ]
    host, seconds = result.slowest["jupyterhub/configure"]
    assert host == "here" and 0 < seconds <= dict(result.phases)["jupyterhub/configure"] + 0.1
    status = {event.task: event.status for event in seen if event.kind == "result"}
    assert status["Ensure a secret is in place"] == "changed", "no_log hides it from the result"
    past = records.read(result.record)
    assert (past.status, past.changed, past.data["strategy"]) == ("done", 3, "stock")
    # Plays for groups that the site does not have are no news.
    assert "hosts matched" not in past.log() and "host pattern" not in past.log()
    assert "Ensure the service is configured" in past.log()
    assert [path.name for path in site.run_dir.iterdir()] == ["runs"], "private folders are gone"
    assert run_cases.marked("LOCALCLOUD_CONTROLLER_SITE", str(site.directory)) == []


def test_a_dry_run_changes_nothing_and_shows_the_difference(standins, site):
    seen = []
    result = runner.run("install", site, dry_run=True, on_event=seen.append)
    assert result.status == "done"
    assert not (site.directory / "target").exists()
    diffs = [event.result["diff"] for event in seen if event.result.get("diff")]
    assert "written by a stand-in" in str(diffs)


def test_no_form_of_a_secret_reaches_the_record(standins, site):
    runner.run("secret", site, dry_run=True)
    result = runner.run("secret", site)
    assert result.status == "failed"
    written = {path: path.read_text() for path in site.run_dir.rglob("*") if path.is_file()}
    assert len(written) == 6
    for path, text in written.items():
        for form in forms(ansible_site.SECRET):
            assert form not in text, f"{form} in {path.name}"
    assert "«redacted»" in written[result.record / "output.log"]
    assert "«redacted»" in result.failures[0].details
    assert oct(result.record.stat().st_mode)[-3:] == "700"
    assert oct(result.record.parent.stat().st_mode)[-3:] == "700"


def test_a_failure_names_host_step_cause_and_remedy(standins, site):
    result = runner.run("broken", site)
    assert result.status == "failed"
    (failure,) = result.failures
    assert (failure.host, failure.task) == ("here", "Ensure packages are installed")
    assert failure.problem == "no_space"
    assert "full" in failure.message and "Free some space" in failure.remedy
    assert "No space left on device" in failure.details


def test_a_role_names_its_own_problem_and_a_rescued_failure_does_not_count(standins, site):
    result = runner.run("rescued", site)
    (failure,) = result.failures
    assert failure.problem == "download_failed"
    assert "https://mirror.example.org/x" in failure.message


def test_a_run_that_mends_itself_is_done(standins, tmp_path):
    site = ansible_site.make(tmp_path / "s", site_explain=False)
    result = runner.run("rescued", site)
    assert (result.status, result.failures) == ("done", [])


def test_a_wrong_vault_key_is_named(standins, site):
    folder = site.directory / "group_vars" / "all"
    folder.mkdir(parents=True)
    site.vault_key.write_text("right\n")
    subprocess.run(
        ["ansible-vault", "encrypt", "--output", folder / "secrets.yml"],
        input=b"hub_admin_password: x\n",
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(site.vault_key),
        },
        check=True,
        capture_output=True,
    )
    site.vault_key.write_text("wrong\n")
    result = runner.run("install", site)
    assert result.status == "failed"
    assert "cannot be decrypted" in result.failures[0].message


def test_a_playbook_that_is_none_is_a_failure_not_a_success(standins, site, monkeypatch, tmp_path):
    (tmp_path / "install.yml").write_text("- hosts: [\n")
    monkeypatch.setattr(runner, "playbooks_dir", lambda: tmp_path)
    result = runner.run("install", site)
    assert result.status == "failed"
    assert "could not carry out" in result.failures[0].message


def _start(site, strategy):
    """A run of the slow stand-in in a process of its own, waited for until its host is at work."""
    code = f"""
import sys
from pathlib import Path
from localcloud import ansible_env, runner
from tests.doubles import ansible_site
runner.playbooks_dir = lambda: ansible_site.STANDIN / "playbooks"
ansible_env.roles_dir = lambda: ansible_site.STANDIN / "roles"
site = ansible_site.make(Path({str(site.directory)!r}))
try:
    print(runner.run("slow", site, on_event=lambda event: print(event.kind, flush=True)).status)
except KeyboardInterrupt:
    print("at once")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "LOCALCLOUD_STRATEGY": strategy},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.strip() == "host":
            break
    deadline = time.monotonic() + 20
    while not _sleepers(site) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _sleepers(site), "the stand-in did not start its sleep"
    return process


def _sleepers(site):
    return [
        pid
        for pid in run_cases.marked("LOCALCLOUD_CONTROLLER_SITE", str(site.directory))
        if b"7777" in _read(pid)
    ]


def _read(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _nothing_left(site):
    assert run_cases.marked("LOCALCLOUD_CONTROLLER_SITE", str(site.directory)) == []
    assert list(site.run_dir.glob("work-*")) == []


def _outside(site):
    """What the run at work keeps outside of its site: ssh's sockets, the files of its tasks."""
    found = [link.readlink() for name in LINKS for link in site.run_dir.glob(f"work-*/{name}")]
    assert len(found) == 2 and all(path.is_dir() for path in found)
    return found


@pytest.mark.parametrize("strategy", ["stock", "mitogen"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_run_within_seconds_and_leaves_nothing(site, number, strategy):
    process = _start(site, strategy)
    outside = _outside(site)
    began = time.monotonic()
    process.send_signal(number)
    said, _none = process.communicate(timeout=30)
    assert said.split()[-1] == "interrupted"
    assert time.monotonic() - began < 8
    _nothing_left(site)
    assert not any(path.exists() for path in outside)
    assert records.find(site.run_dir).status == "interrupted"


def test_after_a_kill_the_next_run_ends_what_was_left(standins, site):
    process = _start(site, "stock")
    outside = _outside(site)
    process.kill()
    process.wait()
    process.stdout.close()
    assert records.find(site.run_dir).status == "interrupted", "though run.json says running"
    assert list(site.run_dir.glob("work-*")), "the killed run could not tidy up"
    assert runner.run("install", site).status == "done"
    _nothing_left(site)
    assert not any(path.exists() for path in outside)


def test_a_host_that_cannot_be_entered_ends_the_run_before_it_begins(tmp_path, standins):
    site = ansible_site.make(tmp_path / "s", ansible_connection="ssh")
    site.hosts["here"].port = 9
    with pytest.raises(LocalcloudError, match="here"):
        runner.run("install", site)
    assert records.all_of(site.run_dir) == []
