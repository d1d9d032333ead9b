"""Zero to JupyterHub on a real k3s, with the real helm and chart: what its tests share.

Needs what no package registry has, as paths in the environment, and skips loudly without:
    LOCALCLOUD_TEST_K3S         directory with k3s and images/*.tar (with CoreDNS and local-path)
    LOCALCLOUD_TEST_HELM        the helm program
    LOCALCLOUD_TEST_Z2JH_CHART  the chart's archive
    LOCALCLOUD_TEST_Z2JH_IMAGES directory with z2jh-standins.tar; made there if it is not (minutes)

The images are stand-ins made of packages (tests/doubles/images). Where the first directory has the
images of Traefik and of what k3s installs and serves it with, Traefik is the real one; else a
stand-in takes its place (tests/doubles/ingress.py).
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Machine, Site

DOUBLES = Path(__file__).resolve().parents[1] / "doubles"
NEEDED = ("LOCALCLOUD_TEST_K3S", "LOCALCLOUD_TEST_HELM", "LOCALCLOUD_TEST_Z2JH_CHART")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN: no real {', '.join(MISSING)}"),
]
STAND_IN = "localcloud.test/stand-in"
# Old runtimes refuse clone3 under their default profile.
LOOSE = {"seccompProfile": {"type": "Unconfined"}}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def has_traefik() -> bool:
    place = Path(os.environ.get("LOCALCLOUD_TEST_K3S") or "/nowhere")
    return bool(list(place.glob("images/*traefik*.tar")))


def kind(name: str) -> dict:
    """One of Traefik's, which holds whatever it is given."""
    version = {"name": "v1alpha1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name.lower()}s.traefik.io"},
        "spec": {
            "group": "traefik.io",
            "scope": "Namespaced",
            "names": {"kind": name, "plural": f"{name.lower()}s", "singular": name.lower()},
            "versions": [{**version, "schema": {"openAPIV3Schema": ANYTHING}}],
        },
    }


ALL = [kind("Middleware"), kind("IngressRoute"), kind("TLSStore")]
KINDS = {"apiVersion": "v1", "kind": "List", "items": ALL}


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


def prepare(machine: Machine) -> None:
    """What a container needs to be a node of this cluster."""
    # Layers of images need a file system of their own in a container.
    machine.run("mkdir -p /var/lib/rancher && mount -t tmpfs -o size=6G none /var/lib/rancher")
    # The provisioner of an old k3s closes volumes to everybody but root; newer ones open them.
    opened = "while sleep 0.1; do chmod -f 0777 /srv/localcloud/volumes/pvc-*; done"
    machine.run(f"systemd-run --unit open-volumes sh -c '{opened}'")


def configure(site: Site, outside: Path, server: str) -> None:
    """The settings of a cluster with its hub on ``server``; ``outside`` gets files from outside."""
    k3s = Path(os.environ["LOCALCLOUD_TEST_K3S"])
    chart = Path(os.environ["LOCALCLOUD_TEST_Z2JH_CHART"])
    helm = Path(os.environ["LOCALCLOUD_TEST_HELM"])
    for source in (k3s / "k3s", helm, chart):
        shutil.copy(source, outside / source.name)
    said = subprocess.run([k3s / "k3s", "--version"], capture_output=True, text=True).stdout
    version = re.findall(r"v[0-9.]+\+k3s[0-9]+", said)[0]
    archives = [str(path) for path in sorted(k3s.glob("images/*.tar"))] + [str(images())]
    site.set(
        artifact_local_dir=str(outside),
        artifact_online="false",
        k3s_version=version,
        k3s_checksums=json.dumps({version: {"k3s": sha256(k3s / "k3s")}}),
        k3s_image_archives=json.dumps(archives),
        k3s_disable="[metrics-server]" if has_traefik() else "[traefik, metrics-server, servicelb]",
        z2jh_chart_url=f"https://charts.invalid/{chart.name}",
        z2jh_chart_sha256=sha256(chart),
        helm_url=f"https://helm.invalid/{helm.name}",
        helm_sha256=json.dumps({"amd64": sha256(helm)}),
        z2jh_image=json.dumps({"name": f"{STAND_IN}/notebook", "tag": "1"}),
        z2jh_profiles="[]",
        z2jh_timeout="300",
        z2jh_values=values(),
        hub_public_url=url(site, server),
        hub_tls_mode="internal",
    )


def url(site: Site, name: str, port: int = 443) -> str:
    """Where the machine's port for people (443 or 80) answers on this computer."""
    state = json.loads((site.directory / ".localcloud/lab.json").read_text())
    scheme = "https" if port == 443 else "http"
    return f"{scheme}://localhost:{state['machines'][name]['ports'][str(port)]}"


def kubectl(machine: Machine, words: str) -> str:
    return machine.run(f"HOME=/run/k3s/test /usr/local/bin/k3s kubectl {words}")


def history(machine: Machine) -> list[dict]:
    helm = "KUBECONFIG=/etc/rancher/k3s/k3s.yaml /opt/localcloud/helm/helm.tar.gz"
    return json.loads(machine.run(f"{helm} history jupyterhub -n jupyterhub -o json"))


def start_ingress(machine: Machine) -> None:
    """What Traefik would do; it waits for the cluster."""
    if has_traefik():
        return
    ingress = (DOUBLES / "ingress.py").read_text()
    machine.run(f"cat > /usr/local/bin/ingress-stand-in <<'END'\n{ingress}END")
    run = "systemd-run --unit ingress-stand-in -p Restart=always -p RestartSec=2 -E HOME=/run/test"
    kube = "/usr/local/bin/k3s kubectl"
    machine.run(f"{run} python3 /usr/local/bin/ingress-stand-in jupyterhub {kube}")
    machine.run(f"cat > /root/crd.json <<'END'\n{json.dumps(KINDS)}\nEND")
    bring_kind(machine)


def stop_ingress(machine: Machine) -> None:
    """As Traefik would go with its cluster."""
    if has_traefik():
        return
    machine.run(
        "systemctl stop ingress-stand-in kind; python3 /usr/local/bin/ingress-stand-in stop"
    )


def bring_kind(machine: Machine) -> None:
    """What Traefik's chart does as soon as a cluster is there."""
    kube = "HOME=/run/k3s/test /usr/local/bin/k3s kubectl"
    apply = f"until {kube} apply -f /root/crd.json; do sleep 2; done"
    machine.run(f"systemd-run --unit kind sh -c '{apply}'")
