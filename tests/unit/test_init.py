"""``localcloud init`` as a person or a script meets it."""

import signal
import sys
from pathlib import Path

import click
import pexpect
import pytest
import yaml
from site_cases import HOSTS, ROLES, write_site

from localcloud import i18n, ui
from localcloud.cli.init import command
from localcloud.errors import UsageError
from localcloud.problems import ProblemError
from localcloud.site import load_site

KEY = ("ssh-ed25519", "SHA256:abc", "10.0.0.9 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJfk"
       "ONZj4hqOBF3vLIX5hOTuHYmD3Q5cQf0WmXQ0pZ0F")  # fmt: skip


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No server answers, unless a test says so."""

    def scan(address, port):
        raise ProblemError(
            "unreachable_refused", {"host": address, "address": address, "port": port}
        )

    monkeypatch.setattr("localcloud.ssh.scan_host_keys", scan)
    yield
    i18n.activate("en")


def init(*words: object) -> None:
    command.main([str(word) for word in words], standalone_mode=False)


def test_flags_make_a_site_that_loads(tmp_path, capsys):
    site = tmp_path / "site"
    key = tmp_path / "id"
    key.touch(0o600)
    init(
        *(site, "--host", "10.0.0.9", "--user", "debian", "--port", 2222, "--key", key),
        *("--domain", "hub.uni.edu", "--admin", "ana, eva", "--tls", "off", "--language", "es"),
        *("--set", "hub_user_packages=[numpy, pandas]", "--set", "hub_memory_limit=2G"),
        *("--set", "hub_cull_enabled=false", "--set", "site_room=B 12"),
    )
    loaded = load_site(site)
    (host,) = loaded.hosts.values()
    assert (host.name, host.address, host.user) == ("server1", "10.0.0.9", "debian")
    assert (host.port, host.key_file, host.groups) == (2222, key, ("jupyterhub",))
    values = {
        "hub_domain": "hub.uni.edu",
        "hub_admins": ["ana", "eva"],
        "hub_tls_mode": "off",
        "hub_language": "es",
        "hub_user_packages": ["numpy", "pandas"],
        "hub_memory_limit": "2G",
        "hub_cull_enabled": False,
        "site_room": "B 12",
    }
    assert {name: loaded.value("server1", name) for name in values} == values
    out = capsys.readouterr().out
    assert f"localcloud install -i {site}" in out and f"localcloud check -i {site}" in out
    assert loaded.value("server1", "hub_admin_password") not in out
    assert (site / ".gitignore").read_text().split() == ["secrets.key", ".localcloud/"]


def test_settings_are_annotated_and_each_default_can_be_uncommented(tmp_path):
    init(tmp_path / "site", "--host", "hub.uni.edu", "--yes")
    file = tmp_path / "site/group_vars/all/settings.yml"
    text = file.read_text()
    assert "\n# Ports of" not in text
    assert "# Names of the hub's administrators." in text
    assert '# One of: internal, "off".\nhub_tls_mode: internal' in text, "a bare off is refused"
    assert "\n# hub_memory_limit: 1G\n" in text
    assert "hub_admin_password" not in text and "sealed with secrets.key" in text
    line = "ansible-vault view --vault-password-file secrets.key group_vars/all/secrets.yml"
    assert f"\n# {line}\n" in text, "one line, to be copied"
    chosen = yaml.safe_load(text)
    assert chosen["hub_domain"] == "hub.uni.edu"
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    active = "\n".join(
        line
        for line in lines
        if (line.startswith(("hub_", "base_", "jupyterhub_", "  - ")) and line[-1] != ":")
        or line in {"hub_admins:", "base_no_proxy:"}
    )  # fmt: skip
    file.write_text(active + "\n")
    load_site(tmp_path / "site", need_secrets=False)


def test_defaults_without_questions(tmp_path, capsys):
    init(tmp_path / "site", "--host", "lab=10.0.0.9")
    site = load_site(tmp_path / "site")
    assert site.value("lab", "hub_domain") == "10.0.0.9"
    assert site.value("lab", "hub_admins") == ["admin"]
    assert yaml.safe_load((site.directory / "hosts.yml").read_text()) == {
        "all": {"children": {"jupyterhub": {"hosts": {"lab": {"ansible_host": "10.0.0.9"}}}}}
    }
    said = capsys.readouterr()
    in_order = (
        "is written. Not accepted yet: the SSH host keys of lab.",
        "What comes next:",
        "1. This server does not answer over SSH yet: lab.",
        "Host 10.0.0.9 refuses connections",  # not: 10.0.0.9 (10.0.0.9)
        f"2. localcloud init {tmp_path}/site",
        "This shows the host keys;",
        f"3. localcloud check -i {tmp_path}/site",
        f"4. localcloud install -i {tmp_path}/site",
    )
    places = [said.out.index(words) for words in in_order]
    assert places == sorted(places) and said.err == ""
    assert "complete" not in said.out, "it is not, as long as nothing can connect"
    files = {path for path in site.directory.rglob("*") if path.is_file()}
    written = {line.removeprefix("✓ Written: ") for line in said.out.splitlines() if "Wri" in line}
    assert written == {str(path) for path in files if ".localcloud" not in path.parts}
    assert str(tmp_path / "site/secrets.key") in written, "to be kept safe"
    assert not site.known_hosts.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--host is missing: Address of the server."),
        (
            ["--host", "https://x.edu"],
            "--host https://x.edu: write the name only, without https://",
        ),
        (["--host", "h", "--domain", "a_b"], "--domain does not fit: a_b: the sign “_”"),
        (["--host", "h", "--tls", "on"], "--tls does not fit: hub_tls_mode cannot be “on”"),
        (["--host", "h", "--admin", "Ana"], "--admin does not fit: Ana: the hub keeps user names"),
        (
            ["--host", "h", "--admin", "josé"],
            "--admin does not fit: josé: a user name holds at most 64 of a–z (no capitals, no "
            "accents), 0–9, “.”, “_” and “-”, and begins with a letter or a digit; "
            "write jose.",
        ),
        (
            ["--host", "h", "--admin", "Ana@uni.edu"],
            "--admin does not fit: Ana@uni.edu: a user name holds at most 64 of a–z (no capitals, "
            "no accents), 0–9, “.”, “_” and “-”, and begins with a letter or a digit; write ana.",
        ),
        (["--host", "h", "--admin", ""], "--admin does not fit: an answer is needed"),
        (["--host", "h", "--group", "jupiter"], "--group jupiter is not known."),
        (["--host", "h", "--key", "/nowhere/id"], "--key /nowhere/id: there is no such file."),
        (["--host", "h", "--set", "hub_memory"], "--set hub_memory has no “=”."),
        (["--host", "h", "--set", "hub_memroy_limit=1G"], "No role knows a setting"),
        (["--host", "h", "--set", "hub_cpu_limit=much"], "hub_cpu_limit must be a number"),
        (["--host", "h", "--set", "hub_cull_enabled=[a"], "The value for hub_cull_enabled cannot"),
    ],
)
def test_wrong_flags_write_nothing(tmp_path, words, message):
    site = tmp_path / "new" / "site"
    with pytest.raises(UsageError) as caught:
        init(site, *words)
    assert caught.value.message.startswith(message)
    assert not site.exists() or not list(site.iterdir())


def test_wrong_port_is_clicks_own_word(tmp_path):
    with pytest.raises(click.BadParameter):
        init(tmp_path, "--port", 0)


def test_an_existing_site_is_completed_and_never_overwritten(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)
    write_site(tmp_path)
    init(tmp_path, "--host", "10.9.9.9")
    said = capsys.readouterr()
    assert "is a site already; what is there stays." in said.out
    assert "change nothing now" in said.err
    assert (tmp_path / "hosts.yml").read_text() == HOSTS
    assert (tmp_path / "secrets.key").exists() and (tmp_path / ".gitignore").exists()
    key = (tmp_path / "secrets.key").read_text()
    init(tmp_path)
    assert (tmp_path / "secrets.key").read_text() == key


def test_an_existing_gitignore_and_settings_file_are_kept(tmp_path):
    (tmp_path / ".gitignore").write_text("*.bak")
    init(tmp_path, "--host", "h1.uni.edu")
    assert (tmp_path / ".gitignore").read_text() == "*.bak\nsecrets.key\n.localcloud/\n"
    (tmp_path / "hosts.yml").unlink()  # as if init had been cut off
    settings = (tmp_path / "group_vars/all/settings.yml").read_text() + "hub_signup: open\n"
    (tmp_path / "group_vars/all/settings.yml").write_text(settings)
    init(tmp_path, "--host", "h1.uni.edu")
    assert (tmp_path / "group_vars/all/settings.yml").read_text() == settings


# Host keys


def test_keys_are_shown_and_not_pinned_without_a_word(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("localcloud.ssh.scan_host_keys", lambda _address, _port: [KEY])
    init(tmp_path, "--host", "10.0.0.9")
    said = capsys.readouterr()
    assert "Host keys of server1 (10.0.0.9):\n  ssh-ed25519          SHA256:abc" in said.out
    assert "1. localcloud init" in said.out, "it answers: the keys are the first thing to do"
    assert "Not accepted yet: the SSH host keys of server1." in said.out
    assert not (tmp_path / "known_hosts").exists()


def test_trusting_pins_once_and_a_pinned_host_is_not_asked_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("localcloud.ssh.scan_host_keys", lambda _address, _port: [KEY])
    init(tmp_path, "--host", "10.0.0.9", "--trust-host-keys")
    assert (tmp_path / "known_hosts").read_text() == f"{KEY[2]}\n"
    assert "is complete: nothing is missing." in capsys.readouterr().out
    other = (KEY[0], "SHA256:other", KEY[2].replace("JfkO", "JfkP"))
    monkeypatch.setattr("localcloud.ssh.scan_host_keys", lambda _address, _port: [other])
    capsys.readouterr()
    init(tmp_path, "--trust-host-keys")
    assert "SHA256:other" not in capsys.readouterr().out
    assert (tmp_path / "known_hosts").read_text() == f"{KEY[2]}\n"


def test_a_person_accepts_or_declines(tmp_path, monkeypatch):
    monkeypatch.setattr("localcloud.ssh.scan_host_keys", lambda _address, _port: [KEY])
    init(tmp_path, "--host", "10.0.0.9")
    monkeypatch.setattr(ui, "is_terminal", lambda: True)
    for answer, pinned in (("", False), ("n", False), ("y", True)):
        monkeypatch.setattr("builtins.input", lambda _prompt, answer=answer: answer)
        init(tmp_path)
        assert (tmp_path / "known_hosts").exists() is pinned


# On a terminal


def test_questions_on_a_terminal(tmp_path):
    """The real command on a real terminal: defaults by Enter, a wrong answer asked again."""
    tool = str(Path(sys.executable).parent / "localcloud")
    dialogue = pexpect.spawn(
        tool,
        ["--lang", "en", "init", str(tmp_path / "site"), "--user", "debian"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TERM": "xterm"},
        encoding="utf-8",
        timeout=20,
    )

    def answer(prompt: str, text: str) -> None:
        dialogue.expect_exact(prompt)
        dialogue.sendline(text)

    answer("What the servers become (jupyterhub, tljh) [jupyterhub]: ", "")
    answer("Address of the server (name or IP): ", "")
    dialogue.expect_exact("a name or an IP address is needed")
    answer("Address of the server (name or IP): ", "http://127.0.0.1")
    dialogue.expect_exact("write the name only, without http://: 127.0.0.1")
    answer("Address of the server (name or IP): ", "127.0.0.1")
    answer("Port of SSH [22]: ", "1")
    answer("Private key for SSH (empty: SSH's own): ", "")
    answer("(without https://) [127.0.0.1]: ", "hub.uni.edu")
    answer("(comma-separated) [admin]: ", "José Núñez")
    dialogue.expect("write\\s+jose.nunez")
    answer("(comma-separated) [admin]: ", "Ana")
    dialogue.expect_exact("lower case: ana")
    answer("(comma-separated) [admin]: ", "ana, eva")
    dialogue.expect_exact("off: none)\r\n")  # wrapped between words
    answer("[internal]: ", "off")
    answer("(en, es) [en]: ", "")
    dialogue.expect_exact("What comes next:")
    dialogue.expect(pexpect.EOF)
    dialogue.close()
    assert dialogue.exitstatus == 0
    site = load_site(tmp_path / "site")
    assert site.value("server1", "hub_admins") == ["ana", "eva"]
    assert site.value("server1", "hub_tls_mode") == "off"
    assert site.hosts["server1"].port == 1


def test_ctrl_c_at_a_question_leaves_nothing(tmp_path):
    tool = str(Path(sys.executable).parent / "localcloud")
    dialogue = pexpect.spawn(
        tool,
        ["init", str(tmp_path / "s")],
        encoding="utf-8",
        timeout=20,
        # A test run started in the background hands down SIGINT as ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    dialogue.expect_exact(": ")
    dialogue.sendintr()
    dialogue.expect(pexpect.EOF)
    dialogue.close()
    assert dialogue.exitstatus == 130
    assert not (tmp_path / "s").exists()
