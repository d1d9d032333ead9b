"""What stands on the server after `localcloud install`, as root sees it, and TLJH's own checks."""

import json

import pytest

testinfra_hosts = ["ansible://tljh"]

SERVICES = ["jupyterhub", "traefik"]


@pytest.fixture(autouse=True)
def journal(host, request):
    """Print the journal when a test fails: what it says is what a sysadmin would look at."""
    yield
    if request.session.testsfailed:
        print(host.check_output("journalctl -u jupyterhub -u traefik -n 40 --no-pager"))


@pytest.mark.parametrize("name", SERVICES)
def test_services_run_now_and_after_a_reboot(host, name):
    assert host.service(name).is_running
    assert host.service(name).is_enabled


def test_only_traefik_is_open_to_the_network(host):
    assert host.socket("tcp://0.0.0.0:80").is_listening or host.socket("tcp://:::80").is_listening
    for port in (15001, 8099):
        assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
        assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening


def test_what_is_for_root_alone(for_root_alone):
    for_root_alone(0o600, "/opt/tljh/config/config.yaml", "/var/lib/localcloud/receipt.json")
    for_root_alone(0o700, "/etc/localcloud/tljh", "/opt/tljh/config", "/opt/tljh/state")
    for_root_alone(0o700, "/opt/localcloud/tljh/bin/accounts")


def test_nothing_of_the_hub_is_writable_by_others(host):
    places = "/opt/localcloud /opt/tljh /etc/localcloud /srv/shared"
    assert host.check_output(f"find {places} ! -type l -perm /022 -print") == ""


def test_tljh_config_is_tljhs_own_and_its_reload_works(host):
    """What TLJH's integration tests try first."""
    shown = host.check_output("tljh-config show")
    assert "nativeauthenticator.NativeAuthenticator" in shown
    host.check_output("tljh-config set services.cull.concurrency 7")
    host.check_output("tljh-config reload")
    assert "concurrency: 7" in host.check_output("tljh-config show")


def test_the_administrator_exists_before_anybody_can_sign_up(host):
    ask = 'echo \'{"action": "list"}\' | /opt/localcloud/tljh/bin/accounts'
    users = json.loads(host.check_output(ask))["users"]
    assert "admin" in [user["name"] for user in users]


def test_localcloud_verify_passes(localcloud):
    localcloud("verify")
