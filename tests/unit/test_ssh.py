"""Entering hosts: what works, and what each wrong door says."""

import socket
import time
from pathlib import Path

import paramiko
import pytest

from localcloud import ssh
from localcloud.errors import ExitCode, LocalcloudError
from localcloud.lab import state
from tests.doubles.site_double import HostDouble
from tests.unit.ssh_cases import served_site, write_key


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def refusal(site, host="h1") -> ssh.SshError:
    with pytest.raises(ssh.SshError) as caught:
        ssh.connect(site, site.hosts[host])
    return caught.value


def test_a_command_gets_stdin_and_gives_code_and_both_outputs(tmp_path):
    site, _server = served_site(tmp_path)
    with ssh.connect(site, site.hosts["h1"]) as connection:
        done = connection.run("cat; echo trouble >&2; exit 3", stdin=b"x" * 300_000)
    assert (done.code, done.stdout, done.stderr) == (3, "x" * 300_000, "trouble\n")


def test_output_that_is_no_utf8_is_shown_anyway(tmp_path):
    site, _server = served_site(tmp_path)
    with ssh.connect(site, site.hosts["h1"]) as connection:
        assert "ma�ana" in connection.run(r"printf 'ma\361ana'").stdout


def test_sudo_covers_the_whole_command_and_never_asks(tmp_path):
    seen = []

    def note(command, stdin):
        seen.append(command)
        return 0, b"", b""

    site, server = served_site(tmp_path, note)
    server.user = site.hosts["h1"].user = "ana"
    with ssh.connect(site, site.hosts["h1"]) as connection:
        connection.run("id -u && id -g", sudo=True)
    assert seen == ["sudo -n -- sh -c 'id -u && id -g'"]


def test_a_command_that_hangs_ends_with_an_error(tmp_path):
    site, _server = served_site(tmp_path)
    with ssh.connect(site, site.hosts["h1"]) as connection, pytest.raises(ssh.CommandTimeout) as e:
        connection.run("sleep 5", timeout=0.3)
    assert "0.3 seconds" in e.value.message


def test_a_changed_key_is_refused_and_both_fingerprints_shown(tmp_path):
    site, server = served_site(tmp_path)
    old = server.host_keys[0].fingerprint
    server.host_keys = [paramiko.ECDSAKey.generate()]
    error = refusal(site)
    assert isinstance(error, ssh.HostKeyChanged)
    assert old in error.message
    assert server.host_keys[0].fingerprint in error.message
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}' -f {site.known_hosts}" in error.remedy
    assert f"localcloud init {site.directory}" in error.remedy
    assert error.exit_code == ExitCode.BLOCKED


def test_a_key_of_another_type_does_not_slip_in(tmp_path):
    site, server = served_site(tmp_path)
    server.host_keys = [paramiko.RSAKey.generate(2048)]
    error = refusal(site)
    assert isinstance(error, ssh.HostKeyChanged)
    assert f"ssh-rsa {server.host_keys[0].fingerprint}" in error.message


def test_the_pinned_type_is_chosen_among_several(tmp_path):
    site, server = served_site(tmp_path)
    server.host_keys = [paramiko.RSAKey.generate(2048), *server.host_keys]
    ssh.connect(site, site.hosts["h1"]).close()


def test_an_unpinned_host_is_refused(tmp_path):
    site, _server = served_site(tmp_path)
    site.known_hosts.unlink()
    error = refusal(site)
    assert isinstance(error, ssh.HostKeyUnknown)
    assert f"localcloud init {site.directory}" in error.remedy


def test_a_broken_known_hosts_is_named(tmp_path):
    site, server = served_site(tmp_path)
    site.known_hosts.write_text(f"[127.0.0.1]:{server.port} ssh-ed25519 AAA\n")
    with pytest.raises(LocalcloudError) as caught:
        ssh.connect(site, site.hosts["h1"])
    assert str(site.known_hosts) in caught.value.message


def test_the_wrong_key_names_user_and_file(tmp_path):
    site, server = served_site(tmp_path)
    write_key(tmp_path / "other")
    site.hosts["h1"].key_file = tmp_path / "other"
    error = refusal(site)
    assert isinstance(error, ssh.AuthenticationFailed)
    assert "user root" in error.message
    assert str(tmp_path / "other") in error.message
    option = f"-i {tmp_path / 'other'}"
    assert f"`ssh-copy-id {option} -p {server.port} root@127.0.0.1`" in error.remedy
    assert error.exit_code == ExitCode.BLOCKED


def test_key_files_that_cannot_work_are_told_apart(tmp_path):
    site, _server = served_site(tmp_path)
    host = site.hosts["h1"]
    host.key_file = tmp_path / "missing"
    assert refusal(site).problem_id == "key_missing"
    write_key(tmp_path / "open")
    host.key_file = tmp_path / "open"
    host.key_file.chmod(0o644)
    assert "0644" in refusal(site).message
    write_key(tmp_path / "locked", password="word")
    host.key_file = tmp_path / "locked"
    assert f"ssh-add {host.key_file}" in refusal(site).remedy
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA ana\n")
    host.key_file = tmp_path / "key.pub"
    assert refusal(site).problem_id == "key_unreadable"


