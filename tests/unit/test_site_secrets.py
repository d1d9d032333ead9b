"""Secrets: made once, kept for ever, opened only with the right key."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click.testing
import pytest
import yaml
from site_cases import HOSTS, ROLES, SETTINGS, write_site

from localcloud.cli import check
from localcloud.errors import UsageError
from localcloud.site import load_site, vault
from localcloud.site.lock import site_lock


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def opened(site: Path) -> dict:
    """The vault as the real ansible-vault shows it."""
    tool = Path(sys.executable).parent / "ansible-vault"
    key, file = site / "secrets.key", site / "group_vars/all/secrets.yml"
    command = [tool, "view", "--vault-password-file", key, file]
    env = {"PATH": os.environ["PATH"], "HOME": str(site), "LC_ALL": "C.UTF-8"}
    return yaml.safe_load(subprocess.run(command, env=env, capture_output=True, check=True).stdout)


def refused(site: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_site(site)
    assert caught.value.exit_code == 2
    return caught.value


def test_secrets_are_made_once_sealed_and_private(tmp_path):
    write_site(tmp_path)
    first = load_site(tmp_path)
    password = first.value("server1", "web_password")
    key, file = tmp_path / "secrets.key", tmp_path / "group_vars/all/secrets.yml"
    assert key.stat().st_mode & 0o777 == file.stat().st_mode & 0o777 == 0o600
    assert file.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert opened(tmp_path) == {
        "web_password": password,
        "web_token": first.value("server1", "web_token"),
    }
    before = (key.read_bytes(), file.read_bytes())
    assert load_site(tmp_path).value("server1", "web_password") == password
    assert (key.read_bytes(), file.read_bytes()) == before
    assert (tmp_path / ".gitignore").read_text().split() == ["secrets.key", ".localcloud/"]
    assert {password, key.read_text().strip()} <= first.secret_values()
    assert not [path for path in tmp_path.rglob("*~")]


def test_forms_of_secrets():
    for _number in range(200):
        password = vault.generate({"kind": "password", "length": 20})
        assert re.fullmatch(r"([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}", password)
        assert isinstance(yaml.safe_load(f"x: {password}")["x"], str)
    assert re.fullmatch(r"[0-9a-f]{64}", vault.generate({"kind": "token", "length": 64}))
    assert len(vault.generate({"kind": "password", "length": 5}).replace("-", "")) == 20
    assert vault.generate({}) != vault.generate({})


def test_a_component_added_later_gets_its_own_and_the_rest_stays(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    before = opened(tmp_path)
    # A person edits the vault: comments and their own names must survive too.
    safe = vault.Vault(tmp_path)
    file = tmp_path / "group_vars/all/secrets.yml"
    text = safe.open(file.read_bytes(), "x") + b"# mine\nsite_note: 'a: b'\n"
    file.write_bytes(safe.seal(text))
    write_site(tmp_path, hosts=HOSTS + "    box: {hosts: {b1: }}\n")
    load_site(tmp_path)
    after = opened(tmp_path)
    assert after.keys() - before.keys() == {"box_token", "site_note"}
    assert {name: after[name] for name in before} == before
    assert vault.Vault(tmp_path).open(file.read_bytes(), "x").startswith(text)


def test_a_persons_own_value_is_not_replaced_by_a_generated_one(tmp_path):
    write_site(tmp_path, settings=SETTINGS + "web_password: my-own-password\n")
    site = load_site(tmp_path)
    assert site.value("server1", "web_password") == "my-own-password"
    assert set(opened(tmp_path)) == {"web_token"}
    assert "my-own-password" in site.secret_values()


def test_wrong_key(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    (tmp_path / "secrets.key").write_text("another\n")
    error = refused(tmp_path)
    assert error.message == "The key in secrets.key does not open group_vars/all/secrets.yml."
    assert "Put back the secrets.key this site was made with" in error.remedy


def test_missing_and_empty_key(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    key = tmp_path / "secrets.key"
    key.unlink()
    error = refused(tmp_path)
    assert error.message == f"The key of this site's secrets is missing: {key}."
    assert "Copy it from the computer where the site was made." in error.remedy
    assert not key.exists()
    key.touch(0o600)
    assert "is empty" in refused(tmp_path).message


def test_a_key_others_can_read_is_refused(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    key = tmp_path / "secrets.key"
    key.chmod(0o640)
    error = refused(tmp_path)
    assert error.message == f"Other users of this computer can read the key file {key}."
    assert error.remedy == f"Close it: chmod 600 {key}"


def test_damaged_vault(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    file = tmp_path / "group_vars/all/secrets.yml"
    file.write_bytes(file.read_bytes()[:200])
    assert "does not open group_vars/all/secrets.yml" in refused(tmp_path).message


def test_opened_vault_left_in_the_clear_is_refused(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    (tmp_path / "group_vars/all/secrets.yml").write_text("web_password: a\nweb_token: b\n")
    error = refused(tmp_path)
    assert "secrets.yml is not sealed" in error.message
    assert "ansible-vault encrypt" in error.remedy


def test_inline_vault_values_are_opened_when_needed(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    sealed = vault.Vault(tmp_path).seal(b"top-secret").decode()
    indented = sealed.replace("\n", "\n  ").rstrip()
    write_site(tmp_path, settings=SETTINGS + f"web_mail: !vault |\n  {indented}\n")
    site = load_site(tmp_path)
    assert site.value("server1", "web_mail") == "top-secret"
    assert "top-secret" in site.secret_values()


def test_two_first_loads_at_once_make_one_set(tmp_path):
    write_site(tmp_path)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(load_site(tmp_path).secret_values()))
        for _number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(values == found[0] for values in found)


def test_git_that_tracks_the_key_is_warned_about(tmp_path, capsys):
    write_site(tmp_path)
    load_site(tmp_path)

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    git("init")
    git("add", ".")
    load_site(tmp_path)
    assert "Git tracks" not in capsys.readouterr().err
    git("add", "-f", "secrets.key")
    load_site(tmp_path)
    assert "Git tracks secrets.key" in (said := capsys.readouterr().err)
    assert "git rm --cached secrets.key" in said


def test_the_lock_ends_with_its_holder_even_if_killed(tmp_path):
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from localcloud.site.lock import site_lock\n"
        "import subprocess\n"
        f"with site_lock(Path({str(tmp_path)!r}), 'install'):\n"
        "    if os.fork() == 0: time.sleep(60); os._exit(0)\n"  # a forked child
        "    child = subprocess.Popen(['sleep', '60'], close_fds=False)\n"  # and a started one
        "    print(child.pid, flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(UsageError, match=f"process {holder.pid}"), site_lock(tmp_path, "x"):
            pass
        holder.kill()
        holder.wait()
        time.sleep(0.1)
        with site_lock(tmp_path, "reset"):
            pass
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def test_what_stands_in_a_vault_is_never_shown(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    safe = vault.Vault(tmp_path)
    file = tmp_path / "group_vars/all/mail.yml"
    file.write_bytes(safe.seal(b"web_mail: s3cret-mail\nweb_limits: {cores: s3cret-cores}\n"))
    error = refused(tmp_path)
    assert "web_mail: the value given does not fit" in error.details
    assert "web_limits.cores must be a whole number, but the value given is text" in error.details
    assert "s3cret" not in f"{error.message} {error.details} {error.remedy}"
    file.write_bytes(safe.seal(b"web_mail: 's3cret\n"))
    error = refused(tmp_path)
    assert "mail.yml" in error.details and "s3cret" not in error.details
    file.write_bytes(safe.seal(b"web_mail: s3cret@uni.edu\nweb_port: 8443\n"))
    assert {"s3cret@uni.edu", "8443"} <= load_site(tmp_path).secret_values()


def test_a_vault_of_another_key_is_not_to_be_removed(tmp_path):
    write_site(tmp_path)
    load_site(tmp_path)
    (tmp_path / "other").mkdir()
    other = vault.Vault(tmp_path / "other")
    other.make_key()
    (tmp_path / "group_vars/all/mail.yml").write_bytes(other.seal(b"web_mail: a@b.edu\n"))
    error = refused(tmp_path)
    assert error.message == "The key in secrets.key does not open group_vars/all/mail.yml."
    assert error.remedy.startswith("All vaults of a site have one key")


def test_passwords_in_urls_are_secret(tmp_path):
    line = "common_mirror: https://ana:p%40ss-word@mirror.uni.edu/simple\n"
    write_site(tmp_path, settings=SETTINGS + line)
    assert {"p%40ss-word", "p@ss-word"} <= load_site(tmp_path).secret_values()


@pytest.mark.parametrize("name", ["all", "all.yml"])
def test_a_file_in_the_way_of_the_secrets(tmp_path, name):
    (tmp_path / "hosts.yml").write_text(HOSTS)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / name).write_text(SETTINGS)
    error = refused(tmp_path)
    assert error.message == "The settings for all hosts must be in the folder group_vars/all/."
    assert error.remedy == "Move this file to group_vars/all/settings.yml"
    assert error.details == f"group_vars/{name}"
    assert not (tmp_path / "secrets.key").exists()


def test_a_site_that_cannot_be_written(tmp_path):
    write_site(tmp_path)
    (tmp_path / ".localcloud").write_text("in the way")
    assert refused(tmp_path).message == f"The site {tmp_path} cannot be written."
    with (
        pytest.raises(UsageError, match="cannot be written"),
        site_lock(tmp_path / "hosts.yml", "x"),
    ):
        pass


def test_a_required_setting_is_missed_even_beside_a_closed_vault(tmp_path):
    """`check` and `status` open the vault only to be sure."""
    write_site(tmp_path)
    load_site(tmp_path)
    write_site(tmp_path, settings="web_name: hub.uni.edu\n")
    with pytest.raises(UsageError, match="web_admins is required and has no value") as caught:
        load_site(tmp_path, need_secrets=False)
    assert caught.value.exit_code == 2
    content = vault.Vault(tmp_path)
    sealed = tmp_path / "group_vars/all/secrets.yml"
    text = content.open(sealed.read_bytes(), "it") + b"web_admins: [ana]\n"
    sealed.write_bytes(content.seal(text))
    assert load_site(tmp_path, need_secrets=False).hosts
    (tmp_path / "secrets.key").unlink()
    with pytest.raises(UsageError, match="key of this site's secrets is missing"):
        load_site(tmp_path, need_secrets=False)


def test_check_names_a_missing_setting_before_it_connects(tmp_path, monkeypatch):
    monkeypatch.setattr("localcloud.preflight.check", lambda _site: pytest.fail("connected"))
    write_site(tmp_path)
    load_site(tmp_path)
    write_site(tmp_path, settings="web_name: hub.uni.edu\n")
    arguments = ["-i", str(tmp_path)]
    found = click.testing.CliRunner().invoke(check.command, arguments, standalone_mode=False)
    assert isinstance(found.exception, UsageError), found.exception
    assert "web_admins is required" in found.exception.message
    assert found.exception.exit_code == 2
