"""The host lock: the real shell script, held by the real flock, on this computer's files."""

import json
import os
import shlex
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest

from localcloud import hostlock, ssh
from localcloud.errors import ExitCode
from localcloud.problems import ProblemError
from localcloud.ssh import Unreachable
from tests.doubles.ansible_site import LocalHost, LocalSite


class ChannelDouble:
    """An SSH channel whose far end is a shell on this computer."""

    def __init__(self, ended):
        self.ended = ended
        self.process = None
        self.status_event = threading.Event()

    def exec_command(self, command):
        self.process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self.ended.append(self.process)

    def settimeout(self, seconds):
        pass

    set_combine_stderr = settimeout

    def recv(self, most):
        return self.process.stdout.read(most)

    def send(self, data):
        return self.process.stdin.write(data)

    def shutdown_write(self):
        self.process.stdin.close()

    def exit_status_ready(self):
        return self.process.poll() is not None


class ConnectionDouble:
    def __init__(self, host, processes):
        self.host, self.user = host, "root"
        self._transport = SimpleNamespace(open_session=lambda timeout: ChannelDouble(processes))

    alive = True

    def close(self):
        pass


@pytest.fixture
def lock(tmp_path, monkeypatch):
    path = tmp_path / "localcloud.lock"
    script = hostlock.locking_script
    monkeypatch.setattr(
        hostlock, "locking_script", lambda who, **more: script(who, str(path), 1.5, **more)
    )
    return path


@pytest.fixture
def processes(monkeypatch):
    started = []
    monkeypatch.setattr(hostlock, "connect", lambda _site, host: ConnectionDouble(host, started))
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def site(tmp_path):
    return LocalSite(tmp_path, {name: LocalHost(name, {}) for name in ("node1",)})


def hold(site, verb="install", **more):
    return hostlock.hold(site, list(site.hosts.values()), verb, **more)


def test_the_lock_names_its_holder_and_leaves_no_file(lock, processes, site):
    with hold(site) as locks:
        who = json.loads(lock.read_text())
        assert who["verb"] == "install" and who["site"] == str(site.directory)
        assert "@" in who["holder"] and who["since"].endswith("UTC")
        assert locks.held["node1"].python.endswith("python3")
        assert locks.without_python == []
    processes[0].wait(timeout=3)
    assert not lock.exists()


def test_the_lock_is_taken_over_a_connection_that_is_open(lock, processes, site, monkeypatch):
    kept = ssh.Connections()
    kept.keep(ConnectionDouble(site.hosts["node1"], processes))
    monkeypatch.setattr(hostlock, "connect", lambda *_site_and_host: pytest.fail("a second login"))
    with hold(site, kept=kept) as locks:
        assert list(locks.held) == ["node1"]
    assert kept.take("node1") is None


def test_a_connection_that_was_cut_meanwhile_is_made_again(lock, processes, site):
    def cut(timeout):
        raise OSError("Socket is closed")

    kept = ssh.Connections()
    silent = ConnectionDouble(site.hosts["node1"], processes)
    silent._transport = SimpleNamespace(open_session=cut)
    kept.keep(silent)
    with hold(site, kept=kept) as locks:
        assert locks.held["node1"].connection is not silent


def test_a_second_controller_is_told_who_holds_it(lock, processes, site):
    with hold(site), pytest.raises(ProblemError) as caught, hold(site, "reset"):
        pytest.fail("two controllers work on one host")
    assert caught.value.exit_code == ExitCode.BLOCKED
    assert caught.value.problem_id == "host_busy"
    assert "localcloud install" in caught.value.message
    assert str(site.directory) in caught.value.details
    with hold(site):  # and free again
        pass


def test_a_busy_host_is_never_tolerated_an_unreachable_one_may_be(
    lock, processes, site, monkeypatch
):
    with hold(site), pytest.raises(ProblemError), hold(site, tolerate=lambda _error: True):
        pass

    def connect(_site, host):
        raise Unreachable("unreachable", host.name)

    monkeypatch.setattr(hostlock, "connect", connect)
    with hold(site, tolerate=lambda _error: True) as locks:
        assert locks.connections == {}
    with pytest.raises(Unreachable), hold(site):
        pass


def test_a_killed_controller_gives_the_lock_back(lock, processes, site):
    with hold(site):
        processes[0].stdin.close()  # what sshd does when the connection goes
        processes[0].wait(timeout=3)
        assert not lock.exists()
        with hold(site, "reset"):
            assert json.loads(lock.read_text())["verb"] == "reset"


def test_silence_gives_the_lock_back_and_signs_of_life_keep_it(lock, processes, site, monkeypatch):
    monkeypatch.setattr(hostlock, "_BEAT", 0.3)
    with hold(site):
        time.sleep(2.5)
        assert lock.exists() and processes[0].poll() is None
    monkeypatch.setattr(hostlock, "_BEAT", 60)
    with hold(site):
        processes[1].wait(timeout=5)
        assert not lock.exists()


def test_the_locks_of_the_other_hosts_are_given_back_when_one_is_busy(
    lock, processes, tmp_path, monkeypatch
):
    """Both hosts share one lock file here, so the second to come is busy."""
    site = LocalSite(tmp_path, {name: LocalHost(name, {}) for name in ("node1", "node2")})
    with pytest.raises(ProblemError, match="node"), hold(site):
        pass
    for process in processes:
        process.wait(timeout=3)
    assert not lock.exists()


def test_the_scratch_folder_lives_as_long_as_the_lock(lock, processes, site, tmp_path):
    scratch = tmp_path / "localcloud-tasks-1"
    old, new = tmp_path / "localcloud-tasks-2", tmp_path / "localcloud-tasks-3"
    for folder, age in ((old, 4000), (new, 10)):
        (folder / "ansible_mitogen_runner_x").mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
    with hold(site, scratch=str(scratch)):
        assert scratch.stat().st_mode & 0o777 == 0o711
        (scratch / "ansible_mitogen_runner_x").mkdir()
    assert not scratch.exists(), "with what a killed module had left in it"
    assert new.is_dir() and not old.exists()
    with hold(site, scratch="/no/such/folder/scratch") as locks:
        assert list(locks.held), "tasks find another place then"


def test_no_root_no_lock(lock, processes, site, monkeypatch):
    said = "sudo: a password is required"
    refusal = f"echo {shlex.quote(said)}; false"
    monkeypatch.setattr(hostlock, "locking_script", lambda _who, **_more: refusal)
    with pytest.raises(ProblemError) as caught, hold(site):
        pass
    assert caught.value.problem_id == "permission_denied"
    assert said in caught.value.details


def test_hosts_without_ssh_need_no_lock(processes, tmp_path):
    site = LocalSite(tmp_path, {"here": LocalHost("here", {"ansible_connection": "local"})})
    with hold(site) as locks:
        assert locks.held == {} and processes == []
