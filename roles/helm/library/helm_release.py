#!/usr/bin/python
"""Ansible module: one release of a Helm chart, as it is wished for, or as it was before.

The digest of chart, values and objects stands in the release's description: a run that changes
nothing asks helm once and is done. A change that does not become ready is rolled back, after its
pods said why; hopeless pods end the waiting early. Secrets come in values files, never as words.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import Failed

DOCUMENTATION = """
module: helm_release
short_description: Keep a release of a Helm chart as it is wished for
description:
  - Uses helm and kubectl on the host; values files are JSON.
author: The localcloud authors
options:
  state:
    description: C(checked) asks only the chart's schema, and needs no cluster.
    type: str
    choices: [present, checked, absent]
    default: present
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Its namespace, made if it is not there.
    type: str
    required: true
  helm:
    description: The helm program, or the archive that its project publishes.
    type: path
    required: true
  chart:
    description: The chart's archive.
    type: path
    default: ""
  values:
    description: Values files, later ones win.
    type: list
    elements: str
    default: []
  objects:
    description: JSON file with a list of other objects that the release needs.
    type: path
    default: ""
  kubernetes_version:
    description: With C(checked), the version that the cluster is going to have.
    type: str
    default: ""
  block_classes:
    description: StorageClasses that must be there and must not be on NFS.
    type: list
    elements: str
    default: []
  classes:
    description: StorageClasses that must be there; an empty name is the cluster's default class.
    type: list
    elements: str
    default: []
  kubectl:
    description: Command for kubectl, with its options.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds for the release to become ready.
    type: int
    default: 900
  own:
    description: With C(absent), other objects of the namespace that go, as C(kind/name).
    type: list
    elements: str
    default: []
  delete_data:
    description: With C(absent), whether the namespace goes, and with it people's volumes.
    type: bool
    default: false
"""
RETURN = """
revision:
  description: Revision of the release that is deployed.
  type: int
  returned: always
"""

POLL = 3  # seconds between two looks at the pods
PATIENCE = 75  # seconds that an image may fail to come before it counts as hopeless
AT_ONCE = {"InvalidImageName", "ErrImageNeverPull"}
IN_TIME = {"ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"}
HISTORY = 10
ANSWER = 180  # seconds that one call of helm or kubectl may take, unless it is known to wait
FAREWELL = 180  # seconds for pods to end
# What the API says as long as it is there but overloaded: its disk is slow, or it has just started.
BUSY = ("unable to handle the request", "etcdserver: ", "TLS handshake timeout")
BUSY_FOR = 120  # seconds to ask again then
# Before the API knows a kind, and while it knows but does not serve it yet.
UNKNOWN_KIND = ("no matches for kind", "could not find the requested resource")
SECRET = re.compile(r"secret|token|passw|keys?$|credential", re.IGNORECASE)


def program(path: str) -> str:
    """The helm program itself, taken out of its archive once for each archive."""
    archive = Path(path)
    with archive.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            return path
    seen = archive.stat()
    place = archive.with_name(f"helm-{seen.st_size}-{seen.st_mtime_ns}")
    if place.exists():
        return str(place)
    for older in archive.parent.glob("helm-*-*[0-9]"):
        older.unlink()
    with tarfile.open(archive) as tar:
        member = next(one for one in tar if one.isfile() and Path(one.name).name == "helm")
        with tempfile.NamedTemporaryFile(dir=archive.parent, delete=False) as draft:
            shutil.copyfileobj(tar.extractfile(member), draft)
    Path(draft.name).chmod(0o755)
    Path(draft.name).replace(place)
    return str(place)


def secrets_in(value: object, named: bool = False) -> set[str]:
    """The texts of a values file that are secrets, or are named like one."""
    if isinstance(value, dict):
        pairs = value.items()
        return set().union(*(secrets_in(item, bool(SECRET.search(key))) for key, item in pairs))
    if isinstance(value, list):
        return set().union(*(secrets_in(item, named) for item in value))
    return {value} if named and isinstance(value, str) and len(value) > 3 else set()


def waiting(pod: dict) -> list[tuple[str, str, str, int]]:
    """(container, reason, message, restarts) of a pod's containers that are not ready."""
    status = pod.get("status", {})
    found = []
    for one in status.get("initContainerStatuses", []) + status.get("containerStatuses", []):
        state = one.get("state", {})
        if one.get("ready") or state.get("terminated", {}).get("reason") == "Completed":
            continue
        why = state.get("waiting") or state.get("terminated") or {}
        words = (why.get("message") or "").strip()
        found.append((one["name"], why.get("reason", ""), words, one.get("restartCount", 0)))
    return found


