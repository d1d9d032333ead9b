#!/usr/bin/python
"""Ansible module: the nodes of a cluster, as its API sees them. Runs on a server.

Waits until nodes are Ready with the release they should have, keeps their labels and taints,
empties and frees them around an upgrade, and takes out those that are gone.
"""

from __future__ import annotations

import json
import os
import subprocess
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: k3s_nodes
short_description: Wait for, label, drain, free and remove the nodes of a cluster
author: The localcloud authors
options:
  ready:
    description:
      - Nodes that must become Ready, each name with C(version), C(labels) and C(taints).
      - One that we emptied takes pods again once it is Ready, unless it has C(drained).
    type: dict
    default: {}
  known:
    description: All nodes of the site. Others that localcloud made, and that are dead, are removed.
    type: list
    elements: str
    default: []
  closed:
    description: Of the nodes in I(ready), those that are kept empty as long as they stand here.
    type: list
    elements: str
    default: []
  drain:
    description:
      - Nodes to empty, if the cluster has others.
      - Those that are dead, or whose API is silent, stay as they are.
    type: list
    elements: str
    default: []
  leave:
    description:
      - Nodes to empty before they are taken out, if they are alive.
      - C(spare) in the answer has those that may be stopped first. Without any other, the database
        of the cluster would lose its majority.
    type: list
    elements: str
    default: []
  remove:
    description: Nodes to take out of the cluster.
    type: list
    elements: str
    default: []
  here:
    description:
      - The name of the node that this runs on, where nodes are taken out.
      - C(stuck_at) in the answer has the host whose k3s must be started anew before the rest goes.
    type: str
    default: ""
  stuck:
    description: Whether that was found to be this one. Then it is started anew at once.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for nodes to become Ready.
    type: int
    default: 180
  drain_timeout:
    description: Seconds that emptying a node may take.
    type: int
    default: 300
