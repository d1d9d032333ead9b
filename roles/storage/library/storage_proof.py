#!/usr/bin/python
"""Ansible module: proof that volumes hold what is written to them.

For each class: a claim, a pod that writes as a notebook would, another that reads, on another node
where the provider promises that. All of it is taken away again, also what a killed run has left.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator

from ansible.module_utils import localcloud_cluster
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_cluster import hopeless
from ansible.module_utils.localcloud_host import Failed

DOCUMENTATION = """
module: storage_proof
short_description: Write to a new volume of each class, and read it again
author: The localcloud authors
options:
  kubectl:
    description: Command for kubectl, with its options.
    type: list
    elements: str
    required: true
  classes:
    description: Each a C(name), C(shared) (many nodes at once), C(moves) (another node can read),
      and C(parameters) that its trial has beyond the class's own.
    type: list
    elements: dict
    required: true
  image:
    description: Image with a shell; by default that of k3s's local volumes.
    type: str
    default: ""
  timeout:
    description: Seconds that each step may take.
    type: int
    default: 300
"""
RETURN = """
proofs:
  description: Class, the node that wrote and the node that read.
  type: list
  returned: always
"""

SPACE = "kube-system"  # always there, and a hardened cluster lets us in
LABEL = "localcloud/proof"
NOTEBOOK = {"runAsUser": 1000, "runAsGroup": 100, "fsGroup": 100}
POLL = 1  # seconds


class Cluster(localcloud_cluster.Cluster):
    """The one whose volumes are tried."""

    def __init__(self, parameters: dict) -> None:
        super().__init__(parameters["kubectl"])
        self.p = parameters

    def clean(self) -> None:
        """Take away all that proofs have made, this one's and those of killed runs."""
        words = ["--selector", LABEL, "--ignore-not-found", "--wait=true", "--timeout=120s"]
        self.kube("delete", "pods,persistentvolumeclaims", "-n", SPACE, *words)
        self.kube("delete", "storageclasses", *words)

    def image(self) -> str:
        if self.p["image"]:
            return str(self.p["image"])
        config = self.read("configmap", "local-path-config", "-n", SPACE)["data"]
        lines = [
            line.split("image:")[1]
            for line in config["helperPod.yaml"].splitlines()
            if "image:" in line
        ]
        return lines[0].strip().strip("\"'")

    def nodes(self) -> list[str]:
        """Nodes that take pods."""
        found = []
        for node in self.read("nodes")["items"]:
            taints = [one["effect"] for one in node["spec"].get("taints", [])]
            ready = {one["type"]: one["status"] for one in node["status"]["conditions"]}
            if ready.get("Ready") == "True" and not {"NoSchedule", "NoExecute"} & set(taints):
                found.append(node["metadata"]["name"])
        return found


