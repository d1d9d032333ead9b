"""Zero to JupyterHub on a real k3s, with the real helm and chart: what a campus would see of it.

What the tests need, and which parts are stand-ins, stands in ``real_z2jh``. They stand in the order
of a hub's life.
"""

import json

import pytest
import requests
from lives import secret_places
from real_z2jh import (
    MARKS,
    configure,
    has_traefik,
    history,
    kubectl,
    prepare,
    start_ingress,
    stop_ingress,
    url,
    values,
)
from student import filled

pytestmark = MARKS
ASK_WHO = 'echo \'{"action": "list", "prefix": ""}\' | /opt/localcloud/z2jh/bin/accounts'


@pytest.fixture(scope="module")
def hub(make_site, tmp_path_factory):
    """One machine that is the cluster and its hub; nothing is installed yet."""
    site = make_site(groups=("k3s_server=1", "z2jh=1"))
    prepare(site.machine)
    configure(site, tmp_path_factory.mktemp("outside"), "node1")
    return site


def test_a_mistyped_value_ends_the_run_before_the_cluster_is_made(hub):
    hub.set(z2jh_values='{"hubb": {}}')
    ended = hub.localcloud("install").ended(1)
    ended.says("The chart refuses the values of jupyterhub", "'hubb' not allowed")
    assert hub.machine.run("ls /etc/rancher 2>/dev/null || true") == ""
    hub.set(z2jh_values=values())


def test_the_hub_is_installed_and_a_student_gets_through(hub):
    start_ingress(hub.machine)
    ended = hub.localcloud("install").ended(0)
    secrets = hub.secrets()
    assert not [name for name, value in secrets.items() if value in ended.text]
    assert not secret_places(hub, secrets)
    assert [one["status"] for one in history(hub.machine)] == ["deployed"]
    hub.localcloud("verify", "--users", "2").ended(0).says("passed")


@pytest.mark.skipif(not has_traefik(), reason="NOT RUN: no images of the real Traefik")
def test_plain_http_leads_to_the_port_that_people_use(hub):
    plain = url(hub, "node1", port=80)
    said = requests.get(f"{plain}/hub/login", allow_redirects=False, timeout=30)
    assert said.is_permanent_redirect
    assert said.headers["Location"] == f"{url(hub, 'node1')}/hub/login"


@pytest.mark.parametrize("name", ["ana@uni.edu", "josé.núñez", ".ana", "ana maria"])
def test_a_name_that_can_have_no_home_is_refused_with_the_rule(hub, name):
    """As on the other hubs: people can move."""
    authority = hub.directory / "ca.crt"
    authority.write_text(hub.machine.run("cat /etc/localcloud/z2jh/tls/ca.crt"))
    words = {"signup_password": "una-clave-larga-456"}
    words["signup_password_confirmation"] = words["signup_password"]
    place = url(hub, "node1"), "/hub/signup", authority
    said = filled(*place, username=name, **words).content.decode()
    assert "a–z (no accents), 0–9" in said
    assert name not in hub.machine.run(ASK_WHO)


def test_the_hubs_pod_has_the_right_volume(hub):
    claim = json.loads(kubectl(hub.machine, "-n jupyterhub get pvc hub-db-dir -o json"))
    assert claim["status"]["phase"] == "Bound"
    assert claim["spec"]["storageClassName"] == "local-path"
    assert kubectl(hub.machine, "-n jupyterhub get pvc -o name").split() == [
        "persistentvolumeclaim/hub-db-dir"
    ], "the journey's students left none"


def test_a_second_run_changes_nothing(hub):
    hub.localcloud("install").ended(0).says("Nothing had to be changed")
    assert len(history(hub.machine)) == 1


def test_no_secret_in_arguments_logs_or_readable_files(hub):
    shown = hub.machine.processes() + hub.machine.run("journalctl --no-pager -o cat")
    found = [
        f"{name}: {line[:200]}".replace(value, "…")
        for name, value in hub.secrets().items()
        for line in shown.splitlines()
        if value in line
    ]
    assert found == []
    # Certificates are for everybody; what opens something is not.
    readable = hub.machine.run("find /etc/localcloud -type f -perm /077 -exec cat {} +")
    assert "PRIVATE KEY" not in readable
    assert not [name for name, value in hub.secrets().items() if value in readable]


def test_a_broken_upgrade_rolls_back_and_the_hub_stays(hub):
    hub.set(z2jh_values=values(tag="no-such-tag"))
    ended = hub.localcloud("install").ended(1)
    ended.says("went back to revision 1", "no-such-tag")
    assert history(hub.machine)[-1]["description"] == "Rollback to 1"
    hub.localcloud("verify", "--users", "1").ended(0).says("passed")
    hub.set(z2jh_values=values())
    hub.localcloud("install").ended(0)


def test_removal_keeps_the_database_and_comes_back(hub):
    assert "admin" in hub.machine.run(ASK_WHO)
    # The hub alone; the cluster stays.
    inventory = hub.directory / "hosts.yml"
    whole = inventory.read_text()
    authority = hub.machine.run("cat /etc/localcloud/z2jh/tls/ca.crt")
    stop_ingress(hub.machine)
    hub.localcloud("reset", "--yes").ended(0)
    places = "/opt/localcloud /etc/localcloud /root/.kube /root/.cache"
    assert hub.machine.run(f"ls -d {places} 2>/dev/null || true") == ""
    inventory.write_text(whole)
    start_ingress(hub.machine)
    hub.localcloud("install").ended(0)
    assert hub.machine.run("cat /etc/localcloud/z2jh/tls/ca.crt") == authority