"""

MARK = "localcloud/node"  # an annotation: what of labels and taints came from us, as JSON
EMPTIED = "localcloud/emptied"  # an annotation: we did it, and shall undo it
DRAINED = "drained"  # its value where the site wishes for it, and it is done
POLL = 1.0
# Seconds that taking a node out may take. A server that leads k3s's controllers falls silent when
# it leaves: another may lead, and let the node go, only when the lease of 45 s has ended. Meanwhile
# the API may refuse calls: etcd chooses its leader anew.
FAREWELL = 180
# Seconds after which a server is started anew: the answer to its call to etcd may have been lost,
# and k3s waits for it forever. With the one that led; or, as it seems, since older releases (1.21)
# call from all servers at once, and etcd drops what comes while such a change is pending.
LOST = 75
# Seconds after which a node is upgraded as it is, where the API is silent: what does not run cannot
# be emptied, and the newer release may be what makes it run.
SILENT = 30
# What names the leader of k3s's own controllers. Those of etcd have one of their own in newer
# releases; the oldest know no leases.
LEASES = (("lease", "k3s-etcd"), ("lease", "k3s"), ("configmap", "k3s"))
LEADER = "control-plane.alpha.kubernetes.io/leader"  # an annotation of the last
SERVES_DATABASE = "node-role.kubernetes.io/etcd"
KUBECTL = "/usr/local/bin/kubectl"


class Failed(Exception):
    def __init__(self, problem: str, **data: str) -> None:
        super().__init__(problem)
        self.problem, self.data = problem, data


def kubectl(*words: str, timeout: float = 60) -> str:
    """One call. Failed with kubectl's own words."""
    environment = {
        **os.environ,
        "KUBECONFIG": "/etc/rancher/k3s/k3s.yaml",
        "HOME": "/run/k3s/localcloud",  # kubectl keeps a cache below it
        "no_proxy": "*",
    }
    try:
        done = subprocess.run(
            [KUBECTL, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed("k3s_api_silent", details=str(error)) from error
    if done.returncode:
        raise Failed("k3s_api_silent", details=(done.stderr or done.stdout).strip()[-1500:])
    return done.stdout


def patiently(*words: str, deadline: float) -> str:
    """The same, again and again until it succeeds or the deadline (of time.monotonic) is over."""
    while True:
        try:
            return kubectl(*words)
        except Failed:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL)


def all_nodes() -> dict[str, dict]:
    found = json.loads(kubectl("get", "nodes", "-o", "json"))
    return {node["metadata"]["name"]: node for node in found["items"]}


def annotations(node: dict) -> dict[str, str]:
    return node["metadata"].get("annotations") or {}


def why_not_ready(node: dict | None, version: str, since: str = "") -> str:
    """ "" for a node that is Ready with this release, else what it lacks.

    What it said before a moment (``since``, as the API writes it) does not count: the API shows a
    node as Ready until it has been silent for 40 s, or says itself that it is not.
    """
    if node is None:
        return "not registered"
    has = node["status"]["nodeInfo"]["kubeletVersion"]
    if version and has != version:
        return f"runs {has}"
    conditions = {one["type"]: one for one in node["status"].get("conditions", [])}
    ready = conditions.get("Ready", {})
    if ready.get("status") != "True":
        return ready.get("message") or "not ready"
    return "" if ready.get("lastHeartbeatTime", since) >= since else "not heard of since"


def wait(wanted: dict[str, dict], timeout: int, since: str = "") -> dict[str, dict]:
    """The nodes, once all that are wanted are Ready. Failed names those that are not."""
    deadline = time.monotonic() + timeout
    missing: dict[str, str] = {}
    while True:
        failure = None
        try:
            nodes = all_nodes()
            missing = {
                name: why
                for name, entry in wanted.items()
                if (why := why_not_ready(nodes.get(name), entry.get("version", ""), since))
            }
            if not missing:
                return nodes
        except Failed as failed:
            failure = failed
        if time.monotonic() > deadline:
            if failure:
                raise failure
            said = "\n".join(f"{name}: {why}" for name, why in missing.items())
            seconds = str(timeout)
            raise Failed("k3s_not_ready", nodes=", ".join(missing), seconds=seconds, details=said)
        time.sleep(POLL)


def taint(entry: dict) -> str:
    value = f"={entry['value']}" if entry.get("value") else ""
    return f"{entry['key']}{value}:{entry['effect']}"


def settle(name: str, node: dict, entry: dict, check: bool) -> bool:
    """Labels, taints and our mark as they shall be; True if something was changed."""
    labels = {key: str(value) for key, value in (entry.get("labels") or {}).items()}
    taints = sorted(entry.get("taints") or [])
    mark = json.dumps({"labels": sorted(labels), "taints": taints})
    before = json.loads(annotations(node).get(MARK, "{}"))
    has = node["metadata"].get("labels") or {}
    has_taints = {taint(one) for one in node["spec"].get("taints") or []}
    words = [f"{key}={value}" for key, value in labels.items() if has.get(key) != value]
    words += [f"{key}-" for key in before.get("labels", []) if key not in labels and key in has]
    tainted = [one for one in taints if one not in has_taints]
    tainted += [f"{one}-" for one in before.get("taints", []) if one not in taints]
    tainted = [one for one in tainted if not one.endswith("-") or one[:-1] in has_taints]
    emptied = EMPTIED in annotations(node) and not entry.get("drained")
    changed = bool(words or tainted or emptied)
    if check:
        return changed
    if words:
        kubectl("label", "node", name, "--overwrite", *words)
    if tainted:
        kubectl("taint", "node", name, "--overwrite", *tainted)
    if emptied:
        kubectl("uncordon", name)
    if emptied or annotations(node).get(MARK) != mark:
        end = [f"{EMPTIED}-"] if emptied else []
        kubectl("annotate", "node", name, "--overwrite", f"{MARK}={mark}", *end)
    return changed


def empty(name: str, timeout: int) -> None:
    kubectl("annotate", "node", name, "--overwrite", f"{EMPTIED}=yes")
    words = ["drain", name, "--ignore-daemonsets", "--force", "--delete-emptydir-data"]
    try:
        kubectl(*words, f"--timeout={timeout}s", timeout=timeout + 30)
    except Failed as failed:
        raise Failed("k3s_drain", node=name, seconds=str(timeout), **failed.data) from failed


def take_pods(nodes: dict[str, dict]) -> set[str]:
    """Those on which anything may run."""
    return {
        name
        for name, node in nodes.items()
        if not node["spec"].get("unschedulable")
        and not {"NoSchedule", "NoExecute"} & effects(node)
        and not why_not_ready(node, "")
    }


def effects(node: dict) -> set[str]:
    return {one["effect"] for one in node["spec"].get("taints") or []}


def unclosed(nodes: dict[str, dict], names: list[str]) -> list[str]:
    """Those that are to be kept empty and are not: they never were, or somebody freed them."""
    return [
        name
        for name in names
        if annotations(nodes[name]).get(EMPTIED) != DRAINED
        or not nodes[name]["spec"].get("unschedulable")
    ]


def close(names: list[str], timeout: int) -> None:
    """Empty them for as long as the site wishes. Failed if nothing could run elsewhere."""
    if names and not take_pods(all_nodes()) - set(names):
        raise Failed("k3s_drained_all", nodes=", ".join(names))
    for name in names:
        empty(name, timeout)
        kubectl("annotate", "node", name, "--overwrite", f"{EMPTIED}={DRAINED}")


def drain(nodes: dict[str, dict], names: list[str], timeout: int) -> list[str]:
    """Empty the nodes that are alive, unless there is no other place for what runs on them.

    On a dead one nobody would end the pods: emptying it would only take all the time it may take.
    """
    chosen = [name for name in names if not why_not_ready(nodes.get(name), "")]
    # Somebody else's cordon stays after the upgrade: it gets no mark of ours.
    chosen = [
        name
        for name in chosen
        if not nodes[name]["spec"].get("unschedulable") or EMPTIED in annotations(nodes[name])
    ]
    if not take_pods(nodes) - set(names):
        return []
    for name in chosen:
        empty(name, timeout)
    return chosen


def has_database(node: dict) -> bool:
    return (node["metadata"].get("labels") or {}).get(SERVES_DATABASE) == "true"


def votes(node: dict) -> bool:
    """Whether its database counts for the majority now. Older releases do not tell learners."""
    conditions = {one["type"]: one["status"] for one in node["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and conditions.get("EtcdIsVoter", "True") == "True"


def is_spare(nodes: dict[str, dict], name: str) -> bool:
    """True if the database has a majority of all its members while this node is down."""
    members = [one for one, node in nodes.items() if has_database(node)]
    others = [one for one in members if one != name and votes(nodes[one])]
    return name not in members or len(others) > len(members) / 2


def ensure_majority(nodes: dict[str, dict], name: str) -> None:
    """Failed where etcd would not let it go: the rest, with all its members, is no majority.

    etcd refuses what would end the cluster. But the node would be marked as deleted by then, for
    ever, and k3s would let it go unasked as soon as the others are back.
    """
    rest = [one for one, node in nodes.items() if one != name and has_database(node)]
    silent = [one for one in rest if not votes(nodes[one])]
    if name in nodes and has_database(nodes[name]) and len(rest) <= 2 * len(silent) and rest:
        raise Failed("k3s_no_majority", node=name, servers=", ".join(silent))


def leave(nodes: dict[str, dict], names: list[str], timeout: int) -> list[str]:
    """Empty the nodes; gives those that the cluster can do without from now on."""
    for name in names:
        ensure_majority(nodes, name)
        # What is dead cannot be emptied: its pods are given up with the node.
        if name in nodes and not why_not_ready(nodes[name], ""):
            empty(name, timeout)
            nodes = all_nodes()  # emptying takes minutes
    return [name for name in names if is_spare(nodes, name)]


def delete(name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    gently = ["--ignore-not-found", "--timeout=30s"]
    patiently("delete", "node", name, *gently, deadline=deadline)
    # Without this a node of the same name with another password would be refused.
    secret = f"{name}.node-password.k3s"
    patiently("delete", "secret", "-n", "kube-system", secret, *gently, deadline=deadline)


def goes(name: str, seconds: float) -> bool:
    """Whether a node goes in that time."""
    try:
        delete(name, seconds)
    except Failed:
        return False
    return True


def start_anew() -> str:
    """Start this server's k3s again; gives the moment, as the API writes it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    subprocess.run(["systemctl", "restart", "k3s.service"], capture_output=True, check=False)
    return moment


def this_host() -> str:
    return os.uname().nodename


def leader() -> str:
    """The host whose k3s takes nodes out; "" where that is not to be seen."""
    for kind, name in LEASES:
        try:
            found = json.loads(kubectl("get", kind, "-n", "kube-system", name, "-o", "json"))
        except Failed:
            continue
        record = json.loads(annotations(found).get(LEADER) or "null") or found.get("spec") or {}
        if record.get("holderIdentity"):
            return str(record["holderIdentity"])
    return ""


def remove(
    nodes: dict[str, dict], names: list[str], here: str = "", stuck: bool = False
) -> tuple[list[str], str]:
    """Take nodes out; gives those that were there, and the host where it is stuck, or ""."""
    gone = [name for name in names if name in nodes]
    for name in gone:
        if not has_database(nodes[name]):
            delete(name, FAREWELL)
            continue
        if not stuck and goes(name, LOST):
            continue
        rest = [one for one, node in nodes.items() if one != name and has_database(node)]
        leads = leader() if len(rest) > 1 else this_host()
        if not stuck and here and leads not in ("", this_host()):
            return gone, leads
        since = start_anew() if leads == this_host() and (here or len(rest) <= 1) else ""
        delete(name, FAREWELL)
        wait({here: {}} if here else {}, FAREWELL, since)  # it was away itself
    return gone, ""


def dead(nodes: dict[str, dict], known: list[str]) -> list[str]:
    """Nodes of ours that the site no longer has and that no longer answer."""
    if not known:
        return []
    return [
        name
        for name, node in nodes.items()
        if name not in known and MARK in annotations(node) and why_not_ready(node, "")
    ]


def look(wanted: dict, check: bool) -> dict[str, dict]:
    """The nodes, once all that must be Ready are; none if a silent API only has to empty some."""
    if not wanted["drain"]:
        return wait(wanted["ready"], 0 if check else wanted["timeout"])
    try:
        return wait({}, min(SILENT, wanted["timeout"]))
    except Failed:
        return {}


def work(module: AnsibleModule) -> dict:
    wanted = module.params
    nodes = look(wanted, module.check_mode)
    timeout = wanted["drain_timeout"]
    settled = [
        name
        for name, entry in wanted["ready"].items()
        if "labels" in entry and settle(name, nodes[name], entry, module.check_mode)
    ]
    given_up = dead(nodes, wanted["known"])
    to_close = unclosed(nodes, wanted["closed"])
    if module.check_mode:
        named = [*wanted["drain"], *wanted["leave"], *wanted["remove"]]
        going = [name for name in named if name in nodes]
        return {"changed": bool(settled or given_up or to_close or going)}
    close(to_close, timeout)
    drained = to_close + drain(nodes, wanted["drain"], timeout)
    spare = leave(nodes, wanted["leave"], timeout)
    removed, stuck_at = remove(nodes, wanted["remove"] + given_up, wanted["here"], wanted["stuck"])
    versions = {name: node["status"]["nodeInfo"]["kubeletVersion"] for name, node in nodes.items()}
    strangers = [name for name in nodes if wanted["known"] and name not in wanted["known"]]
    return {
        "changed": bool(settled or drained or removed or wanted["leave"]),
        "drained": drained,
        "spare": spare,
        "removed": removed,
        "stuck_at": stuck_at,
        "nodes": versions,
        "strangers": [name for name in strangers if name not in removed],
    }


def main() -> None:
    names = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "ready": {"type": "dict", "default": {}},
            "known": names,
            "closed": names,
            "drain": names,
            "leave": names,
            "remove": names,
            "here": {"type": "str", "default": ""},
            "stuck": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 180},
            "drain_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except Failed as failed:
        data = {"server": os.uname().nodename, **failed.data}
        data["localcloud_problem"] = failed.problem
        module.fail_json(msg=json.dumps(data))


if __name__ == "__main__":
    main()
