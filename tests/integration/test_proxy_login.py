"""A campus proxy that asks for a password: all goes through it, and nobody else learns it."""

import json

import pytest

from tests.doubles.login_proxy import LoginProxy

pytestmark = pytest.mark.slow

PASSWORD = "gu4nac0-del-proxy"


@pytest.fixture(scope="module")
def proxied(site):
    """An installed hub whose only way out is a proxy with a password."""
    gateway = site.machine.run("ip -4 route show default").split()[2]
    proxy = LoginProxy(gateway, "campus", PASSWORD)
    yield proxy, f"http://campus:{PASSWORD}@{gateway}:{proxy.server_port}"
    proxy.shutdown()


def test_the_check_and_the_install_go_through_the_proxy(site, proxied):
    proxy, address = proxied
    site.set(base_http_proxy=f'"{address}"', base_no_proxy="[localhost, 127.0.0.1]")
    done = site.localcloud("install", "--show-password").ended(0)
    assert PASSWORD not in done.text
    assert proxy.passed, "nothing went through the proxy"
    assert not proxy.refused, f"asked without the password: {proxy.refused[:3]}"


def test_no_one_on_the_server_can_read_its_password(site, proxied):
    # First of all: sudo writes the commands below, with the password in them, into the journal.
    assert PASSWORD not in site.machine.run("journalctl --no-pager -o cat")
    places = "/etc /opt /var/lib /usr/local /run /srv /home /tmp"
    found = site.machine.run(
        "useradd -m nosy 2>/dev/null; "
        f"su nosy -s /bin/sh -c 'grep -rlsI --exclude-dir=proc {PASSWORD} {places}' || true"
    )
    assert found.split() == []
    units = "su nosy -s /bin/sh -c 'systemctl show jupyterhub jupyterhub-proxy; ps auxeww' || true"
    assert PASSWORD not in site.machine.run(units)
    # Where it must be, it is for root alone.
    modes = site.machine.run(f"grep -rlsI {PASSWORD} /etc | xargs stat -c '%a %U %n'").splitlines()
    assert modes and all(line.startswith("600 root ") for line in modes)


def test_people_s_programs_know_the_proxy_but_not_the_password(site, proxied):
    proxy, _address = proxied
    settings = json.loads(site.machine.run("cat /etc/jupyterhub/site.json"))
    environment = json.dumps(settings["environment"])
    assert f":{proxy.server_port}" in environment and PASSWORD not in environment


def test_no_record_of_a_run_holds_the_password(site, proxied):
    runs = site.directory / ".localcloud"
    holding = [
        file
        for file in runs.rglob("*")
        if file.is_file() and PASSWORD.encode() in file.read_bytes()
    ]
    assert holding == []


def test_a_second_run_changes_nothing(site, proxied):
    site.localcloud("install", "--no-journey").ended(0).says("Nothing had to be changed")
