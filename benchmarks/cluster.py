"""How long a cluster takes: fresh, without changes, one more node; beside k3s-ansible.

    python benchmarks/cluster.py [--k3s DIR] [--rival DIR] [--runs 1] [--many 9]

With --k3s (a directory with ``k3s`` and ``images/*.tar``, a real one): one server and two agents,
fresh and again. With --rival as well, k3s-ansible does the same on the same machines in turn; its
directory holds ``k3s-ansible`` (a checkout), ``k3s-install.sh`` (k3s's own) and ``collections``
(with ansible.posix, ansible.utils and community.general), and it needs netaddr (PyPI). Then, with
the stand-in of tests/doubles: one server and --many agents again, and one node more for two and for
ten; 0 leaves that out.
Times are those of whole commands, checks included; localcloud's end when all nodes are Ready, so
k3s-ansible's are shown with that wait, too. Labs of its own come and go.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from localcloud import lab as labs

STAND_IN = Path(__file__).resolve().parents[1] / "tests/doubles/k3s"
# Practice machines share this computer's disk: its fullness is no reason to drop images.
KUBELET = ["image-gc-high-threshold=100", "image-gc-low-threshold=99"]
KUBELET += ["eviction-hard=imagefs.available<1%,nodefs.available<1%"]
REAL_OFF = ["traefik", "metrics-server", "servicelb", "coredns", "local-storage"]
# What a server that was not bootstrapped bare has, and k3s-ansible counts on; not timed.
USUAL = "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install python3-apt"
TOKEN = "practice-" * 4  # the rival's, on machines that are thrown away


class Cluster:
    """A lab with one server and some agents, and settings that need no network."""

    def __init__(self, directory: Path, agents: int, k3s: Path, off: list[str]) -> None:
        self.k3s, self.off = k3s, off
        self.lab = labs.up(directory, groups=("k3s_server=1", f"k3s_agent={agents}"))
        said = subprocess.run([k3s / "k3s", "--version"], capture_output=True, text=True).stdout
        self.version = re.findall(r"v[0-9.]+\+k3s[0-9]+", said)[0]
        sha256 = hashlib.sha256((k3s / "k3s").read_bytes()).hexdigest()
        settings = {
            "k3s_version": self.version,
            "k3s_checksums": {self.version: {"k3s": sha256}},
            "artifact_local_dir": str(k3s),
            "artifact_online": False,
            "k3s_disable": off,
            "k3s_image_archives": sorted(map(str, (k3s / "images").glob("*.tar"))),
            "k3s_config": {"kubelet-arg": KUBELET},
        }
        with (directory / "group_vars/all/settings.yml").open("a") as file:
            file.writelines(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())

    def ours(self, limit: str = "") -> tuple[float, int]:
        """Seconds of `localcloud install`, and how many steps changed something."""
        words = ["install", "-i", self.lab.directory, "--no-journey", "--json"]
        words += ["--limit", limit] if limit else []
        seconds, said = timed(sys.executable, "-m", "localcloud", *words)
        return seconds, json.loads(said)["changed"]

    def on_all(self, script: str) -> None:
        for host in self.lab.hosts:
            timed(*self.lab.ssh_command(host, ["sudo", "sh", "-c", script]))


class Rival:
    """k3s-ansible on the machines of a cluster, with what practice machines need."""

    def __init__(self, place: Path, cluster: Cluster) -> None:
        self.place, self.cluster = place, cluster
        self.work = cluster.lab.directory.parent / "rival"
        self.work.mkdir(exist_ok=True)
        for path in (place / "k3s-install.sh", cluster.k3s / "k3s"):
            shutil.copy(path, self.work)
        for path in (cluster.k3s / "images").glob("*.tar"):
            shutil.copy(path, self.work)
        template = Path(__file__).resolve().parents[1] / "roles/k3s/files/config.toml.tmpl"
        self.template = template.read_text()

    def prepare(self) -> None:
        """What a machine with a kernel of its own would not need; not timed."""
        there = "/var/lib/rancher/k3s/agent/etc/containerd"
        text = f"mkdir -p {there}; cat > {there}/config.toml.tmpl <<'END'\n{self.template}END\n"
        self.cluster.on_all(text)
        (self.work / "hosts.json").write_text(json.dumps(self.inventory()))

    def inventory(self) -> dict:
        lab = self.cluster.lab
        server, *agents = lab.hosts
        show = lab.ssh_command(server, ["hostname -I"])
        address = subprocess.run(show, capture_output=True, text=True, check=True).stdout.split()[0]
        agent_config = {"snapshotter": "native", "kubelet-arg": KUBELET}
        return {
            "k3s_cluster": {
                "children": {
                    "server": {"hosts": {server: self.host(server)}},
                    "agent": {"hosts": {name: self.host(name) for name in agents}},
                },
                "vars": {
                    "ansible_user": "admin",
                    "ansible_ssh_private_key_file": str(lab.directory / ".localcloud/lab_key"),
                    "ansible_ssh_common_args": f"-o UserKnownHostsFile={lab.directory}/known_hosts",
                    "k3s_version": self.cluster.version,
                    "token": TOKEN,
                    "api_endpoint": address,
                    "airgap_dir": str(self.work),
                    "agent_config_yaml": json.dumps(agent_config),
                    "server_config_yaml": json.dumps({**agent_config, "disable": REAL_OFF}),
                },
            }
        }

    def host(self, name: str) -> dict:
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.cluster.lab.machine(name).ports[22],
        }

    def run(self) -> tuple[float, int]:
        """Seconds of its playbook, and how many steps changed something."""
        environment = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.place / "collections"),
            "ANSIBLE_CONFIG": str(self.place / "k3s-ansible/ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(self.place / "k3s-ansible/roles"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "1",
            "HOME": str(self.work),
        }
        play = Path(sys.executable).with_name("ansible-playbook")
        site = self.place / "k3s-ansible/playbooks/site.yml"
        seconds, said = timed(play, "-i", self.work / "hosts.json", site, **environment)
        return seconds, sum(map(int, re.findall(r"changed=(\d+)", said)))

    def until_ready(self) -> float:
        """Seconds until every node is Ready: its playbook does not wait for the agents'."""
        server, *_agents = self.cluster.lab.hosts
        begun = time.monotonic()
        while time.monotonic() - begun < 300:
            nodes = ["sudo", "k3s", "kubectl", "get", "nodes", "--no-headers"]
            said = timed(*self.cluster.lab.ssh_command(server, nodes))[1].splitlines()
            if len(said) == len(self.cluster.lab.hosts) and all(
                line.split()[1] == "Ready" for line in said
            ):
                return time.monotonic() - begun
            time.sleep(0.5)
        sys.exit("k3s-ansible's nodes are not Ready after 300 s")


