"""Who starts the cluster, who joins it at whom, who is upgraded; and what is refused beforehand.

Works on the controller, from what ``k3s_facts`` found on every node: nothing has been touched yet.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from ansible.plugins.action import ActionBase

VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)(?:-rc\d+)?\+k3s(\d+)")
# Keys of config.yaml that are this role's to write, and the setting to use instead.
OWNED = {
    "token": "k3s_token",
    "token-file": "k3s_token",
    "agent-token": "k3s_agent_token",
    "agent-token-file": "k3s_agent_token",
    "server": "k3s_api_address",
    "cluster-init": "k3s_server",
    "datastore-endpoint": "k3s_server",
    "cluster-reset": "k3s_server",
    "data-dir": "k3s_volumes_path",
    "default-local-storage-path": "k3s_volumes_path",
    "node-name": "hosts.yml",
    "with-node-id": "hosts.yml",
    "node-ip": "k3s_node_ip",
    "node-label": "k3s_node_labels",
    "node-taint": "k3s_node_taints",
    "tls-san": "k3s_tls_san",
    "cluster-cidr": "k3s_cluster_cidr",
    "service-cidr": "k3s_service_cidr",
    "disable": "k3s_disable",
    "private-registry": "k3s_registries",
    "secrets-encryption": "k3s_secrets_encryption",
    "protect-kernel-defaults": "k3s_hardened",
    "write-kubeconfig-mode": "hosts.yml",
}
ARCHITECTURES = ("amd64", "arm64")


class Refused(Exception):
    """A problem's id and its data."""

    def __init__(self, problem: str, **data: str) -> None:
        super().__init__(problem)
        self.problem, self.data = problem, data


@dataclass(frozen=True)
class Cluster:
    """All that is known. ``looks``: node → its facts (``node``) and ``settings``."""

    looks: dict[str, dict[str, Any]]
    servers: list[str]
    agents: list[str]
    nodes: list[str]  # that this run works on

    def fact(self, name: str, key: str) -> Any:
        return self.looks.get(name, {}).get("node", {}).get(key)

    def setting(self, name: str, key: str) -> Any:
        return self.looks.get(name, {}).get("settings", {}).get(key)

    def has_data(self, name: str) -> bool:
        return bool(self.fact(name, "etcd"))

    def version(self, name: str) -> str:
        return str(self.fact(name, "version") or "")

    def wanted(self, name: str) -> str:
        return str(self.setting(name, "version"))

    def address(self, name: str) -> str:
        """Where the other nodes reach it."""
        return str(self.setting(name, "node_ip") or self.fact(name, "address") or "")

    def after(self, name: str) -> str:
        """The version that a node has when this run is done."""
        return self.wanted(name) if name in self.nodes else self.version(name)


def number(version: str) -> tuple[int, ...]:
    found = VERSION.fullmatch(version)
    return tuple(map(int, found.groups())) if found else ()


