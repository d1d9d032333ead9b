"""A person's volumes in the cluster, where the plain hub has Unix users with homes.

KubeSpawner makes a claim for each person. Its name is a slug with a digest, so a claim is never
found by a computed name, but by the annotation that holds the person's own.
"""

import json
import os
import ssl
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
USER = "hub.jupyter.org/username"


def unix_name(name: str) -> str:
    """What stands for a person here: the hub's name itself."""
    return name


def call(method: str, path: str) -> dict:
    """Ask the cluster's API with the hub's own rights; raises OSError."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    request = urllib.request.Request(
        f"https://{f'[{host}]' if ':' in host else host}:{port}{path}",
        method=method,
        headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}"},
    )
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
        return dict(json.load(answer))


def claims_of(name: str) -> list[dict]:
    """The metadata of a person's claims."""
    listed = call("GET", f"{base()}?labelSelector=component=singleuser-storage")
    metadata = [item["metadata"] for item in listed.get("items", [])]
    return [one for one in metadata if one.get("annotations", {}).get(USER) == name]


def base() -> str:
    return f"/api/v1/namespaces/{(ACCOUNT / 'namespace').read_text()}/persistentvolumeclaims"


def remove_user(name: str) -> None:
    """Delete a person's claims; what happens to the data is their StorageClass's word."""
    for claim in claims_of(name):
        call("DELETE", f"{base()}/{claim['name']}")
