"""What goes wrong on a real machine: each with its words and exit code, and nothing changed."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import LOCALCLOUD, run_localcloud

from localcloud.site import load_site

DONE, FAILED, USAGE, BLOCKED, UNREACHABLE = range(5)


def contents(directory: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and ".localcloud" not in path.parts
    }


@pytest.fixture(scope="module")
def before(site):
    """The machine as it was found, and a site that has its secrets."""
    load_site(site.directory)
    return site.machine.listing()


@pytest.fixture(autouse=True)
def untouched(site, before):
    """Whatever a test does wrong, the machine stays as it was and the site is mended after."""
    saved = contents(site.directory)
    yield
    for path in contents(site.directory).keys() - saved.keys():
        path.unlink()
    for path, content in saved.items():
        path.write_bytes(content)
    after = site.machine.listing()
    assert [line for line in before + after if (line in before) != (line in after)] == []


def test_no_site(tmp_path):
    run_localcloud("install", "-i", tmp_path / "nowhere").ended(USAGE).says(
        "nowhere", "localcloud init"
    )


def test_yaml_error_names_file_and_line(site):
    site.settings.write_text("hub_domain: localhost\nhub_admins: [admin\n")
    site.localcloud("install").ended(USAGE).says("settings.yml:", "hub_admins: [admin")


def test_unknown_setting_gets_a_suggestion(site):
    site.set(hub_memroy_limit="2G")
    site.localcloud("install").ended(USAGE).says("hub_memroy_limit", "hub_memory_limit")


def test_wrong_type(site):
    site.set(hub_admins="admin")
    site.localcloud("install").ended(USAGE).says("hub_admins", "list")


def test_bad_domain(site):
    site.set(hub_domain="https://hub.uni.edu")
    site.localcloud("install").ended(USAGE).says("hub_domain", "https://")


def test_no_admins(site):
    site.set(hub_admins="[]")
    site.localcloud("install").ended(USAGE).says("hub_admins")


def test_wrong_vault_key(site):
    (site.directory / "secrets.key").write_text("another key\n")
    site.localcloud("install").ended(USAGE).says("secrets.key", "secrets.yml")


def test_unreachable_host(site):
    hosts = site.directory / "hosts.yml"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hosts.write_text(hosts.read_text().replace(str(site.lab.machine().ports[22]), str(port)))
    pinned = (site.directory / "known_hosts").read_text()
    old = str(site.lab.machine().ports[22])
    (site.directory / "known_hosts").write_text(pinned.replace(old, str(port)))
    site.localcloud("install").ended(UNREACHABLE).says(site.machine.name)


def test_wrong_key(site, tmp_path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True
    )
    hosts = site.directory / "hosts.yml"
    text, changed = re.subn(r"(key_file: ).*", rf"\1{tmp_path / 'other'}", hosts.read_text())
    assert changed == 1
    hosts.write_text(text)
    site.localcloud("install").ended(BLOCKED).says(site.machine.name, "admin", "other")


def other_host_key(site, tmp_path: Path) -> None:
    """Pin a key that the machine does not have: to the kit, its key has changed."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host"], check=True
    )
    kind, key = (tmp_path / "host.pub").read_text().split()[:2]
    pinned = site.directory / "known_hosts"
    places = {line.split()[0] for line in pinned.read_text().splitlines() if line.strip()}
    pinned.write_text("".join(f"{place} {kind} {key}\n" for place in places))


def test_changed_host_key(site, tmp_path):
    other_host_key(site, tmp_path)
    site.localcloud("install").ended(BLOCKED).says("SHA256:", "ssh-keygen -R", site.machine.name)


@pytest.mark.parametrize("strategy", ["mitogen", "stock"])
def test_changed_host_key_is_refused_by_ansible_itself(site, tmp_path, strategy):
    """Without the preflight and the host lock before it, and with no connection kept open."""
    other_host_key(site, tmp_path)
    ended = site.localcloud("install", LOCALCLOUD_STRATEGY=strategy, LOCALCLOUD_SKIP_CHECK="1")
    assert ended.code in (BLOCKED, UNREACHABLE), ended.text
    ended.says("host key", site.machine.name)


def test_sudo_that_asks_for_a_password(site):
    # The machine itself gives sudo back after a while: nobody else could.
    site.machine.run(
        "cp -a /etc/sudoers.d /run/sudoers.kept; systemd-run -q --on-active=20 "
        "sh -c 'cp -a /run/sudoers.kept/. /etc/sudoers.d/; rm -r /run/sudoers.kept'; "
        "sed -i 's/NOPASSWD: *//' /etc/sudoers.d/*"
    )
    try:
        site.localcloud("install").ended(BLOCKED).says(site.machine.name, "sudo", "password")
    finally:
        for _second in range(40):
            time.sleep(1)
            if "ready" in site.localcloud("check").text:
                break


def test_unsupported_system(site):
    site.machine.run(
        "cp -a /usr/lib/os-release /run/kept; "
        "sed -i 's/^ID=.*/ID=gentoo/; s/^PRETTY_NAME=.*/PRETTY_NAME=Gentoo/' /usr/lib/os-release"
    )
    try:
        site.localcloud("install").ended(BLOCKED).says(site.machine.name, "Gentoo", "Debian 12")
    finally:
        site.machine.run("mv /run/kept /usr/lib/os-release")


def test_port_taken(site):
    site.machine.run("systemd-run -q --unit=other-web python3 -m http.server 80; sleep 1")
    try:
        site.localcloud("install").ended(BLOCKED).says("80", "other-web", site.machine.name)
    finally:
        site.machine.run("systemctl stop other-web")


def test_a_package_mirror_that_does_not_answer(site):
    # 192.0.2.0/24 is for documentation: nobody answers there; and the machine cannot leave anyway.
    site.machine.run("ip route add blackhole 192.0.2.0/24")
    try:
        site.set(base_pip_index_url="http://192.0.2.1/simple")
        begin = time.monotonic()
        site.localcloud("install").ended(BLOCKED).says("192.0.2.1", "base_pip_index_url")
        assert time.monotonic() - begin < 30
    finally:
        site.machine.run("ip route del blackhole 192.0.2.0/24")


def test_a_second_run_at_the_same_time(site):
    with load_site(site.directory).lock("install"):
        site.localcloud("install").ended(USAGE).says("install", str(os.getpid()))


def test_another_controller_at_the_same_time(site, tmp_path):
    """The same machine, in another site directory: the host keeps the two apart."""
    other = tmp_path / "other"
    shutil.copytree(site.directory, other)
    line = [*LOCALCLOUD, "install", "-i", str(other), "--dry-run"]
    first = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _attempt in range(100):
            if "flock" in site.machine.processes():
                break
            time.sleep(0.1)
        site.localcloud("install", "--dry-run").ended(BLOCKED).says(site.machine.name)
    finally:
        first.wait()


def test_every_error_also_speaks_spanish(site):
    done = subprocess.run(
        [*LOCALCLOUD, "--lang", "es", "install", "-i", str(site.directory / "nada")],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode == USAGE
    assert "Qué hacer" in done.stderr, done.stderr + sys.version