class Release:
    """One release; every helm and kubectl call goes through here."""

    def __init__(self, parameters: dict) -> None:
        self.p = parameters
        self.name, self.namespace = parameters["name"], parameters["namespace"]
        self.helm = program(parameters["helm"])
        known = [json.loads(Path(file).read_text()) for file in parameters["values"]]
        self.secrets = sorted(set().union(*map(secrets_in, known)), key=len, reverse=True)
        kubectl = parameters["kubectl"]
        at = kubectl.index("--kubeconfig") + 1 if "--kubeconfig" in kubectl else 0
        home = str(Path(parameters["helm"]).parent / "cache")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HELM_")},
            **({"KUBECONFIG": kubectl[at]} if at else {}),
            # Helm, too, keeps below it what it learnt of a cluster; not in root's home.
            "HOME": home,
            **{f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")},
        }

    def clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text.strip()

    def run(
        self, *command: str, stdin: str | None = None, seconds: float = ANSWER
    ) -> subprocess.CompletedProcess:
        try:
            return subprocess.run(
                command,
                env=self.environment,
                input=stdin or "",
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            said = f"{Path(command[0]).name}: no answer in {seconds:.0f} s"
            return subprocess.CompletedProcess(command, 124, "", said)

    def asked(self, *command: str) -> subprocess.CompletedProcess:
        """A question, which may be asked again: an overloaded API answers later."""
        deadline = time.monotonic() + BUSY_FOR
        while True:
            done = self.run(*command)
            busy = done.returncode and any(words in done.stderr for words in BUSY)
            if not busy or time.monotonic() > deadline:
                return done
            time.sleep(POLL)

    def kube(self, *words: str, stdin: str | None = None, seconds: float = ANSWER) -> str:
        done = self.run(*self.p["kubectl"], *words, stdin=stdin, seconds=seconds)
        if done.returncode:
            raise Failed("helm_cluster", command=words[0], details=self.clean(done.stderr))
        return done.stdout

    def items(self, *words: str) -> list[dict]:
        return list(json.loads(self.kube("get", *words, "-o", "json"))["items"])

    def values(self) -> list[str]:
        return [word for file in self.p["values"] for word in ("--values", file)]

    def digest(self) -> str:
        sha = hashlib.sha256()
        files = [self.p["chart"], *self.p["values"], self.p["objects"]]
        for file in filter(None, files):
            sha.update(hashlib.sha256(Path(file).read_bytes()).digest())
        return f"localcloud {sha.hexdigest()[:32]}"

    def history(self) -> list[dict]:
        """Revisions, the newest last; empty if there is no release."""
        words = "history", self.name, "--namespace", self.namespace, "--output", "json"
        done = self.asked(self.helm, *words)
        if done.returncode == 0:
            return list(json.loads(done.stdout))
        if "release: not found" in done.stderr:
            return []
        raise Failed("helm_cluster", command="history", details=self.clean(done.stderr))

    # Before anything is changed

    def check(self, kubernetes: str) -> None:
        """Hold the values against the chart's schema and templates, without a cluster.

        ``kubernetes``: its version; helm would take the one that it was built with.
        """
        version = kubernetes.partition("+")[0]
        words = ["template", self.name, self.p["chart"], "--namespace", self.namespace]
        words += [*self.values(), *(["--kube-version", version] if version else [])]
        done = self.run(self.helm, *words)
        if done.returncode == 0:
            return
        details = self.clean(done.stderr)
        if "kubeVersion" in details:
            raise Failed("helm_kubernetes", version=version or "?", details=details)
        raise Failed("helm_values", name=self.name, details=details)

    def kubernetes(self) -> str:
        return str(json.loads(self.kube("get", "--raw", "/version")).get("gitVersion", ""))

    def check_classes(self) -> None:
        known = {one["metadata"]["name"]: one for one in self.items("storageclasses")}
        marks = "storageclass.kubernetes.io/is-default-class"
        for name, one in list(known.items()):
            if one["metadata"].get("annotations", {}).get(marks) == "true":
                known[""] = known[name]
        for name in self.p["block_classes"] + self.p["classes"]:
            if name not in known:
                there = ", ".join(sorted(filter(None, known))) or "-"
                problem = "helm_class_missing" if name else "helm_class_default"
                raise Failed(problem, name=name, there=there)
            on_nfs = "nfs" in known[name]["provisioner"].lower()
            if on_nfs and name in self.p["block_classes"]:
                raise Failed("helm_class_nfs", name=known[name]["metadata"]["name"])

    # The change

    def forget_unfinished(self, history: list[dict]) -> list[dict]:
        """Take out the record of a change whose run was killed: helm would wait for it forever.

        And end a removal that was: helm would upgrade nothing that is half gone.
        """
        if history and history[-1]["status"] == "uninstalling":
            self.uninstall()
            return []
        while history and history[-1]["status"].startswith("pending"):
            record = f"secret/sh.helm.release.v1.{self.name}.v{history[-1]['revision']}"
            self.kube("delete", record, "--namespace", self.namespace)
            history = history[:-1]
        return history

    def prepare(self) -> None:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        objects = [space]
        if self.p["objects"]:
            objects += json.loads(Path(self.p["objects"]).read_text())
        whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        until = time.monotonic() + self.p["timeout"]
        while True:
            try:
                self.kube("apply", "-f", "-", stdin=whole)
            except Failed as failed:
                # On a young cluster, what brings the kind (Traefik's chart) is on its way.
                young = any(words in str(failed.data["details"]) for words in UNKNOWN_KIND)
                if not young or time.monotonic() > until:
                    raise
                time.sleep(POLL)
            else:
                return

    def upgrade(self, description: str) -> str:
        """Install or upgrade and wait; why it failed, or "". The pods are watched meanwhile."""
        words = ["upgrade", self.name, self.p["chart"], "--install", *self.values(), "--wait"]
        words += ["--namespace", self.namespace, "--timeout", f"{self.p['timeout']}s"]
        words += ["--history-max", str(HISTORY), "--description", description]
        # What is hopeless already may be what the change is to mend.
        before = self.pod_ids()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [self.helm, *words], env=self.environment, stdout=output, stderr=output, text=True
            )
            hopeless = ""
            since: dict[str, float] = {}
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL)
                hopeless = hopeless or self.hopeless(since, before)
                if hopeless and process.poll() is None:
                    process.send_signal(signal.SIGINT)
            output.seek(0)
            said = self.clean(output.read())
        return "" if process.returncode == 0 else "\n".join(filter(None, [said, hopeless]))

    def pods(self) -> list[dict]:
        """Those of the release itself, not people's servers."""
        chosen = f"release={self.name},component!=singleuser-server"
        return self.items("pods", "--namespace", self.namespace, "--selector", chosen)

    def pod_ids(self) -> set[str]:
        with contextlib.suppress(Failed, ValueError):
            return {pod["metadata"]["uid"] for pod in self.pods()}
        return set()

    def hopeless(self, since: dict[str, float], before: set[str]) -> str:
        """Why waiting longer makes no sense, or "". ``before``: pods that do not count."""
        try:
            pods = self.pods()
        except (Failed, ValueError):  # the API may be busy; helm waits on
            return ""
        for pod in pods:
            if pod["metadata"]["uid"] in before:
                continue
            name = pod["metadata"]["name"]
            for container, reason, words, restarts in waiting(pod):
                late = reason in IN_TIME
                if late:  # the two reasons of an image that fails to come take turns
                    first = since.setdefault(f"{name}/{container}", time.monotonic())
                    late = time.monotonic() - first > PATIENCE
                crashes = reason == "CrashLoopBackOff" and restarts > 2
                if reason in AT_ONCE or crashes or late:
                    return f"{name}: {container}: {reason} {words}".strip()
        return ""

    def diagnosis(self) -> str:
        """What the pods and the cluster say of a release that does not become ready."""
        lines = []
        with contextlib.suppress(Failed, ValueError):
            for pod in self.pods():
                name = pod["metadata"]["name"]
                for one in pod.get("status", {}).get("conditions", []):
                    if one["type"] == "PodScheduled" and one["status"] == "False":
                        lines.append(f"{name}: {one.get('message', '')}")
                for container, reason, words, restarts in waiting(pod):
                    lines.append(f"{name}: {container}: {reason or 'not ready'} {words}".strip())
                    if restarts:
                        lines += self.last_words(name, container)
        return self.clean("\n".join(lines[-12:]))

    def last_words(self, pod: str, container: str) -> list[str]:
        words = "logs", pod, "--container", container, "--namespace", self.namespace
        done = self.run(*self.p["kubectl"], *words, "--previous", "--tail=4")
        return [line[:300] for line in done.stdout.splitlines()]

    def roll_back(self, history: list[dict]) -> None:
        """Go back to what was deployed before; a first installation stays for a look at it."""
        good = [one["revision"] for one in history if one["status"] == "deployed"]
        if not good:
            return
        words = ["rollback", self.name, str(good[-1]), "--namespace", self.namespace, "--wait"]
        limit = self.p["timeout"]
        done = self.run(self.helm, *words, "--timeout", f"{limit}s", seconds=2 * limit + ANSWER)
        if done.returncode:
            data = {"name": self.name, "revision": str(good[-1])}
            raise Failed("helm_rollback", details=self.clean(done.stderr), **data)

    # The removal

    def uninstall(self) -> None:
        # Nobody ends the pods of a dead node: helm would wait for them in vain.
        wait = [] if self.dead_nodes() else ["--wait"]
        words = ["uninstall", self.name, "--namespace", self.namespace, *wait]
        limit = FAREWELL + ANSWER
        done = self.run(self.helm, *words, "--timeout", f"{FAREWELL}s", seconds=limit)
        if self.history():
            raise Failed("helm_removal", name=self.name, details=self.clean(done.stderr))

    def dead_nodes(self) -> set[str]:
        found = set()
        for node in self.items("nodes"):
            ready = {one["type"]: one["status"] for one in node["status"].get("conditions", [])}
            if ready.get("Ready") != "True":
                found.add(node["metadata"]["name"])
        return found

    def all_pods(self) -> list[dict]:
        """Those of the release, and people's servers: KubeSpawner made these, not helm."""

        def ours(labels: dict[str, str]) -> bool:
            return (
                labels.get("release") == self.name or labels.get("component") == "singleuser-server"
            )

        pods = self.items("pods", "--namespace", self.namespace)
        return [pod for pod in pods if ours(pod["metadata"].get("labels", {}))]

    def end_pods(self) -> None:
        """End people's servers, and wait until all pods are gone. On a dead node nobody ends them:
        there the cluster forgets them."""
        space = "--namespace", self.namespace
        people = "--selector", "component=singleuser-server"
        self.kube("delete", "pods", *people, "--wait=false", *space)
        until = time.monotonic() + FAREWELL
        while True:
            pods = self.all_pods()
            if not pods:
                return
            names = [pod["metadata"]["name"] for pod in pods]
            if time.monotonic() > until:
                raise Failed("helm_removal", name=self.name, details=", ".join(names))
            dead = self.dead_nodes()
            lost = [pod["metadata"]["name"] for pod in pods if pod["spec"].get("nodeName") in dead]
            if lost:
                gone = "--force", "--grace-period=0", "--wait=false", "--ignore-not-found"
                self.kube("delete", "pods", *lost, *gone, *space)
            else:
                time.sleep(POLL)

    def objects(self) -> str:
        """What else the release needed, as kubectl reads it; "" if that is not known any more."""
        if not self.p["objects"] or not Path(self.p["objects"]).exists():
            return ""
        objects = json.loads(Path(self.p["objects"]).read_text())
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})

    def something_left(self) -> bool:
        """Whether an earlier removal was interrupted after helm had done its part."""
        asked = "--ignore-not-found", "--output", "name", "--namespace", self.namespace
        if self.all_pods() or (self.p["own"] and self.kube("get", *self.p["own"], *asked).strip()):
            return True
        objects = self.objects()
        # A kind that the cluster no longer knows is gone with all of its objects.
        words = "get", "--ignore-not-found", "--output", "name", "-f", "-"
        return bool(objects and self.run(*self.p["kubectl"], *words, stdin=objects).stdout.strip())

    def remove(self, history: list[dict]) -> None:
        """Each step may have been done by a run that was interrupted."""
        if history:
            self.uninstall()
        self.end_pods()
        space = "--namespace", self.namespace
        if self.p["own"]:
            self.kube("delete", *self.p["own"], "--ignore-not-found", *space)
        objects = self.objects()
        if objects:
            words = "delete", "--ignore-not-found", "-f", "-"
            self.run(*self.p["kubectl"], *words, stdin=objects)
        if self.p["delete_data"]:
            limit = FAREWELL + ANSWER
            gently = "--ignore-not-found", f"--timeout={limit}s"
            self.kube("delete", "namespace", self.namespace, *gently, seconds=limit + 10)