def test_without_any_key_the_way_to_one_is_shown(tmp_path, monkeypatch):
    site, _server = served_site(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    site.hosts["h1"].key_file = None
    error = refusal(site)
    assert error.problem_id == "auth_no_key"
    assert "ssh-keygen -t ed25519" in error.remedy


def test_a_closed_port_and_an_unknown_name_are_unreachable(tmp_path):
    site, server = served_site(tmp_path)
    server.close()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        site.hosts["h1"].port = unused.getsockname()[1]
        refused = refusal(site)
    site.hosts["h1"].address = "no-such-host.invalid"
    unknown = refusal(site)
    assert (refused.problem_id, unknown.problem_id) == ("unreachable_refused", "unreachable_name")
    assert refused.exit_code == unknown.exit_code == ExitCode.UNREACHABLE


def test_a_practice_machine_that_is_not_running_can_be_started(tmp_path):
    site, server = served_site(tmp_path)
    server.close()
    site.hosts["h1"].port = 1
    state.path_of(site.directory).parent.mkdir(exist_ok=True)
    state.path_of(site.directory).write_text("{}")
    stopped = refusal(site)
    assert stopped.message == "The practice machine h1 is not running."
    assert stopped.remedy == f"Start it: `localcloud lab up {site.directory}`."
    assert stopped.exit_code == ExitCode.UNREACHABLE


def test_a_silent_server_neither_holds_us_nor_prints_tracebacks(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT", 0.4)
    site, _server = served_site(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        site.known_hosts.write_text(
            site.known_hosts.read_text().replace(str(site.hosts["h1"].port), str(port))
        )
        site.hosts["h1"].port = port
        begin = time.monotonic()
        error = refusal(site)
    assert error.problem_id == "unreachable_not_ssh"
    assert time.monotonic() - begin < 5
    assert "Traceback" not in capfd.readouterr().err


def test_a_host_that_drops_packets_times_out(tmp_path, monkeypatch):
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT", 0.3)
    site, _server = served_site(tmp_path)
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)  # once its queue is full, Linux drops what comes
    address = full.getsockname()
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(address)
    site.hosts["h1"].port = address[1]
    error = refusal(site)
    for one in [*waiting, full]:
        one.close()
    assert error.problem_id == "unreachable_timeout"
    assert "0.3 seconds" in error.message


def test_scanning_shows_every_key_best_first_without_login(tmp_path):
    site, server = served_site(tmp_path)
    rsa = paramiko.RSAKey.generate(2048)
    server.host_keys.append(rsa)
    found = ssh.scan_host_keys("127.0.0.1", server.port)
    assert [kind for kind, _print, _line in found] == ["ecdsa-sha2-nistp256", "ssh-rsa"]
    assert found[1][1] == rsa.fingerprint
    site.known_hosts.write_text("".join(f"{line}\n" for _kind, _print, line in found))
    ssh.connect(site, site.hosts["h1"]).close()


def test_scanning_an_address_where_nothing_is_says_so(tmp_path):
    with pytest.raises(ssh.Unreachable):
        ssh.scan_host_keys("127.0.0.1", 1)


def test_one_lost_host_does_not_hide_the_others(tmp_path):
    site, _server = served_site(tmp_path)
    site.hosts["h2"] = HostDouble("h2", port=1)
    answers = ssh.on_all(site, list(site.hosts.values()), lambda c: c.run("echo hi").stdout)
    assert answers["h1"] == "hi\n"
    assert isinstance(answers["h2"], ssh.Unreachable)


def test_a_connection_left_open_is_taken_by_the_next_and_a_broken_one_is_not(tmp_path):
    site, _server = served_site(tmp_path)
    hosts = list(site.hosts.values())
    with ssh.Connections() as kept:
        ssh.on_all(site, hosts, lambda connection: connection.run("true"), kept)
        taken = kept.take("h1")
        with taken:
            assert taken.run("echo hi").stdout == "hi\n"
        assert kept.take("h1") is None, "it has been taken"
        kept.keep(taken)
        assert kept.take("h1") is None, "it is closed"
        ssh.on_all(site, hosts, lambda connection: connection.run("true"), kept)
        unused = kept._kept["h1"]
    assert not unused.alive


def test_a_host_that_failed_leaves_no_connection(tmp_path):
    def fails(connection):
        raise ssh.Unreachable("unreachable", connection.host.name)

    site, _server = served_site(tmp_path)
    with ssh.Connections() as kept:
        answers = ssh.on_all(site, list(site.hosts.values()), fails, kept)
        assert isinstance(answers["h1"], ssh.Unreachable)
        assert kept.take("h1") is None


def test_this_computer_itself_needs_no_ssh(tmp_path):
    host = HostDouble("here", port=1, variables={"ansible_connection": "local"})
    with ssh.connect(served_site(tmp_path)[0], host) as connection:
        assert connection.run("cat; exit 4", b"hi") == ssh.Completed(4, "hi", "")
        with pytest.raises(ssh.CommandTimeout):
            connection.run("sleep 5 | cat", timeout=0.2)
