#!/usr/bin/python
"""Ansible module: people's homes of a hub on a server, copied into volumes of the cluster.

Each home gets a pod on the server where it is, which reads it there and writes it into the claim
that KubeSpawner will use. Annotations of the claim say how far that has come, so a run that was
killed is finished by the next one, and what is copied is never touched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_cluster import Cluster, hopeless
from ansible.module_utils.localcloud_host import Failed

DOCUMENTATION = """
module: home_volumes
short_description: Copy people's homes from a node's disk into their volumes
author: The localcloud authors
options:
  kubectl:
    description: Command for kubectl, with its options.
    type: list
    elements: str
    required: true
  namespace:
    description: That of the hub and of people's claims.
    type: str
    required: true
  node:
    description: The cluster's name of the server where the homes are.
    type: str
    required: true
  people:
    description: Each a C(name), as the hub knows it, and a C(home), a directory on the node.
    type: list
    elements: dict
    required: true
  claims:
    description: Program in the hub's pod that says what claims KubeSpawner makes.
    type: str
    required: true
  program:
    description: The text of the Python program that copies one home.
    type: str
    required: true
  uid:
    description: Whose the files are, in people's servers.
    type: int
    default: 1000
  gid:
    description: Their group.
    type: int
    default: 100
  timeout:
    description: Seconds until a pod must run. The copying itself may take as long as it needs.
    type: int
    default: 900
"""
RETURN = """
homes:
  description: Name, claim, folder in the volume, files, bytes, and what was skipped.
  type: list
  returned: always
