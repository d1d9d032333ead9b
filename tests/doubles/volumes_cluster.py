#!/usr/bin/env python3
"""Stand-in for kubectl where StorageClasses and proofs of volumes are tried.

``VOLUMES_DOUBLE`` names its state, a JSON dict: ``objects`` (kind → name → object), ``nodes``,
``calls`` (what was called), ``made`` (what was put), and what shall happen: ``down`` (no API),
``image`` (why no image comes), ``forgets`` (a volume that gives back something else). It says
nothing about Kubernetes or about storage: only how the modules of role storage speak to it.
"""

import json
import os
import sys
from pathlib import Path

import yaml

STATE = Path(os.environ["VOLUMES_DOUBLE"])
KINDS = {
    "storageclass": "StorageClass",
    "pod": "Pod",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}


def singular(kind: str) -> str:
    return kind.removesuffix("es") if kind.startswith("storage") else kind.removesuffix("s")


def end(words: str) -> None:
    print(words, file=sys.stderr)
    sys.exit(1)


def documents() -> list[dict]:
    found = []
    for one in yaml.safe_load_all(sys.stdin.read()):
        found += one["items"] if one["kind"] == "List" else [one]
    return found


def put(state: dict, verb: str) -> None:
    for one in documents():
        kind = state["objects"].setdefault(one["kind"], {})
        name = one["metadata"]["name"]
        old = kind.get(name)
        if verb == "create" and old:
            end(f"AlreadyExists: {name}")
        if verb == "apply" and old and old.get("parameters") != one.get("parameters"):
            end("updates to parameters are forbidden")
        state.setdefault("made", []).append(one)
        kind[name] = started(state, one) if one["kind"] == "Pod" else one


def started(state: dict, pod: dict) -> dict:
    """A pod that has ended well at once, or that never gets its image."""
    pod["spec"].setdefault("nodeName", state["nodes"][0])
    waiting = {"reason": state.get("image"), "message": "no such image"}
    pod["status"] = {"phase": "Succeeded"}
    if state.get("image"):
        statuses = [{"state": {"waiting": waiting}}]
        pod["status"] = {"phase": "Pending", "containerStatuses": statuses}
    return pod


def node(name: str) -> dict:
    ready = [{"type": "Ready", "status": "True"}]
    return {"metadata": {"name": name}, "spec": {}, "status": {"conditions": ready}}


def get(state: dict, words: list[str]) -> dict:
    what = singular(words[0])
    if what == "node":
        return {"items": [node(name) for name in state["nodes"]]}
    if what == "event":
        return {"items": []}
    if what == "configmap":
        return {"data": {"helperPod.yaml": "spec:\n  image: rancher/helper:1\n"}}
    known = state["objects"].get(KINDS[what], {})
    if len(words) > 1 and not words[1].startswith("-"):
        return dict(known[words[1]])
    return {"items": list(known.values())}


def delete(state: dict, words: list[str]) -> None:
    kinds = [KINDS[singular(kind)] for kind in words[0].split(",")]
    for kind in kinds:
        known = state["objects"].get(kind, {})
        for name in list(known):
            labelled = "--selector" in words and known[name]["metadata"].get("labels")
            if labelled or name == words[1]:
                del known[name]


def annotate(state: dict, words: list[str]) -> None:
    marks = state["objects"]["StorageClass"][words[2]]["metadata"].setdefault("annotations", {})
    for word in words[3:]:
        name, equals, value = word.partition("=")
        if equals:
            marks[name] = value
        else:
            marks.pop(name.rstrip("-"), None)


def logs(state: dict, name: str) -> str:
    """What the writer's command has echoed."""
    writer = f"{name.rpartition('-')[0]}-write"
    word = writer.split("-")[2]
    return "something else" if state.get("forgets") else word


def main() -> None:
    state = json.loads(STATE.read_text())
    words = sys.argv[1:]
    state.setdefault("calls", []).append(words)
    if state.get("down"):
        end("The connection to the server 127.0.0.1:6443 was refused")
    verb = words[0]
    if verb in ("create", "apply", "replace"):
        put(state, verb)
    elif verb == "get":
        print(json.dumps(get(state, words[1:])))
    elif verb == "delete":
        delete(state, words[1:])
    elif verb == "annotate":
        annotate(state, words[1:])
    elif verb == "logs":
        print(logs(state, words[1]))
    STATE.write_text(json.dumps(state))


main()
