#!/usr/bin/env python3
"""Stand-in for helm and kubectl: keeps releases and objects in a JSON file.

Called as ``helm`` or ``kubectl`` (links to this file). ``CLUSTER_DOUBLE`` names the state: a dict
with ``history``, ``objects``, ``pods``, ``classes``, ``calls`` (what was called), and what shall
happen: ``down`` (no API), ``busy`` (that many times it is overloaded),
``fail`` (an upgrade's words of failure), ``hang`` (an upgrade that waits
until it is interrupted, with the pods of ``appear``), ``slow`` (one that takes that many seconds
and has no pods then), ``young`` (that many times a kind is not known yet), ``schema`` (words of
a refused value), ``stuck`` (a rollback that fails), ``dead`` (nodes whose pods nobody ends).
It says nothing about Kubernetes: only how role z2jh deals with it is tried here.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

STATE = Path(os.environ["CLUSTER_DOUBLE"])


def save(state: dict) -> None:
    draft = STATE.with_suffix(".new")
    draft.write_text(json.dumps(state, indent=1))
    draft.replace(STATE)


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1] if name in words else ""


def end(words: str, code: int = 1) -> None:
    print(words, file=sys.stderr)
    sys.exit(code)


def add(state: dict, status: str, description: str) -> None:
    revision = max([one["revision"] for one in state["history"]], default=0) + 1
    if status == "deployed":
        for one in state["history"]:
            one["status"] = "superseded" if one["status"] == "deployed" else one["status"]
    state["history"].append({"revision": revision, "status": status, "description": description})


def upgrade(state: dict, words: list[str]) -> None:
    if state["history"] and state["history"][-1]["status"].startswith("pending"):
        end("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress")
    for position, word in enumerate(words):
        if word == "--values":
            file = Path(words[position + 1])
            json.loads(file.read_text())
            assert file.stat().st_mode & 0o77 == 0, f"{file} is open to others"
    if state.get("slow"):
        time.sleep(state["slow"])
        state["pods"] = []
    if state.get("hang"):
        state["pods"] = state.get("appear", state["pods"])
        save(state)
        interrupted = []
        signal.signal(signal.SIGINT, lambda *_: interrupted.append(1))
        until = time.time() + 20
        while not interrupted and time.time() < until:
            time.sleep(0.05)
        add(state, "failed", "interrupted")
        save(state)
        end("Error: UPGRADE FAILED: context canceled")
    if state.get("fail"):
        add(state, "failed", state["fail"])
        save(state)
        end(f"Error: UPGRADE FAILED: {state['fail']}")
    add(state, "deployed", option(words, "--description"))
    save(state)


def refuse(state: dict) -> None:
    if state.get("down"):
        end("Error: Kubernetes cluster unreachable: connection refused")
    if state.get("busy"):
        state["busy"] -= 1
        save(state)
        end("Error: Kubernetes cluster unreachable: unable to handle the request")


def helm(state: dict, words: list[str]) -> None:
    verb = words[0]
    if verb == "template":
        if state.get("schema"):
            end(f"Error: values don't meet the specifications of the schema(s):\n{state['schema']}")
        return
    refuse(state)
    if verb == "history":
        if not state["history"]:
            end("Error: release: not found")
        print(json.dumps(state["history"]))
    elif verb == "upgrade":
        upgrade(state, words)
    elif verb == "rollback":
        if state.get("stuck"):
            end("Error: timed out waiting for the condition")
        add(state, "deployed", f"Rollback to {words[2]}")
        save(state)
    elif verb == "uninstall":
        uninstall(state, words)


def uninstall(state: dict, words: list[str]) -> None:
    if "--wait" in words and [pod for pod in state["pods"] if on_dead_node(state, pod)]:
        end("Error: context deadline exceeded")
    state["history"] = []
    state["pods"] = [
        pod for pod in state["pods"] if "release" not in labels(pod) or on_dead_node(state, pod)
    ]
    save(state)


def labels(pod: dict) -> dict:
    return pod["metadata"].get("labels", {})


def on_dead_node(state: dict, pod: dict) -> bool:
    return pod.get("spec", {}).get("nodeName") in state.get("dead", [])


def node(name: str, ready: bool) -> dict:
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def delete_pods(state: dict, words: list[str]) -> None:
    if "--force" in words:
        state["pods"] = [pod for pod in state["pods"] if pod["metadata"]["name"] not in words]
    else:
        key, value = option(words, "--selector").split("=")
        state["pods"] = [
            pod
            for pod in state["pods"]
            if labels(pod).get(key) != value or on_dead_node(state, pod)
        ]


def given(state: dict) -> list[dict]:
    """Which of the objects on standard input are there."""
    names = [(one["kind"], one["metadata"]["name"]) for one in json.load(sys.stdin)["items"]]
    return [o for o in state["objects"] if (o["kind"], o["metadata"]["name"]) in names]


def listed(state: dict, kind: str) -> list:
    if kind == "storageclasses":
        return [
            {
                "metadata": {
                    "name": name,
                    "annotations": {
                        "storageclass.kubernetes.io/is-default-class": str(one["default"]).lower()
                    },
                },
                "provisioner": one["provisioner"],
            }
            for name, one in state["classes"].items()
        ]
    if kind == "nodes":
        return [node("server1", True), *(node(name, False) for name in state.get("dead", []))]
    if kind == "namespaces":
        return [o for o in state["objects"] if o["kind"] == "Namespace"]
    return state["pods"]


def kubectl(state: dict, words: list[str]) -> None:
    words = words[2:] if words[0] == "--kubeconfig" else words
    if state.get("down"):
        end("The connection to the server 127.0.0.1:6443 was refused")
    verbs = {"get": get, "apply": apply, "delete": delete}
    if words[0] in verbs:
        verbs[words[0]](state, words)
    elif words[0] == "logs":
        print(state.get("logs", ""))


def get(state: dict, words: list[str]) -> None:
    if words[1] == "--raw":
        print('{"gitVersion": "v1.36.4+k3s1"}')
    elif "-f" in words:
        print("\n".join(one["metadata"]["name"] for one in given(state)))
    elif "/" in words[1]:
        print("\n".join(name for name in state.get("own", []) if name in words))
    else:
        print(json.dumps({"items": listed(state, words[1])}))


def apply(state: dict, _words: list[str]) -> None:
    if state.get("young"):
        state["young"] -= 1
        save(state)
        if state["young"]:
            end('error: unable to recognize "STDIN": no matches for kind "Middleware"')
        end("Error from server (NotFound): the server could not find the requested resource")
    new = json.load(sys.stdin)["items"]
    names = {(one["kind"], one["metadata"]["name"]) for one in new}
    kept = [o for o in state["objects"] if (o["kind"], o["metadata"]["name"]) not in names]
    state["objects"] = kept + new
    save(state)


def delete(state: dict, words: list[str]) -> None:
    if words[1].startswith("secret/sh.helm.release.v1."):
        state["history"].pop()
    elif words[1] == "pods":
        delete_pods(state, words)
    elif "-f" in words:
        gone = given(state)
        state["objects"] = [one for one in state["objects"] if one not in gone]
    elif words[1] in state.get("own", []):
        state["own"].remove(words[1])
    elif words[1] == "namespace":
        state["objects"] = []
    save(state)


def main() -> None:
    state = json.loads(STATE.read_text())
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    state["calls"].append(" ".join([name, *words]))
    save(state)
    (helm if name == "helm" else kubectl)(state, words)


if __name__ == "__main__":
    main()