class Proof:
    """One class on trial."""

    def __init__(self, cluster: Cluster, wanted: dict, image: str) -> None:
        self.cluster, self.wanted, self.image = cluster, wanted, image
        self.class_name = wanted["name"]
        self.word = secrets.token_hex(8)
        self.name = f"localcloud-proof-{self.word}"

    def meta(self, name: str) -> dict:
        return {"name": name, "labels": {LABEL: "true"}}

    def trial_class(self) -> list[dict]:
        """The class itself, or one like it whose volumes leave nothing behind."""
        if not self.wanted["parameters"]:
            return []
        real = self.cluster.read("storageclass", self.class_name)
        kept = {key: value for key, value in real.items() if key not in ("metadata", "status")}
        kept["parameters"] = {**real.get("parameters", {}), **self.wanted["parameters"]}
        self.class_name = self.name
        return [{**kept, "metadata": self.meta(self.name)}]

    def claim(self) -> dict:
        modes = ["ReadWriteMany" if self.wanted["shared"] else "ReadWriteOnce"]
        resources = {"requests": {"storage": "16Mi"}}
        spec = {"storageClassName": self.class_name, "accessModes": modes, "resources": resources}
        meta = {**self.meta(self.name), "namespace": SPACE}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}

    def pod(self, part: str, script: str, node: str) -> dict:
        container = {
            "name": part,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", script],
            "volumeMounts": [{"name": "volume", "mountPath": "/proof"}],
        }
        claim = {"persistentVolumeClaim": {"claimName": self.name}}
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": NOTEBOOK,
            "containers": [container],
            "volumes": [{"name": "volume", **claim}],
            **({"nodeName": node} if node else {}),
        }
        meta = {**self.meta(f"{self.name}-{part}"), "namespace": SPACE}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}

    def ended(self, part: str) -> str:
        """Wait for a pod's success; the node that it ran on."""
        name = f"{self.name}-{part}"
        began = time.monotonic()
        while True:
            pod = self.cluster.read("pod", name, "-n", SPACE)
            phase = pod["status"].get("phase")
            if phase == "Succeeded":
                return str(pod["spec"]["nodeName"])
            waited = time.monotonic() - began
            why = hopeless(pod, waited)
            if phase == "Failed" or why or waited > self.cluster.p["timeout"]:
                raise Failed(
                    "storage_not_bound",
                    name=self.wanted["name"],
                    step=part,
                    details="\n".join(filter(None, [why, *self.said(name)])),
                )
            time.sleep(POLL)

    def said(self, pod: str) -> Iterator[str]:
        """The last words of the pod, and what the cluster tells of it and of its claim."""
        with contextlib.suppress(Failed):
            yield self.cluster.kube("logs", pod, "-n", SPACE, "--tail=5").strip()
        with contextlib.suppress(Failed, ValueError):
            for event in self.cluster.read("events", "-n", SPACE)["items"][-200:]:
                if event["involvedObject"].get("name", "").startswith(self.name):
                    yield f"{event.get('reason', '')}: {event.get('message', '')}"

    def carry_out(self, nodes: list[str]) -> dict:
        write = f"echo {self.word} > /proof/word && sync && cat /proof/word"
        self.cluster.make(*self.trial_class(), self.claim(), self.pod("write", write, ""))
        wrote = self.ended("write")
        self.cluster.kube("delete", "pod", f"{self.name}-write", "-n", SPACE, "--wait=true")
        others = [node for node in nodes if node != wrote]
        node = others[0] if others and self.wanted["moves"] else wrote
        self.cluster.make(self.pod("read", "cat /proof/word", node))
        read = self.ended("read")
        found = self.cluster.kube("logs", f"{self.name}-read", "-n", SPACE).strip()
        if found != self.word:
            data = {"name": self.wanted["name"], "node": read, "details": found[:500]}
            raise Failed("storage_not_same", **data)
        return {"class": self.wanted["name"], "wrote": wrote, "read": read}


def prove(parameters: dict) -> list[dict]:
    cluster = Cluster(parameters)
    cluster.clean()
    try:
        image, nodes = cluster.image(), cluster.nodes()
        return [Proof(cluster, one, image).carry_out(nodes) for one in parameters["classes"]]
    finally:
        cluster.clean()


def main() -> None:
    one = {
        "name": {"type": "str", "required": True},
        "shared": {"type": "bool", "default": False},
        "moves": {"type": "bool", "default": False},
        "parameters": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(
        argument_spec={
            "kubectl": {"type": "list", "elements": "str", "required": True},
            "classes": {"type": "list", "elements": "dict", "required": True, "options": one},
            "image": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(skipped=True, msg="Only a real run can tell.", proofs=[])
    try:
        proofs = prove(module.params)
    except Failed as failed:
        module.fail_json(msg=json.dumps(failed.data))
    except (OSError, ValueError, KeyError, IndexError) as error:
        data = {"localcloud_problem": "helm_cluster", "command": "kubectl"}
        module.fail_json(msg=json.dumps({**data, "details": f"{type(error).__name__}: {error}"}))
    module.exit_json(changed=False, proofs=proofs)


if __name__ == "__main__":
    main()
