"""Connection variables that are wrong, or would let a host key pass unseen."""

import pytest
from site_cases import HOSTS, ROLES, SETTINGS, load, said, with_setting, write_site


@pytest.fixture(autouse=True)
def roles(monkeypatch):
    monkeypatch.setattr("localcloud.paths.roles_dir", lambda: ROLES)


def test_connection_mistakes(tmp_path):
    hosts = HOSTS.replace("ansible_host: 10.0.0.5", "ansible_host: ssh://10.0.0.5")
    hosts += "          ansible_port: ssh\n          ansible_ssh_private_key_file: id_x\n"
    write_site(tmp_path, hosts=hosts)
    text = said(tmp_path)
    assert "ansible_host of host server1: write the name only, without ssh://: 10.0.0.5." in text
    assert "ansible_port of host server1: a port is a number from 1 to 65535." in text
    assert "must not depend on where you are; write {{ inventory_dir }}/id_x." in text
    write_site(tmp_path, hosts=hosts.replace("id_x", '"{{ inventory_dir }}/id_x"'))
    assert f"there is no such file: {tmp_path}/id_x." in said(tmp_path)


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("ansible_ssh_args: -C", "ansible_ssh_args would replace", "go into ansible_ssh_common"),
        ("ansible_host_key_checking: false", "ansible_host_key_checking would", "localcloud init"),
        ("ansible_ssh_host_key_checking: no", "ansible_ssh_host_key_checking would", "Remove the"),
        (
            "ansible_ssh_common_args: -C -o stricthostkeychecking=no",
            "ansible_ssh_common_args sets stricthostkeychecking",
            "Take stricthostkeychecking out",
        ),
        (
            "ansible_ssh_extra_args: -oUserKnownHostsFile=/dev/null",
            "ansible_ssh_extra_args sets UserKnownHostsFile",
            "localcloud init",
        ),
        (
            "site_x: -o GlobalKnownHostsFile=/k\nansible_ssh_extra_args: '{{ site_x }}'",
            "ansible_ssh_extra_args sets GlobalKnownHostsFile",
            "Take GlobalKnownHostsFile out",
        ),
    ],
)
def test_host_keys_cannot_be_waved_through(tmp_path, line, message, remedy):
    text = with_setting(tmp_path, line)
    assert message in text and remedy in text
    assert f"group_vars/all/settings.yml:{3 + line.count(chr(10))}" in text
    assert "problems" not in text, "told once"


def test_other_options_for_ssh_are_a_persons_own(tmp_path):
    write_site(tmp_path, settings=SETTINGS + "ansible_ssh_common_args: -C\n")
    assert list(load(tmp_path).hosts) == ["server1"]
