"""The hub on the cluster, as root sees it on the server, and as a student from outside."""

import json

testinfra_hosts = ["ansible://z2jh"]

KUBECTL = "/usr/local/bin/k3s kubectl --namespace jupyterhub"


def test_hub_and_proxy_run_on_the_cluster(host):
    pods = json.loads(host.check_output(f"{KUBECTL} get pods -o json"))["items"]
    phases = {pod["metadata"]["labels"]["component"]: pod["status"]["phase"] for pod in pods}
    assert phases == {"hub": "Running", "proxy": "Running"}


def test_the_hubs_database_has_a_volume_on_local_disks(host):
    claim = json.loads(host.check_output(f"{KUBECTL} get pvc hub-db-dir -o json"))
    assert claim["status"]["phase"] == "Bound"
    assert claim["spec"]["storageClassName"] == "local-path"
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_values_and_secrets_are_for_root_alone(host):
    assert host.file("/etc/localcloud/z2jh").mode == 0o700
    assert host.check_output("find /etc/localcloud -type f -perm /077") == ""


def test_the_administrator_exists_before_anybody_can_sign_up(host):
    ask = 'echo \'{"action": "list"}\' | /opt/localcloud/z2jh/bin/accounts'
    users = json.loads(host.check_output(ask))["users"]
    assert "admin" in [user["name"] for user in users]


def test_localcloud_verify_passes(localcloud):
    localcloud("verify")
