"""Stand-in for a cluster as ``home_volumes`` speaks to it: claims and pods in dictionaries.

Its pods end at once, with what ``fails`` says of their claim. It proves the order of things and
what is remembered; that homes arrive is proved on a real cluster (integration/test_z2jh_move.py).
"""

import json
from typing import Any

PERSON = "hub.jupyter.org/username"


class HomeCluster:
    """``claims``: name → annotations; ``copied``: (claim, folder); ``pods`` that are left."""

    def __init__(self) -> None:
        self.claims: dict[str, dict[str, str]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.copied: list[tuple[str, str]] = []
        self.sizes: list[str] = []
        self.fails: dict[str, str] = {}
        self.killed_at = ""  # a verb of kubectl at which the run ends

    def kube(self, *words: str, stdin: str = "") -> str:
        if words[0] == self.killed_at:
            raise KeyboardInterrupt
        return str(getattr(self, words[0])(*words[1:], stdin=stdin))

    def exec(self, *_words: str, stdin: str) -> str:
        return json.dumps([self.wished(name) for name in json.loads(stdin)])

    def wished(self, name: str) -> dict[str, Any]:
        metadata = {"name": f"claim-{name}", "annotations": {PERSON: name}}
        return {"metadata": metadata, "spec": {"resources": {"requests": {"storage": "20Gi"}}}}

    def patch(self, *words: str, stdin: str) -> str:
        self.sizes.append(words[-1])
        return ""

    def annotate(self, *words: str, stdin: str) -> str:
        marks = [word for word in words if "=" in word]
        claim = next(word for word in words if word in self.claims)
        self.claims[claim].update(mark.split("=", 1) for mark in marks)
        return ""

    def delete(self, _kind: str, pod: str, *_words: str, stdin: str) -> str:
        self.pods.pop(pod, None)
        return ""

    def logs(self, pod: str, *_words: str, stdin: str) -> str:
        claim = self.claim_of(self.pods[pod])
        return self.fails.get(claim) or json.dumps({"files": 2, "bytes": 9, "left_out": 0})

    @staticmethod
    def claim_of(pod: dict[str, Any]) -> str:
        return str(pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"])

    def make(self, one: dict[str, Any]) -> None:
        if one["kind"] == self.killed_at:
            raise KeyboardInterrupt
        assert one["metadata"]["namespace"] == "hub"
        if one["kind"] == "Pod":
            self.pods[one["metadata"]["name"]] = one
        else:
            self.claims[one["metadata"]["name"]] = dict(one["metadata"]["annotations"])

    def read(self, kind: str, *words: str) -> dict[str, Any]:
        if kind == "persistentvolumeclaims":
            known = self.claims.items()
            return {"items": [{"metadata": {"name": n, "annotations": dict(a)}} for n, a in known]}
        if kind == "deployment":
            container = {"name": "hub", "image": "hub:5"}
            return {"spec": {"template": {"spec": {"containers": [container]}}}}
        if kind == "events":
            return {"items": []}
        pod = self.pods[words[0]]
        claim = self.claim_of(pod)
        bad = claim in self.fails
        if not bad:
            target = pod["spec"]["containers"][0]["command"][-3]
            self.copied.append((claim, target))
        return {**pod, "status": {"phase": "Failed" if bad else "Succeeded"}}
