"""Zero to JupyterHub on a real k3s, with the real helm and chart: what a campus would see of it.

Needs what no package registry has, as paths in the environment, and skips loudly without:
    LOCALCLOUD_TEST_K3S         directory with k3s and images/*.tar (with CoreDNS and local-path)
    LOCALCLOUD_TEST_HELM        the helm program
    LOCALCLOUD_TEST_Z2JH_CHART  the chart's archive
    LOCALCLOUD_TEST_Z2JH_IMAGES directory with z2jh-standins.tar; made there if it is not (minutes)

The images are stand-ins made of packages (tests/doubles/images), and so is the ingress
(tests/doubles/ingress.py) in Traefik's place. The tests stand in the order of a hub's life.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lives import secret_places

DOUBLES = Path(__file__).resolve().parents[1] / "doubles"
NEEDED = ("LOCALCLOUD_TEST_K3S", "LOCALCLOUD_TEST_HELM", "LOCALCLOUD_TEST_Z2JH_CHART")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: no real {', '.join(MISSING)}"),
]
STAND_IN = "localcloud.test/stand-in"
# Old runtimes refuse clone3 under their default profile.
LOOSE = {"seccompProfile": {"type": "Unconfined"}}
MIDDLEWARE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "middlewares.traefik.io"},
    "spec": {
        "group": "traefik.io",
        "scope": "Namespaced",
        "names": {"kind": "Middleware", "plural": "middlewares", "singular": "middleware"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def values(tag: str = "4.4.0") -> str:
    hub = {"name": f"{STAND_IN}/k8s-hub", "tag": tag, "pullPolicy": "IfNotPresent"}
    proxy = {"name": f"{STAND_IN}/configurable-http-proxy", "pullPolicy": "IfNotPresent"}
    return json.dumps(
        {
            "hub": {"image": hub, "podSecurityContext": LOOSE},
            "proxy": {"chp": {"image": proxy, "containerSecurityContext": LOOSE}},
        }
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def images() -> Path:
    """The stand-ins' archive; kept for the next time where the environment names a place."""
    place = Path(os.environ.get("LOCALCLOUD_TEST_Z2JH_IMAGES") or "/var/tmp/localcloud-z2jh-images")
    archive = place / "z2jh-standins.tar"
    if not archive.exists():
        done = subprocess.run(
            ["sh", DOUBLES / "images/build.sh", place], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return archive


@pytest.fixture(scope="module")
def hub(make_site, images, tmp_path_factory):
    """One machine that is the cluster and its hub; nothing is installed yet."""
    site = make_site(groups=("k3s_server=1",))
    with (site.directory / "hosts.yml").open("a") as hosts:
        hosts.write("    z2jh:\n      hosts:\n        node1:\n")
    # Layers of images need a file system of their own in a container.
    site.machine.run("mkdir -p /var/lib/rancher && mount -t tmpfs -o size=6G none /var/lib/rancher")
    k3s = Path(os.environ["LOCALCLOUD_TEST_K3S"])
    outside = tmp_path_factory.mktemp("outside")
    chart = Path(os.environ["LOCALCLOUD_TEST_Z2JH_CHART"])
    for source in (k3s / "k3s", Path(os.environ["LOCALCLOUD_TEST_HELM"]), chart):
        shutil.copy(source, outside / source.name)
    # The provisioner of an old k3s closes volumes to everybody but root; newer ones open them.
    opened = "while sleep 0.1; do chmod -f 0777 /srv/localcloud/volumes/pvc-*; done"
    site.machine.run(f"systemd-run --unit open-volumes sh -c '{opened}'")
    helm = Path(os.environ["LOCALCLOUD_TEST_HELM"])
    said = subprocess.run([k3s / "k3s", "--version"], capture_output=True, text=True).stdout
    version = re.findall(r"v[0-9.]+\+k3s[0-9]+", said)[0]
    archives = [str(path) for path in sorted(k3s.glob("images/*.tar"))] + [str(images)]
    site.set(
        artifact_local_dir=str(outside),
        artifact_online="false",
        k3s_version=version,
        k3s_checksums=json.dumps({version: {"k3s": sha256(k3s / "k3s")}}),
        k3s_image_archives=json.dumps(archives),
        k3s_disable="[traefik, metrics-server, servicelb]",
        z2jh_chart_url=f"https://charts.invalid/{chart.name}",
        z2jh_chart_sha256=sha256(chart),
        helm_url=f"https://helm.invalid/{helm.name}",
        helm_sha256=json.dumps({"amd64": sha256(helm)}),
        z2jh_image=json.dumps({"name": f"{STAND_IN}/notebook", "tag": "1"}),
        z2jh_profiles="[]",
        z2jh_timeout="300",
        z2jh_values=values(),
        hub_public_url=f"https://localhost:{port(site)}",
        hub_tls_mode="internal",
    )
    return site


def port(site) -> int:
    """Where the machine's port 443 answers on this computer."""
    state = json.loads((site.directory / ".localcloud/lab.json").read_text())
    (machine,) = state["machines"].values()
    return int(machine["ports"]["443"])


def kubectl(site, words: str) -> str:
    return site.machine.run(f"HOME=/run/k3s/test /usr/local/bin/k3s kubectl {words}")


def history(site) -> list[dict]:
    helm = "KUBECONFIG=/etc/rancher/k3s/k3s.yaml /opt/localcloud/helm/helm.tar.gz"
    return json.loads(site.machine.run(f"{helm} history jupyterhub -n jupyterhub -o json"))


def bring_kind(site) -> None:
    """What Traefik's chart does as soon as a cluster is there."""
    kube = "HOME=/run/k3s/test /usr/local/bin/k3s kubectl"
    apply = f"until {kube} apply -f /root/crd.json; do sleep 2; done"
    site.machine.run(f"systemd-run --unit kind sh -c '{apply}'")


def test_a_mistyped_value_ends_the_run_before_the_cluster_is_made(hub):
    hub.set(z2jh_values='{"hubb": {}}')
    ended = hub.localcloud("install").ended(1)
    ended.says("The chart refuses the values of jupyterhub", "'hubb' not allowed")
    assert hub.machine.run("ls /etc/rancher 2>/dev/null || true") == ""
    hub.set(z2jh_values=values())


def test_the_hub_is_installed_and_a_student_gets_through(hub):
    ingress = (DOUBLES / "ingress.py").read_text()
    hub.machine.run(f"cat > /usr/local/bin/ingress-stand-in <<'END'\n{ingress}END")
    run = "systemd-run --unit ingress-stand-in -p Restart=always -p RestartSec=2 -E HOME=/run/test"
    kube = "/usr/local/bin/k3s kubectl"
    hub.machine.run(f"{run} python3 /usr/local/bin/ingress-stand-in jupyterhub {kube}")
    hub.machine.run(f"cat > /root/crd.json <<'END'\n{json.dumps(MIDDLEWARE)}\nEND")
    bring_kind(hub)
    ended = hub.localcloud("install").ended(0)
    secrets = hub.secrets()
    assert not [name for name, value in secrets.items() if value in ended.text]
    assert not secret_places(hub, secrets)
    assert [one["status"] for one in history(hub)] == ["deployed"]
    hub.localcloud("verify", "--users", "2").ended(0).says("passed")


def test_the_hubs_pod_has_the_right_volume(hub):
    claim = json.loads(kubectl(hub, "-n jupyterhub get pvc hub-db-dir -o json"))
    assert claim["status"]["phase"] == "Bound"
    assert claim["spec"]["storageClassName"] == "local-path"
    assert kubectl(hub, "-n jupyterhub get pvc -o name").split() == [
        "persistentvolumeclaim/hub-db-dir"
    ], "the journey's students left none"


def test_a_second_run_changes_nothing(hub):
    hub.localcloud("install").ended(0).says("Nothing had to be changed")
    assert len(history(hub)) == 1


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
    assert history(hub)[-1]["description"] == "Rollback to 1"
    hub.localcloud("verify", "--users", "1").ended(0).says("passed")
    hub.set(z2jh_values=values())
    hub.localcloud("install").ended(0)


def test_removal_keeps_the_database_and_comes_back(hub):
    ask = 'echo \'{"action": "list", "prefix": ""}\' | /opt/localcloud/z2jh/bin/accounts'
    before = hub.machine.run(ask)
    assert "admin" in before
    # The hub alone; the cluster stays.
    inventory = hub.directory / "hosts.yml"
    whole = inventory.read_text()
    authority = hub.machine.run("cat /etc/localcloud/z2jh/tls/ca.crt")
    hub.localcloud("reset", "--yes").ended(0)
    places = "/opt/localcloud /etc/localcloud /root/.kube /root/.cache"
    assert hub.machine.run(f"ls -d {places} 2>/dev/null || true") == ""
    inventory.write_text(whole)
    bring_kind(hub)
    hub.localcloud("install").ended(0)
    assert hub.machine.run("cat /etc/localcloud/z2jh/tls/ca.crt") == authority