def timed(*command: str | Path, **environment: str) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}")
    return time.monotonic() - begun, done.stdout


def show(label: str, found: list[tuple[float, int]]) -> float:
    seconds = [one[0] for one in found]
    middle = statistics.median(seconds)
    changed = "/".join(str(one[1]) for one in found)
    print(
        f"{label:<44} {middle:6.1f} s  ({min(seconds):.1f} to {max(seconds):.1f}, "
        f"{len(found)} runs, changed {changed})",
        flush=True,
    )
    return middle


def side_by_side(place: Path, k3s: Path, rival: Path | None, runs: int) -> None:
    """One server and two agents with a real k3s, fresh and again."""
    times: dict[str, list[tuple[float, int]]] = {}
    cluster = Cluster(place / "real", 2, k3s, REAL_OFF)
    try:
        other = Rival(rival, cluster) if rival else None
        for _run in range(runs):
            cluster.lab.rebuild()
            cluster.on_all(USUAL)
            times.setdefault("localcloud, fresh", []).append(cluster.ours())
            times.setdefault("localcloud, again", []).extend(cluster.ours() for _ in range(2))
            if other:
                cluster.lab.rebuild()
                cluster.on_all(USUAL)
                other.prepare()
                fresh = other.run()
                ready = fresh[0] + other.until_ready(), fresh[1]
                times.setdefault("k3s-ansible, fresh", []).append(fresh)
                times.setdefault("k3s-ansible, fresh, nodes Ready", []).append(ready)
                times.setdefault("k3s-ansible, again", []).extend(other.run() for _ in range(2))
    finally:
        labs.down(place / "real")
    print(f"1 server + 2 agents, k3s {cluster.version}")
    middle = {label: show(label, found) for label, found in times.items()}
    if rival:
        for part in ("fresh", "fresh, nodes Ready", "again"):
            ours = middle[f"localcloud, {part.partition(',')[0]}"]
            print(f"{'ratio, ' + part:<44} {ours / middle[f'k3s-ansible, {part}']:6.2f}")


def many_nodes(place: Path, agents: int, runs: int) -> None:
    """The stand-in for k3s starts in no time, so this is what localcloud itself takes."""
    cluster = Cluster(place / "many", agents + 1, STAND_IN, ["local-storage"])
    try:
        server, first, second, *others, last = cluster.lab.hosts
        cluster.ours(f"{server},{first}")
        two = cluster.ours(second)
        cluster.ours(",".join([server, first, second, *others]))
        known = ",".join([server, first, second, *others])
        again = [cluster.ours(known) for _run in range(max(2, runs))]
        ten = cluster.ours(last)
    finally:
        labs.down(place / "many")
    print(f"1 server + {agents} agents, stand-in for k3s")
    show("localcloud, again", again)
    show("one agent more, the second", [two])
    show(f"one agent more, number {agents + 1}", [ten])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--k3s", type=Path, metavar="DIR")
    parser.add_argument("--rival", type=Path, metavar="DIR")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--many", type=int, default=9, metavar="AGENTS")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="localcloud-bench-") as folder:
        if given.k3s:
            rival = given.rival.resolve() if given.rival else None
            side_by_side(Path(folder), given.k3s.resolve(), rival, given.runs)
        if given.many:
            many_nodes(Path(folder), given.many, given.runs)


if __name__ == "__main__":
    main()
