"""The site's cluster as modules speak to it: through kubectl, on the host of its first server."""

from __future__ import annotations

import json
import subprocess

from ansible.module_utils.localcloud_host import Failed

HOPELESS = {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"}
IN_TIME = {"ErrImagePull", "ImagePullBackOff"}
PATIENCE = 60  # seconds that an image may fail to come
ANSWER = 600  # seconds that one call may take; those that wait have limits of their own


class Cluster:
    """What is asked of it; every call of kubectl goes through here."""

    def __init__(self, kubectl: list[str]) -> None:
        self.kubectl = kubectl

    def kube(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl; raises Failed with what it says."""
        try:
            done = subprocess.run(
                [*self.kubectl, *words],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=ANSWER,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed("helm_cluster", command=words[0], details=str(error)) from error
        if done.returncode:
            raise Failed("helm_cluster", command=words[0], details=done.stderr.strip())
        return done.stdout

    def read(self, *words: str) -> dict:
        """One object, or a list of them in ``items``."""
        return dict(json.loads(self.kube("get", *words, "-o", "json")))

    def make(self, *objects: dict) -> None:
        whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kube("create", "-f", "-", stdin=json.dumps(whole))


def hopeless(pod: dict, waited: float) -> str:
    """Why a pod will never start, after that many seconds; empty if it still may."""
    for status in pod["status"].get("containerStatuses", []):
        why = status.get("state", {}).get("waiting") or {}
        reason = why.get("reason", "")
        if reason in HOPELESS or (reason in IN_TIME and waited > PATIENCE):
            return f"{reason}: {why.get('message', '')}"
    return ""