"""

PERSON = "hub.jupyter.org/username"
# On a claim: from which node and directory, into which folder, and whether all of it is there.
SOURCE, FOLDER, STATE = "localcloud/home-from", "localcloud/home-folder", "localcloud/home-state"
BEFORE = "old-home"  # folder in a volume in which a person has worked before
AT_ONCE = 3  # copies that read one disk
PLACED = 120  # seconds in which a volume is made and a pod finds its node
POLL = 1  # seconds


def homeless(pod: dict, waited: float) -> str:
    """Why no node takes a pod, once that is not for lack of a volume that is still being made."""
    for condition in pod["status"].get("conditions", []):
        if condition.get("reason") == "Unschedulable" and waited > PLACED:
            return f"Unschedulable: {condition.get('message', '')}"
    return ""


class Homes:
    """The homes of one node, on their way."""

    def __init__(self, parameters: dict) -> None:
        self.p = parameters
        self.cluster = Cluster(parameters["kubectl"])
        self.space = ["-n", parameters["namespace"]]
        self.hub: dict = {}

    def claims(self, names: list[str]) -> list[dict]:
        """What KubeSpawner would make for these people."""
        words = ["exec", *self.space, "--stdin", "--quiet", "deployment/hub", "-c", "hub", "--"]
        command = [*words, "python3", "-B", self.p["claims"]]
        found = json.loads(self.cluster.kube(*command, stdin=json.dumps(names)))
        for name, claim in zip(names, found):  # noqa: B905
            said = claim["metadata"]["annotations"].get(PERSON)
            if said != name:
                raise Failed("hub_home_copy", names=name, details=f"{PERSON}: {said}")
        return list(found)

    def known(self) -> dict[str, dict]:
        items = self.cluster.read("persistentvolumeclaims", *self.space)["items"]
        return {one["metadata"]["name"]: one["metadata"].get("annotations") or {} for one in items}

    def prepare(self, person: dict, claim: dict, known: dict[str, dict]) -> str:
        """Make or mark the claim; the folder that the home goes to."""
        name = claim["metadata"]["name"]
        source = f"{self.p['node']}:{person['home']}"
        marks = {SOURCE: source, FOLDER: "" if name not in known else BEFORE, STATE: "copying"}
        if name not in known:
            claim["metadata"]["annotations"].update(marks)
            claim["metadata"]["namespace"] = self.p["namespace"]
            self.cluster.make({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim})
            return str(marks[FOLDER])
        if known[name].get(SOURCE) == source:
            return str(known[name].get(FOLDER, ""))
        self.annotate(name, marks)
        return BEFORE

    def annotate(self, claim: str, marks: dict[str, str]) -> None:
        words = [f"{key}={value}" for key, value in marks.items()]
        self.cluster.kube("annotate", *self.space, "--overwrite", "pvc", claim, *words)

    def pod(self, name: str, person: dict, claim: str, folder: str) -> dict:
        """It runs as the hub's own pod does, with its image, which is small and at hand."""
        hub = self.hub["spec"]["template"]["spec"]
        (container,) = (one for one in hub["containers"] if one["name"] == "hub")
        target = f"/target/{folder}" if folder else "/target"
        arguments = ["/source", target, str(self.p["uid"]), str(self.p["gid"])]
        kept = ("seccompProfile", "seLinuxOptions", "appArmorProfile")
        context = hub.get("securityContext") or {}
        spec = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            # Not nodeName: a volume that waits for its first pod asks the scheduler.
            "nodeSelector": {"kubernetes.io/hostname": self.p["node"]},
            "tolerations": [{"operator": "Exists"}],
            "imagePullSecrets": hub.get("imagePullSecrets") or [],
            "securityContext": {
                "fsGroup": self.p["gid"],
                **{key: context[key] for key in kept if key in context},
            },
            "containers": [
                {
                    "name": "copy",
                    "image": container["image"],
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-B", "-c", self.p["program"], *arguments],
                    "securityContext": {
                        "runAsUser": 0,
                        "runAsGroup": 0,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {
                            "drop": ["ALL"],
                            "add": ["DAC_READ_SEARCH", "SETUID", "SETGID"],
                        },
                    },
                    "volumeMounts": [
                        {"name": "source", "mountPath": "/source", "readOnly": True},
                        {"name": "target", "mountPath": "/target"},
                    ],
                }
            ],
            "volumes": [
                {"name": "source", "hostPath": {"path": person["home"], "type": "Directory"}},
                {"name": "target", "persistentVolumeClaim": {"claimName": claim}},
            ],
        }
        labels = {"app.kubernetes.io/managed-by": "localcloud"}
        meta = {"name": name, "namespace": self.p["namespace"], "labels": labels}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}

    def remove(self, pod: str) -> None:
        words = ["--ignore-not-found", "--wait=true", "--timeout=120s"]
        self.cluster.kube("delete", "pod", pod, *self.space, *words)

    def ended(self, name: str, person: str) -> dict:
        """Wait for a pod; what it says at its end."""
        began = time.monotonic()
        while True:
            pod = self.cluster.read("pod", name, *self.space)
            phase = pod["status"].get("phase")
            if phase == "Succeeded":
                words = self.cluster.kube("logs", name, *self.space)
                return dict(json.loads(words.splitlines()[-1]))
            waited = time.monotonic() - began
            why = hopeless(pod, waited) or homeless(pod, waited)
            late = phase == "Pending" and waited > self.p["timeout"]
            if phase == "Failed" or why or late:
                details = "\n".join(filter(None, [why, *self.said(name)]))
                raise Failed("hub_home_copy", names=person, details=details)
            time.sleep(POLL)

    def said(self, pod: str) -> list[str]:
        """The last words of a pod, and what the cluster tells of it."""
        found = []
        with contextlib.suppress(Failed):
            found.append(self.cluster.kube("logs", pod, *self.space, "--tail=5").strip())
        with contextlib.suppress(Failed, ValueError):
            for event in self.cluster.read("events", *self.space)["items"][-200:]:
                if event["involvedObject"].get("name") == pod:
                    found.append(f"{event.get('reason', '')}: {event.get('message', '')}")
        return found

    def bring(self, person: dict, claim: dict, known: dict[str, dict]) -> dict:
        name = claim["metadata"]["name"]
        folder = self.prepare(person, claim, known)
        pod = f"localcloud-home-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
        self.remove(pod)  # of a run that was killed
        self.cluster.make(self.pod(pod, person, name, folder))
        found = self.ended(pod, person["name"])
        self.annotate(name, {STATE: "here"})
        self.remove(pod)
        return {"name": person["name"], "claim": name, "folder": folder, **found}

    def missing(self) -> list[tuple[dict, dict]]:
        """People whose home is not in its volume yet, with their claims; and what is known."""
        people = self.p["people"]
        known = self.known()
        pairs = []
        for person, claim in zip(people, self.claims([one["name"] for one in people])):  # noqa: B905
            marks = known.get(claim["metadata"]["name"], {})
            source = f"{self.p['node']}:{person['home']}"
            if (marks.get(SOURCE), marks.get(STATE)) != (source, "here"):
                pairs.append((person, claim))
        return pairs

    def carry_out(self) -> list[dict]:
        """Copy what is missing, several at once; one that fails does not stop the others."""
        pairs = self.missing()
        if not pairs:
            return []
        self.hub = self.cluster.read("deployment", "hub", *self.space)
        known = self.known()

        def bring(pair: tuple[dict, dict]) -> dict | Failed:
            try:
                return self.bring(*pair, known)
            except Failed as failed:
                return failed

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(bring, pairs))
        bad = [
            (pair[0]["name"], answer)
            for pair, answer in zip(pairs, answers)  # noqa: B905
            if isinstance(answer, Failed)
        ]
        if bad:
            details = "\n".join(f"{name}: {one.data.get('details', '')}" for name, one in bad)
            names = ", ".join(name for name, _answer in bad)
            raise Failed("hub_home_copy", names=names, details=details)
        return answers


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubectl": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "node": {"type": "str", "required": True},
            "people": {"type": "list", "elements": "dict", "required": True},
            "claims": {"type": "str", "required": True},
            "program": {"type": "str", "required": True},
            "uid": {"type": "int", "default": 1000},
            "gid": {"type": "int", "default": 100},
            "timeout": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=bool(module.params["people"]), homes=[])
    try:
        homes = Homes(module.params).carry_out()
    except Failed as failed:
        data = {"host": module.params["node"], **failed.data}
        module.fail_json(msg=json.dumps(data))
    except (OSError, ValueError, KeyError, IndexError) as error:
        data = {"localcloud_problem": "helm_cluster", "command": "kubectl"}
        module.fail_json(msg=json.dumps({**data, "details": f"{type(error).__name__}: {error}"}))
    module.exit_json(changed=bool(homes), homes=homes)


if __name__ == "__main__":
    main()
