#!/usr/bin/python
"""Ansible module: a cluster's StorageClasses as they are wished for, exactly one the default.

A class says by an annotation what it was made from, so that a run without changes asks the cluster
once. The provisioner that k3s brings is applied from k3s's own manifest, with another word for the
default: k3s itself would say its own word again at every start.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

from ansible.module_utils import localcloud_cluster
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.localcloud_host import Failed

DOCUMENTATION = """
module: storage_classes
short_description: Keep the StorageClasses of a cluster as they are wished for
author: The localcloud authors
options:
  kubectl:
    description: Command for kubectl, with its options.
    type: list
    elements: str
    required: true
  default:
    description: Name of the class that shall be the default; no other will be.
    type: str
    required: true
  local_manifest:
    description: The manifest of k3s's local volumes, where they shall not be the default.
    type: path
    default: ""
  objects:
    description: Classes to be made.
    type: list
    elements: dict
    default: []
  expected:
    description: Classes that must be there at the end, whoever makes them.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for those that others make.
    type: int
    default: 300
"""

DEFAULT = "storageclass.kubernetes.io/is-default-class"
OLD_DEFAULT = "storageclass.beta.kubernetes.io/is-default-class"
STAMP = "localcloud/applied"
MARK_LINE = re.compile(rf'(?m)^( *){re.escape(DEFAULT)}: *"?true"? *$')
LOCAL = "local-path"
POLL = 2  # seconds


def annotations(one: dict) -> dict[str, str]:
    return one["metadata"].get("annotations") or {}


def is_default(one: dict) -> bool:
    return "true" in (annotations(one).get(DEFAULT), annotations(one).get(OLD_DEFAULT))


def digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class Cluster(localcloud_cluster.Cluster):
    """The one whose classes these are."""

    def __init__(self, parameters: dict, dry: bool) -> None:
        super().__init__(parameters["kubectl"])
        self.p, self.dry = parameters, dry
        self.changes: list[str] = []

    def change(self, what: str, *words: str, stdin: str | None = None) -> None:
        self.changes.append(what)
        if not self.dry:
            self.kube(*words, stdin=stdin)

    def known(self) -> dict[str, dict]:
        return {one["metadata"]["name"]: one for one in self.read("storageclasses")["items"]}

    def local(self, known: dict[str, dict]) -> None:
        """k3s's own provisioner, from its manifest, but not as the default."""
        path = Path(self.p["local_manifest"])
        if not path.exists():
            raise Failed("storage_manifest_missing", path=str(path))
        text = path.read_text()
        stamp = digest(text)
        there = known.get(LOCAL)
        if there and annotations(there).get(STAMP) == stamp and not is_default(there):
            return
        text = MARK_LINE.sub(rf'\g<1>{DEFAULT}: "false"\n\g<1>{STAMP}: "{stamp}"', text)
        self.change(LOCAL, "apply", "-f", "-", stdin=text)

    def object(self, wanted: dict, known: dict[str, dict]) -> None:
        name = wanted["metadata"]["name"]
        marks = {DEFAULT: "true" if name == self.p["default"] else "false", STAMP: digest(wanted)}
        there = known.get(name)
        if there and marks.items() <= annotations(there).items():
            return
        whole = {**wanted, "metadata": {**wanted["metadata"], "annotations": marks}}
        # What a class says cannot be changed, only said anew. Its volumes do not mind.
        verb = ["replace", "--force"] if there else ["create"]
        self.change(name, *verb, "-f", "-", stdin=json.dumps(whole))

    def only_default(self, known: dict[str, dict]) -> None:
        wanted = {one["metadata"]["name"] for one in self.p["objects"]}
        wanted |= {LOCAL} if self.p["local_manifest"] else set()
        for name, one in known.items():
            right = name == self.p["default"]
            if name in wanted or is_default(one) == right:
                continue
            words = [f"{DEFAULT}={'true' if right else 'false'}", f"{OLD_DEFAULT}-"]
            self.change(name, "annotate", "--overwrite", "storageclass", name, *words)

    def complete(self) -> dict[str, dict]:
        """The classes, once those that others make are there, too."""
        ours = {one["metadata"]["name"] for one in self.p["objects"]}
        ours |= {LOCAL} if self.p["local_manifest"] else set()
        until = time.monotonic() + self.p["timeout"]
        while True:
            known = self.known()
            missing = set(self.p["expected"]) - ours - set(known)
            if not missing or self.dry:
                self.changes += sorted(missing)
                return known
            if time.monotonic() > until:
                raise Failed("storage_not_bound", name=", ".join(sorted(missing)), step="class")
            time.sleep(POLL)

    def bring(self) -> None:
        known = self.complete()
        # Two defaults for a moment are better than none: an old one goes when the new one is there.
        for wanted in self.p["objects"]:
            self.object(wanted, known)
        if self.p["local_manifest"]:
            self.local(known)
        self.only_default(known)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubectl": {"type": "list", "elements": "str", "required": True},
            "default": {"type": "str", "required": True},
            "local_manifest": {"type": "path", "default": ""},
            "objects": {"type": "list", "elements": "dict", "default": []},
            "expected": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    cluster = Cluster(module.params, module.check_mode)
    try:
        cluster.bring()
    except Failed as failed:
        module.fail_json(msg=json.dumps(failed.data))
    except OSError as error:
        if module.check_mode:  # the cluster is not there yet
            module.exit_json(changed=True, changes=[])
        data = {"localcloud_problem": "helm_cluster", "command": "kubectl"}
        module.fail_json(msg=json.dumps({**data, "details": str(error)}))
    module.exit_json(changed=bool(cluster.changes), changes=cluster.changes)


if __name__ == "__main__":
    main()
