#!/usr/bin/python
"""Ansible module: people's homes of a hub on a server, copied into volumes of the cluster.

Each home gets a pod on the server where it is, which reads it there and writes it into the claim
that KubeSpawner will use. Annotations of the claim say how far that has come: so a run that was
killed is finished by the next one, the hub starts no server meanwhile (``copying.py``), and what is
copied is never touched again.
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
  state:
    description: C(prepared) only makes the claims, which keeps people out until they are C(copied).
    choices: [prepared, copied]
    default: copied
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
  installed:
    description: When the hub that people leave was installed. Another one's homes come anew.
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
  description: Name, claim, folder in the volume, files, bytes, and how many were no files.
  type: list
  returned: always
"""

PERSON = "hub.jupyter.org/username"
# On a claim: from which node and directory, into which folder, and whether all of it is there.
SOURCE, FOLDER, STATE = "localcloud/home-from", "localcloud/home-folder", "localcloud/home-state"
BEFORE = "old-home"  # begin of a folder's name, in a volume in which a person has worked before
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

    def source(self, person: dict) -> str:
        return f"{self.p['node']}:{person['home']} {self.p['installed']}"

    def prepare(self, person: dict, claim: dict, known: dict[str, dict]) -> str:
        """Make or mark the claim; the folder that the home goes to."""
        name, source = claim["metadata"]["name"], self.source(person)
        if name not in known:
            marks = {SOURCE: source, FOLDER: "", STATE: "copying"}
            claim["metadata"]["annotations"].update(marks)
            claim["metadata"]["namespace"] = self.p["namespace"]
            self.cluster.make({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim})
            return ""
        if known[name].get(SOURCE) == source:
            self.widen(name, claim)
            return str(known[name].get(FOLDER, ""))
        # Somebody works in it: a folder that no earlier home has taken.
        digits = "".join(one for one in self.p["installed"] if one.isdigit())
        folder = f"{BEFORE}-{self.p['node']}-{digits}"
        self.annotate(name, {SOURCE: source, FOLDER: folder, STATE: "copying"})
        return folder

    def widen(self, name: str, claim: dict) -> None:
        """Ask for the size that the site wants now; not every class can give more."""
        wanted = {"spec": {"resources": {"requests": claim["spec"]["resources"]["requests"]}}}
        with contextlib.suppress(Failed):
            self.cluster.kube("patch", *self.space, "pvc", name, "--patch", json.dumps(wanted))

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
            # Not 0: the API would forget a pod that still writes.
            "terminationGracePeriodSeconds": 1,
            # Not nodeName: a volume that waits for its first pod asks the scheduler. And no more
            # tolerance than people's servers have, which a local volume binds to the same node.
            "nodeSelector": {"kubernetes.io/hostname": self.p["node"]},
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

    def missing(self) -> tuple[list[tuple[dict, dict]], dict[str, dict]]:
        """People whose home is not in its volume yet, with their claims; and the claims there."""
        people, known = self.p["people"], self.known()
        pairs = []
        for person, claim in zip(people, self.claims([one["name"] for one in people])):  # noqa: B905
            marks = known.get(claim["metadata"]["name"], {})
            if (marks.get(SOURCE), marks.get(STATE)) != (self.source(person), "here"):
                pairs.append((person, claim))
        return pairs, known

    def prepare_all(self) -> list[dict]:
        """Make the claims of all whose home will come."""
        pairs, known = self.missing()
        new = [pair for pair in pairs if pair[1]["metadata"]["name"] not in known]
        for person, claim in new:
            self.prepare(person, claim, known)
        return [{"name": person["name"]} for person, _claim in new]

    def carry_out(self) -> list[dict]:
        """Copy what is missing, several at once; one that fails does not stop the others."""
        pairs, known = self.missing()
        if not pairs:
            return []
        self.hub = self.cluster.read("deployment", "hub", *self.space)

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
            "state": {"choices": ["prepared", "copied"], "default": "copied"},
            "kubectl": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "node": {"type": "str", "required": True},
            "installed": {"type": "str", "required": True},
            "people": {"type": "list", "elements": "dict", "required": True},
            "claims": {"type": "str", "required": True},
            "program": {"type": "str", "required": True},
            "uid": {"type": "int", "default": 1000},
            "gid": {"type": "int", "default": 100},
            "timeout": {"type": "int", "default": 900},
        },
    )
    try:
        work = Homes(module.params)
        homes = work.carry_out() if module.params["state"] == "copied" else work.prepare_all()
    except Failed as failed:
        data = {"host": module.params["node"], **failed.data}
        module.fail_json(msg=json.dumps(data))
    except (OSError, ValueError, KeyError, IndexError) as error:
        data = {"localcloud_problem": "helm_cluster", "command": "kubectl"}
        module.fail_json(msg=json.dumps({**data, "details": f"{type(error).__name__}: {error}"}))
    module.exit_json(changed=bool(homes), homes=homes)


if __name__ == "__main__":
    main()