def present(release: Release, dry: bool) -> dict:
    wanted = release.digest()
    history = release.history()
    last = history[-1] if history else {"status": "", "description": "", "revision": 0}
    if last["status"] == "deployed" and last["description"] == wanted:
        return {"changed": False, "revision": last["revision"]}
    if dry:
        return {"changed": True, "revision": last["revision"]}
    release.check(release.kubernetes())
    release.check_classes()
    history = release.forget_unfinished(history)
    release.prepare()
    why = release.upgrade(wanted)
    if why:
        seen = release.diagnosis()
        release.roll_back(history)
        good = [one["revision"] for one in history if one["status"] == "deployed"]
        problem = "helm_upgrade" if good else "helm_install"
        details = "\n".join(dict.fromkeys(f"{why}\n{seen}".strip().splitlines()))
        revision = str(good[-1]) if good else ""
        raise Failed(problem, name=release.name, revision=revision, details=details)
    return {"changed": True, "revision": release.history()[-1]["revision"]}


def absent(release: Release, dry: bool) -> dict:
    """Nothing to do where no cluster answers: the release went with it."""
    try:
        history = release.history()
        spaces = {one["metadata"]["name"] for one in release.items("namespaces")}
    except (Failed, OSError) as failed:
        details = getattr(failed, "data", {}).get("details", str(failed))
        return {"changed": False, "revision": 0, "unreachable": details}
    there = release.namespace in spaces and (
        bool(history) or release.p["delete_data"] or release.something_left()
    )
    if there and not dry:
        release.remove(history)
    return {"changed": there, "revision": 0}


def main() -> None:
    lists = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "state": {"choices": ["present", "checked", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "helm": {"type": "path", "required": True},
            "chart": {"type": "path", "default": ""},
            "values": lists,
            "objects": {"type": "path", "default": ""},
            "kubernetes_version": {"type": "str", "default": ""},
            "block_classes": lists,
            "classes": lists,
            "kubectl": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 900},
            "own": lists,
            "delete_data": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    state = module.params["state"]
    if state == "absent" and not Path(module.params["helm"]).exists():
        module.exit_json(changed=False, revision=0)  # killed before anything was installed
    try:
        release = Release(module.params)
        if state == "present":
            result = present(release, module.check_mode)
        elif state == "absent":
            result = absent(release, module.check_mode)
        else:
            release.check(module.params["kubernetes_version"])
            result = {"changed": False, "revision": 0}
    except Failed as failed:
        module.fail_json(msg=json.dumps(failed.data))
    except OSError as error:
        data = {"localcloud_problem": "helm_cluster", "command": "helm", "details": str(error)}
        module.fail_json(msg=json.dumps(data))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