def plan(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Node → ``start`` (it makes the cluster), ``join`` (the server it registers at; "" if none),
    ``upgrade`` (it runs an older version now). Raises Refused."""
    for check in (parts, machines, configuration, alike, lasting, versions, order):
        check(cluster)
    first = starter(cluster)
    found = {}
    for name in cluster.nodes:
        start = name == first or (cluster.has_data(name) and not cluster.fact(name, "joined"))
        installed = cluster.version(name)
        found[name] = {
            "start": start,
            "join": "" if start else join(cluster, name, first),
            "upgrade": bool(installed) and installed != cluster.wanted(name),
        }
    return found


def at_once(cluster: Cluster, hosts: dict[str, dict[str, Any]]) -> int | str:
    """How many agents may be worked on together, as a play's ``serial``.

    One, if one is upgraded: what ran there must have somewhere to go.
    """
    return 1 if any(hosts[name]["upgrade"] for name in hosts if name in cluster.agents) else "100%"


def starter(cluster: Cluster) -> str:
    """The server that makes a new cluster; "" if there is one already.

    Never a second time: a first server that lost its disk joins what the others still have.
    """
    if any(cluster.has_data(name) for name in cluster.servers):
        return ""
    left_out = [name for name in cluster.servers if name not in cluster.looks]
    if left_out:
        raise Refused("k3s_servers_unseen", servers=", ".join(left_out))
    first = cluster.servers[0]
    if first not in cluster.nodes:
        raise Refused("k3s_no_cluster", first=first)
    return first


def join(cluster: Cluster, name: str, first: str) -> str:
    """Where a node registers: as before, or else at the first server that is there when its turn
    comes. Other servers that come and go are no reason to restart it."""
    joined = cluster.fact(name, "joined") or "nowhere"
    for other in cluster.servers:
        if other != name and cluster.has_data(other) and cluster.address(other) == joined:
            return other
    if name in cluster.servers:
        before = cluster.servers[: cluster.servers.index(name)]
    else:
        before = cluster.servers
    for other in cluster.servers:
        there = cluster.has_data(other) or other == first
        coming = other in before and other in cluster.nodes
        if other != name and (there or coming):
            return other
    raise Refused("k3s_no_cluster", first=cluster.servers[0])


def parts(cluster: Cluster) -> None:
    if not cluster.servers:
        raise Refused("k3s_no_server")
    both = sorted(set(cluster.servers) & set(cluster.agents))
    if both:
        raise Refused("k3s_both", nodes=", ".join(both))
    for name in cluster.nodes:
        was = cluster.fact(name, "kind")
        now = "server" if name in cluster.servers else "agent"
        if was and was != now:
            raise Refused("k3s_other_part", node=name, was=was, now=now)
    names: dict[str, str] = {}
    for name in cluster.servers + cluster.agents:
        node = name.lower().replace("_", "-")
        if node in names:
            raise Refused("k3s_same_name", first=names[node], second=name, node=node)
        names[node] = name


def machines(cluster: Cluster) -> None:
    for name in cluster.nodes:
        if cluster.fact(name, "foreign"):
            raise Refused("k3s_foreign", node=name, path=str(cluster.fact(name, "foreign")))
        if cluster.fact(name, "arch") not in ARCHITECTURES:
            raise Refused("k3s_architecture", node=name, arch=str(cluster.fact(name, "arch")))
        if not cluster.fact(name, "default_route"):
            raise Refused("k3s_no_route", node=name)


def configuration(cluster: Cluster) -> None:
    for name in cluster.nodes:
        for key in cluster.setting(name, "config_keys") or []:
            owned = key.rstrip("+")
            if owned in OWNED:
                raise Refused("k3s_key_owned", key=key, setting=OWNED[owned], node=name)
        wanted = cluster.wanted(name)
        if not number(wanted):
            raise Refused("k3s_version_form", version=wanted, node=name)
        arch = str(cluster.fact(name, "arch"))
        file = "k3s" if arch == "amd64" else f"k3s-{arch}"
        known = cluster.setting(name, "hashes") or {}
        missing = "" if file in known else file
        archive = f"k3s-airgap-images-{arch}.tar"
        if cluster.setting(name, "archive") and not any(one.startswith(archive) for one in known):
            missing = missing or f"{archive}.gz"
        if missing:
            url = f"{cluster.setting(name, 'release')}/sha256sum-{arch}.txt"
            raise Refused("k3s_version_unknown", version=wanted, file=missing, url=url, node=name)


def alike(cluster: Cluster) -> None:
    """What k3s wants to be the same on all servers."""
    for key in ("cluster_cidr", "service_cidr", "disable", "secrets_encryption", "same_config"):
        values = {json.dumps(cluster.setting(name, key)) for name in in_this_run(cluster)}
        if len(values) > 1:
            setting = "k3s_config" if key == "same_config" else f"k3s_{key}"
            raise Refused("k3s_not_alike", setting=setting, values=" / ".join(sorted(values)))


def lasting(cluster: Cluster) -> None:
    """What a cluster keeps for its whole life: k3s would not start again with anything else."""
    for name in in_this_run(cluster):
        had = cluster.fact(name, "made_with") or {}
        for key in ("cluster_cidr", "service_cidr", "secrets_encryption"):
            was, now = had.get(key), str(cluster.setting(name, key))
            if was and was.lower() != now.lower():
                raise Refused("k3s_lasting", setting=f"k3s_{key}", was=was, now=now, node=name)
        if had.get("token_mark", now_mark := cluster.setting(name, "token_mark")) != now_mark:
            raise Refused("k3s_other_token", node=name)


def in_this_run(cluster: Cluster) -> list[str]:
    return [name for name in cluster.servers if name in cluster.nodes]


def known_servers(cluster: Cluster) -> list[str]:
    return [name for name in cluster.servers if name in cluster.looks]


def versions(cluster: Cluster) -> None:
    """One minor version up at a time, never down."""
    for name in cluster.nodes:
        old, new = cluster.version(name), cluster.wanted(name)
        if not number(old) or old == new:
            continue
        data = {"node": name, "old": old, "new": new}
        if number(new) < number(old):
            raise Refused("k3s_version_down", **data)
        if number(new)[:2] > (number(old)[0], number(old)[1] + 1):
            step = f"v{number(old)[0]}.{number(old)[1] + 1}"
            raise Refused("k3s_version_skips", step=step, **data)


def order(cluster: Cluster) -> None:
    """Servers before agents: a kubelet must not be newer than the API server it talks to."""
    lowest = [cluster.after(name) for name in known_servers(cluster) if cluster.after(name)]
    oldest = min(lowest, key=number, default="")
    for name in cluster.nodes:
        new = cluster.wanted(name)
        if oldest and number(new)[:3] > number(oldest)[:3] and name in cluster.agents:
            raise Refused("k3s_servers_first", node=name, new=new, old=oldest)
        if oldest and number(new)[:2] > (number(oldest)[0], number(oldest)[1] + 1):
            raise Refused("k3s_servers_first", node=name, new=new, old=oldest)
        if oldest and not cluster.version(name) and number(new)[1] + 3 < number(oldest)[1]:
            raise Refused("k3s_node_too_old", node=name, new=new, old=oldest)


def addresses(cluster: Cluster) -> dict[str, str]:
    """Node → address, of those that were looked at and of those that they know from earlier runs.

    What is written on a node must not depend on who else is in the run: k3s would be started anew.
    """
    found: dict[str, str] = {}
    for name in cluster.looks:
        found = {**(cluster.fact(name, "known") or {}), **found}
    found |= {name: cluster.address(name) for name in cluster.looks}
    return {name: found[name] for name in sorted(found) if name in cluster.servers + cluster.agents}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Gives ``hosts``, the plan of every node, and ``agents_at_once``.

    And, so that not every node has to look at all others: ``addresses`` of all nodes that are
    known, and ``authorities``, the hashes of the cluster's authority as servers with its database
    have it ("" for others: what lies there may be of a cluster before).
    """

    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        words = self._task.args
        looks = {name: look for name, look in words["looks"].items() if "node" in look}
        cluster = Cluster(looks, words["servers"], words["agents"], words["nodes"])
        try:
            hosts = plan(cluster)
            return {
                "changed": False,
                "hosts": hosts,
                "agents_at_once": at_once(cluster, hosts),
                "addresses": addresses(cluster),
                "authorities": {
                    name: cluster.fact(name, "ca_hash") if cluster.has_data(name) else ""
                    for name in looks
                },
            }
        except Refused as refused:
            data = dict(refused.data)
            data["localcloud_problem"] = refused.problem
            return {"failed": True, "msg": json.dumps(data)}
