"""What stands on the server after `localcloud install`, as root and as a stranger see it."""

import json

import pytest

testinfra_hosts = ["ansible://jupyterhub"]

SERVICES = ["jupyterhub", "jupyterhub-proxy"]


@pytest.fixture(autouse=True)
def journal(host, request):
    """Print the journal when a test fails: what it says is what a sysadmin would look at."""
    yield
    if request.session.testsfailed:
        print(host.check_output("journalctl -u jupyterhub -u jupyterhub-proxy -n 40 --no-pager"))


@pytest.mark.parametrize("name", SERVICES)
def test_services_run_now_and_after_a_reboot(host, name):
    assert host.service(name).is_running
    assert host.service(name).is_enabled


def test_only_the_proxy_is_open_to_the_network(host):
    assert host.socket("tcp://0.0.0.0:80").is_listening or host.socket("tcp://:::80").is_listening
    for port in (8081, 8001):
        assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
        assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening


def test_the_proxy_runs_as_nobody_in_particular(host):
    pid = host.check_output("systemctl show -p MainPID --value jupyterhub-proxy")
    user = int(host.check_output(f"stat -c %u /proc/{pid}"))
    assert 61184 <= user <= 65519, "the range of systemd's passing users"
    assert "CONFIGPROXY_AUTH_TOKEN" not in host.check_output(f"tr '\\0' ' ' < /proc/{pid}/cmdline")


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("fence", ["NoNewPrivileges", "ProtectKernelTunables", "PrivateTmp"])
def test_units_are_hardened(host, name, fence):
    assert host.check_output(f"systemctl show -p {fence} --value {name}") == "yes"


def test_what_is_for_root_alone(for_root_alone):
    for_root_alone(0o600, "/etc/jupyterhub/secrets.env", "/etc/jupyterhub/site.json")
    for_root_alone(0o600, "/var/lib/jupyterhub/jupyterhub.sqlite")
    for_root_alone(0o600, "/var/lib/localcloud/receipt.json")
    for_root_alone(0o700, "/var/lib/jupyterhub", "/var/lib/localcloud")
    for_root_alone(0o700, "/opt/localcloud/jupyterhub/bin/accounts")


def test_nothing_of_the_hub_is_writable_by_others(host):
    found = host.check_output(
        "find /opt/localcloud /etc/jupyterhub /srv/shared ! -type l -perm /022 -print"
    )
    assert found == ""


def test_the_receipt_knows_what_was_made(host):
    receipt = json.loads(host.file("/var/lib/localcloud/receipt.json").content_string)
    entry = receipt["components"]["jupyterhub"]
    assert entry["version"].startswith("5.5.")
    assert "jupyterhub.service" in entry["units"]
    assert entry["paths"]["/etc/jupyterhub"]["was"] == "absent"
    assert "python3-venv" in entry["packages"] and "packages_before" not in entry


def test_what_people_find_in_their_environment(host):
    pip = "/opt/localcloud/jupyterhub/user/bin/python -m pip"
    shown = host.check_output(f"{pip} list --format json")
    names = {package["name"].lower() for package in json.loads(shown)}
    assert {"jupyterlab", "notebook", "nbgitpuller", "jupyterlab-language-pack-es-es"} <= names


def test_the_journal_is_bounded(host):
    assert (
        "SystemMaxUse=500M"
        in host.file("/etc/systemd/journald.conf.d/localcloud.conf").content_string
    )
