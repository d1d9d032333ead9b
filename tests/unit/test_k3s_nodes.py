"""What the role does to the nodes of a cluster, against a pretended API."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.role_code import load

k3s_nodes, k3s_removed, k3s_firewall, k3s_facts = (
    load(f"k3s/library/{name}.py")
    for name in ("k3s_nodes", "k3s_removed", "k3s_firewall", "k3s_facts")
)


class Api:
    """kubectl for a handful of nodes."""

    def __init__(self, *names: str) -> None:
        self.nodes = {name: self.node(name) for name in names}
        self.calls: list[str] = []
        self.refusals: list[str] = []  # what the next deletions are answered with

    def node(self, name: str) -> dict:
        return {
            "metadata": {"name": name, "labels": {}, "annotations": {}},
            "spec": {"taints": [], "unschedulable": False},
            "status": {
                "nodeInfo": {"kubeletVersion": "v1"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }

    def __call__(self, *words: str, timeout: float = 0) -> str:
        if words[:2] == ("get", "nodes"):
            return json.dumps({"items": list(self.nodes.values())})
        self.calls.append(" ".join(word for word in words if not word.startswith("--")))
        if words[0] == "annotate":
            found = self.nodes[words[2]]["metadata"]["annotations"]
            for word in words[4:]:
                key, equals, value = word.partition("=")
                found.update({key: value} if equals else {})
                if not equals:
                    found.pop(key.removesuffix("-"))
        if words[0] == "delete" and self.refusals:
            raise k3s_nodes.Failed("k3s_api_silent", details=self.refusals.pop(0))
        if words[0] == "delete" and words[1] == "node":
            del self.nodes[words[2]]
        return ""

    def silence(self, name: str) -> None:
        self.nodes[name]["status"]["conditions"][0]["status"] = "Unknown"


@pytest.fixture
def api(monkeypatch):
    made = Api("a", "b")
    monkeypatch.setattr(k3s_nodes, "kubectl", made)
    monkeypatch.setattr(k3s_nodes, "POLL", 0)
    monkeypatch.setattr(k3s_nodes, "this_host", lambda: "a")  # as its node is called
    return made


def work(**wanted) -> dict:
    defaults = {
        "ready": {},
        "known": [],
        "closed": [],
        "drain": [],
        "leave": [],
        "remove": [],
        "here": "",
    }
    defaults |= {"stuck": False}
    defaults |= {"timeout": 0, "drain_timeout": 5}
    return k3s_nodes.work(SimpleNamespace(params=defaults | wanted, check_mode=False))


def verbs(api) -> list[str]:
    return [call for call in api.calls if not call.startswith("annotate")]


LIKE = {"version": "v1", "labels": {}, "taints": []}


def test_a_second_look_changes_nothing(api):
    work(ready={"a": LIKE})
    api.calls.clear()
    assert work(ready={"a": LIKE})["changed"] is False and api.calls == []


def test_only_labels_that_came_from_us_are_taken_out(api):
    api.nodes["a"]["metadata"]["labels"] |= {"theirs": "1", "ours": "1", "kept": "0"}
    mark = json.dumps({"labels": ["ours", "kept"], "taints": []})
    api.nodes["a"]["metadata"]["annotations"][k3s_nodes.MARK] = mark
    assert work(ready={"a": {**LIKE, "labels": {"kept": "2"}}})["changed"]
    assert verbs(api) == ["label node a kept=2 ours-"]


def test_a_node_that_stays_silent_is_named_with_its_reason(api):
    api.nodes["b"]["status"]["conditions"][0] |= {"status": "False", "message": "no network"}
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(ready={"a": LIKE, "b": LIKE, "c": LIKE})
    assert caught.value.problem == "k3s_not_ready"
    assert caught.value.data["details"] == "b: no network\nc: not registered"


def test_the_old_release_is_not_ready(api):
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(ready={"a": {**LIKE, "version": "v2"}})
    assert "a: runs v1" in caught.value.data["details"]


def test_an_emptied_node_takes_pods_again_when_it_is_ready(api):
    work(drain=["a"])
    assert verbs(api) == ["drain a"]
    work(ready={"a": LIKE})
    assert verbs(api) == ["drain a", "uncordon a"]
    assert k3s_nodes.EMPTIED not in api.nodes["a"]["metadata"]["annotations"]


def test_a_node_that_the_site_wants_empty_stays_empty_and_comes_back(api):
    wished = {"ready": {"a": {**LIKE, "drained": True}, "b": LIKE}, "closed": ["a"]}
    assert work(**wished)["drained"] == ["a"]
    assert verbs(api) == ["drain a"]
    api.nodes["a"]["spec"]["unschedulable"] = True
    api.calls.clear()
    assert work(**wished)["changed"] is False and api.calls == []
    work(drain=["a"])  # an upgrade meanwhile, and the wait for the node after it
    work(ready=wished["ready"])
    work(**wished)
    assert "uncordon a" not in api.calls
    assert work(ready={"a": LIKE, "b": LIKE})["changed"]
    assert verbs(api)[-1] == "uncordon a"


def test_a_node_that_somebody_freed_by_hand_is_emptied_again(api):
    wished = {"ready": {"a": {**LIKE, "drained": True}}, "closed": ["a"]}
    work(**wished)
    api.nodes["a"]["spec"]["unschedulable"] = False
    assert work(**wished)["drained"] == ["a"]


@pytest.mark.parametrize(
    "spec",
    [{"unschedulable": True}, {"taints": [{"key": "k", "effect": "NoSchedule"}]}],
    ids=["cordoned", "tainted"],
)
def test_the_last_node_that_takes_pods_is_not_emptied(api, spec):
    api.nodes["b"]["spec"] |= spec
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(ready={"a": {**LIKE, "drained": True}}, closed=["a"])
    assert caught.value.problem == "k3s_drained_all" and verbs(api) == []


def test_somebody_elses_cordon_stays(api):
    api.nodes["a"]["spec"]["unschedulable"] = True
    work(drain=["a"])
    work(ready={"a": LIKE})
    assert verbs(api) == []


def test_the_only_node_is_never_emptied(api):
    del api.nodes["b"]
    assert work(drain=["a"])["drained"] == [] and verbs(api) == []


def serve(api, *names: str) -> None:
    for name in names:
        api.nodes[name] = api.node(name)
        api.nodes[name]["metadata"]["labels"][k3s_nodes.SERVES_DATABASE] = "true"


def test_a_node_that_is_down_is_upgraded_without_being_emptied(api, monkeypatch):
    """The newer release may be what makes it run; nobody is there who would end its pods."""
    api.silence("a")
    assert work(drain=["a"])["drained"] == [] and verbs(api) == []

    def silent(*_words, **_options):
        raise k3s_nodes.Failed("k3s_api_silent", details="connection refused")

    monkeypatch.setattr(k3s_nodes, "kubectl", silent)
    assert work(drain=["a"]) == {
        "changed": False,
        "drained": [],
        "spare": [],
        "removed": [],
        "stuck_at": "",
        "nodes": {},
        "strangers": [],
    }


def test_an_agent_is_emptied_then_removed_with_its_password(api):
    assert work(leave=["b"])["spare"] == ["b"]
    assert work(remove=["b"])["removed"] == ["b"]
    assert verbs(api) == [
        "drain b",
        "delete node b",
        "delete secret -n kube-system b.node-password.k3s",
    ]
    assert work(remove=["b"])["changed"] is False


@pytest.mark.parametrize(
    ("servers", "silent", "learner", "spare"),
    [
        ("abc", "", "", True),
        ("ab", "", "", False),
        ("abcd", "b", "", False),
        ("abcd", "", "b", False),
        ("abcde", "b", "", True),
    ],
)
def test_a_server_is_stopped_first_where_the_others_are_the_majority(
    api, servers, silent, learner, spare
):
    serve(api, *servers)
    if silent:
        api.silence(silent)
    if learner:
        state = {"type": "EtcdIsVoter", "status": "False"}
        api.nodes[learner]["status"]["conditions"].append(state)
    assert work(leave=["a"])["spare"] == (["a"] if spare else [])


@pytest.mark.parametrize(("servers", "silent"), [("ab", "b"), ("abc", "b"), ("abcd", "bc")])
def test_a_server_that_is_needed_for_the_majority_stays_untouched(api, servers, silent):
    serve(api, *servers)
    for name in silent:
        api.silence(name)
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(leave=["a"])
    assert caught.value.problem == "k3s_no_majority"
    assert caught.value.data == {"node": "a", "servers": ", ".join(silent)}
    assert api.calls == [], "neither emptied nor marked"


def test_a_server_that_dies_while_another_is_emptied_is_counted(api, monkeypatch):
    serve(api, *"abcd")
    empty = k3s_nodes.empty
    monkeypatch.setattr(k3s_nodes, "empty", lambda *given: (empty(*given), api.silence("b")))
    assert work(leave=["a"])["spare"] == []


@pytest.mark.parametrize(
    ("status", "heard", "said"),
    [
        ("Unknown", "2026-01-05T10:00:30Z", "not ready"),
        ("True", "2026-01-05T09:59:30Z", "not heard of since"),
        ("True", "2026-01-05T10:00:30Z", ""),
    ],
)
def test_the_server_that_was_started_anew_is_waited_for(api, monkeypatch, status, heard, said):
    serve(api, *"abc")
    monkeypatch.setattr(k3s_nodes, "LOST", -1)
    monkeypatch.setattr(k3s_nodes, "FAREWELL", -1)
    monkeypatch.setattr(k3s_nodes, "leader", lambda: "a")
    monkeypatch.setattr(k3s_nodes, "start_anew", lambda: "2026-01-05T10:00:00Z")
    ready = api.nodes["a"]["status"]["conditions"][0]
    ready |= {"status": status, "lastHeartbeatTime": heard}
    api.refusals = ["timed out waiting for the condition"]
    if not said:
        assert work(remove=["c"], here="a")["removed"] == ["c"]
        return
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(remove=["c"], here="a")
    assert caught.value.problem == "k3s_not_ready"
    assert caught.value.data["details"] == f"a: {said}"


def test_a_server_known_to_be_stuck_is_started_anew_at_once(api, monkeypatch):
    serve(api, *"abc")
    monkeypatch.setattr(k3s_nodes, "leader", lambda: "b")
    monkeypatch.setattr(k3s_nodes, "start_anew", lambda: api.calls.append("restart") or "")
    monkeypatch.setattr(k3s_nodes, "this_host", lambda: "b")
    work(remove=["c"], here="b", stuck=True)
    assert verbs(api)[:2] == ["restart", "delete node c"]


def test_a_run_sends_nobody_to_a_third_server(api, monkeypatch):
    serve(api, *"abcd")
    monkeypatch.setattr(k3s_nodes, "leader", lambda: "b")
    monkeypatch.setattr(k3s_nodes, "start_anew", lambda: api.calls.append("restart") or "")
    assert work(remove=["c"], here="a", stuck=True)["stuck_at"] == ""
    assert verbs(api)[0] == "delete node c" and "restart" not in api.calls


def test_the_last_server_is_started_anew_when_its_answer_was_lost(api, monkeypatch):
    serve(api, "a", "b")
    monkeypatch.setattr(k3s_nodes, "LOST", -1)
    monkeypatch.setattr(k3s_nodes, "start_anew", lambda: api.calls.append("restart") or "")
    api.refusals = ["timed out waiting for the condition"]
    assert work(remove=["b"])["removed"] == ["b"]
    assert verbs(api)[:3] == ["delete node b", "restart", "delete node b"]


@pytest.mark.parametrize(
    ("here", "leads", "stuck_at", "calls"),
    [
        ("a", "a", "", ["delete node c", "restart", "delete node c"]),
        ("a", "b", "b", ["delete node c"]),
        ("a", "", "", ["delete node c", "delete node c"]),
        ("", "", "", ["delete node c", "delete node c"]),
        ("", "b", "", ["delete node c", "delete node c"]),
    ],
)
def test_of_several_servers_the_one_that_is_stuck_is_started_anew(
    api, monkeypatch, here, leads, stuck_at, calls
):
    serve(api, *"abc")
    monkeypatch.setattr(k3s_nodes, "LOST", -1)
    monkeypatch.setattr(k3s_nodes, "leader", lambda: leads)
    monkeypatch.setattr(k3s_nodes, "start_anew", lambda: api.calls.append("restart") or "")
    api.refusals = ["timed out waiting for the condition"]
    assert work(remove=["c"], here=here)["stuck_at"] == stuck_at
    assert [call for call in verbs(api) if "secret" not in call] == calls


@pytest.mark.parametrize("there", [["k3s-etcd", "k3s"], ["k3s"], ["configmap"]])
def test_who_leads_the_controllers(monkeypatch, there):
    """Newer releases have a lease for etcd's members alone, older ones no lease at all."""

    def kubectl(_get, kind, _option, _namespace, name, *_words):
        record = {"holderIdentity": "b" if name == there[0] or kind == there[0] else "other"}
        if kind == "lease" and name in there:
            return json.dumps({"metadata": {}, "spec": record})
        if kind == "configmap":
            return json.dumps({"metadata": {"annotations": {k3s_nodes.LEADER: json.dumps(record)}}})
        raise k3s_nodes.Failed("k3s_api_silent", details="not found")

    monkeypatch.setattr(k3s_nodes, "kubectl", kubectl)
    assert k3s_nodes.leader() == "b"
    monkeypatch.setattr(k3s_nodes, "kubectl", lambda *_words: '{"metadata": {}}')
    assert k3s_nodes.leader() == ""


def test_a_call_that_the_database_refuses_while_it_chooses_a_leader_is_made_again(api):
    api.refusals = ["etcdserver: leader changed", "timed out waiting for the condition"]
    assert work(remove=["b"])["removed"] == ["b"] and list(api.nodes) == ["a"]


def test_an_api_that_refuses_for_good_is_named(api, monkeypatch):
    monkeypatch.setattr(k3s_nodes, "FAREWELL", -1)
    api.refusals = ["the server has asked for the client to provide credentials"]
    with pytest.raises(k3s_nodes.Failed) as caught:
        work(remove=["b"])
    assert "credentials" in caught.value.data["details"]


def test_a_dead_node_is_removed_without_waiting_for_its_pods(api):
    api.silence("b")
    work(leave=["b"])
    work(remove=["b"])
    assert verbs(api)[0] == "delete node b"


def test_only_dead_nodes_of_ours_are_given_up(api):
    work(ready={"a": LIKE, "b": LIKE})
    api.nodes["theirs"] = api.node("theirs")
    api.silence("theirs")
    found = work(ready={"a": LIKE}, known=["a"])
    assert found["removed"] == [] and sorted(found["strangers"]) == ["b", "theirs"]
    api.silence("b")
    assert work(ready={"a": LIKE}, known=["a"])["removed"] == ["b"]
    assert "theirs" in api.nodes


def test_whose_processes_and_rules_a_removal_takes():
    shim = b"/var/lib/rancher/k3s/data/1/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0x"
    assert k3s_removed.SHIM.search(shim)
    assert not k3s_removed.SHIM.search(b"/usr/bin/containerd-shim-runc-v2\0-namespace\0moby\0")
    assert k3s_removed.CHAINS.search("-A PREROUTING -j KUBE-SERVICES")
    assert not k3s_removed.CHAINS.search("-A ufw-user-input -p tcp --dport 22 -j ACCEPT")
    assert k3s_removed.INTERFACES.match("flannel.1") and not k3s_removed.INTERFACES.match("cni01")


def test_a_mount_whose_server_is_dead_holds_no_removal_up(tmp_path, monkeypatch):
    table = {"/var/lib/kubelet/pods/1/disk": "ext4", "/var/lib/kubelet/pods/2/files": "nfs4"}
    dead = "/var/lib/kubelet/pods/2/files"
    calls = []

    def run(*words, seconds=0):
        calls.append(" ".join(words))
        if words[-1] == dead and "-l" not in words:
            return SimpleNamespace(returncode=124)
        table.pop(words[-1], None)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(k3s_removed, "run", run)
    monkeypatch.setattr(k3s_removed, "mounts", lambda: list(table))
    monkeypatch.setattr(k3s_removed, "remote", lambda: {dead})
    assert k3s_removed.unmount() == []
    assert calls == [f"umount {one}" for one in ("/var/lib/kubelet/pods/1/disk", dead)] + [
        f"umount -f -l {dead}"
    ]


def test_a_disk_in_use_is_not_let_go_unasked(monkeypatch):
    calls = []
    busy = lambda *words, **_more: calls.append(words) or SimpleNamespace(returncode=32)  # noqa: E731
    monkeypatch.setattr(k3s_removed, "run", busy)
    monkeypatch.setattr(k3s_removed, "mounts", lambda: ["/var/lib/kubelet/pods/1/disk"])
    monkeypatch.setattr(k3s_removed, "remote", set)
    assert k3s_removed.unmount() == ["/var/lib/kubelet/pods/1/disk"]
    assert not [words for words in calls if "-l" in words]


def test_a_command_of_the_removal_has_an_end():
    assert k3s_removed.run("sleep", "30", seconds=0.1).returncode == 124


def taken_back(commands: list[list[str]]) -> list[str]:
    return [" ".join(one) for command in commands for one in k3s_firewall.reverse(command)]


def test_every_rule_of_a_firewall_can_be_taken_back(monkeypatch):
    monkeypatch.setattr(k3s_firewall, "run", lambda *_words: "ufw allow 80/tcp\n")
    _wanted, missing = k3s_firewall.ufw(None, ["10.42.0.0/16", "192.0.2.7"], [80, 6443])
    assert taken_back(missing) == [
        "ufw delete allow from 10.42.0.0/16",
        "ufw delete allow from 192.0.2.7",
        "ufw route delete allow from 10.42.0.0/16",
        "ufw route delete allow to 10.42.0.0/16",
        "ufw delete allow 6443/tcp",
    ]
    monkeypatch.setattr(k3s_firewall, "run", lambda *_words: "")
    _wanted, missing = k3s_firewall.firewalld(None, ["10.42.0.0/16"], [])
    assert taken_back(missing) == [
        "firewall-cmd --permanent --zone=trusted --remove-source=10.42.0.0/16",
        "firewall-cmd --zone=trusted --remove-source=10.42.0.0/16",
    ], "for good, and at once"


class Ufw:
    """ufw with the rules that it was given."""

    def __init__(self, *rules: str) -> None:
        self.rules = set(rules)
        self.left = 1000  # commands until the run is killed

    def __call__(self, _module: object, *words: str) -> str:
        if words == ("ufw", "show", "added"):
            return "\n".join(sorted(self.rules))
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        line = " ".join(words)
        if "delete" in line:
            self.rules.discard(line.replace("delete ", ""))
        else:
            self.rules.add(line)
        return ""


@pytest.fixture
def firewall(tmp_path, monkeypatch):
    """Sets the rules for some addresses; gives what the module answered."""
    double = Ufw("ufw allow 22/tcp", "ufw allow from 192.0.2.9")
    monkeypatch.setattr(k3s_firewall, "run", double)

    def set_rules(*trusted: str) -> SimpleNamespace:
        said = SimpleNamespace()
        params = {"firewall": "ufw", "trusted": list(trusted), "ports": [80]}
        params |= {"made": tmp_path / "firewall.json"}
        module = SimpleNamespace(params=params, check_mode=False, exit_json=said.__dict__.update)
        monkeypatch.setattr(k3s_firewall, "AnsibleModule", lambda **_words: module)
        k3s_firewall.main()
        return said

    return SimpleNamespace(set=set_rules, double=double)


def test_a_node_that_is_gone_is_no_longer_trusted(firewall):
    firewall.set("10.0.0.1", "10.0.0.2", "192.0.2.9")
    assert not firewall.set("10.0.0.1", "10.0.0.2", "192.0.2.9").changed
    assert firewall.set("10.0.0.1").changed
    assert firewall.double.rules == {
        "ufw allow 22/tcp",
        "ufw allow from 192.0.2.9",  # the administrator's own, though a node's address, too
        "ufw allow from 10.0.0.1",
        "ufw allow 80/tcp",
    }


@pytest.mark.parametrize("commands", range(6))
def test_a_run_that_was_killed_forgets_no_rule(firewall, commands):
    firewall.set("10.0.0.1", "10.0.0.2")
    firewall.double.left = commands
    with suppress(KeyboardInterrupt):
        firewall.set("10.0.0.3", "10.0.0.4")
    firewall.double.left = 1000
    firewall.set("10.0.0.5")
    trusted = {rule for rule in firewall.double.rules if "from 10." in rule}
    assert trusted == {"ufw allow from 10.0.0.5"}


def test_a_node_tells_whom_it_knew(tmp_path, monkeypatch):
    monkeypatch.setattr(k3s_facts, "NODES", tmp_path / "nodes.json")
    assert k3s_facts.known() == {}
    (tmp_path / "nodes.json").write_text('{"node1": "10.0.0.1"}')
    assert k3s_facts.known() == {"node1": "10.0.0.1"}
    (tmp_path / "nodes.json").write_text("{")
    assert k3s_facts.known() == {}


def test_whose_installation_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(k3s_facts, "SYSTEMD", tmp_path)
    for name in ("DATA", "CONFIG", "BINARIES"):
        if name != "BINARIES":
            monkeypatch.setattr(k3s_facts, name, tmp_path / name)
    unit = tmp_path / "k3s.service"
    unit.write_text("ExecStart=/opt/localcloud/k3s/bin/k3s-v1.36.4+k3s1 server\n")
    found = k3s_facts.installed()
    assert (found["version"], found["kind"], found["foreign"]) == ("v1.36.4+k3s1", "server", "")
    unit.write_text("ExecStart=/usr/local/bin/k3s server\n")
    found = k3s_facts.installed()
    assert found["version"] == "" and found["foreign"] == str(unit)


def test_a_server_tells_what_its_cluster_was_made_with(tmp_path, monkeypatch):
    monkeypatch.setattr(k3s_facts, "CONFIG", tmp_path / "config.yaml")
    assert k3s_facts.made_with() == {}
    (tmp_path / "config.yaml").write_text(
        "cluster-cidr: 10.42.0.0/16\nsecrets-encryption: true\nservice-cidr: '10.43.0.0/16'\n"
    )
    marks = set()
    for text in ("secret\n", "K10aa::server:secret\n"):
        (tmp_path / "token").write_text(text)
        found = k3s_facts.made_with()
        marks.add(found.pop("token_mark"))
    networks = {"cluster_cidr": "10.42.0.0/16", "service_cidr": "10.43.0.0/16"}
    assert found == {**networks, "secrets_encryption": "true"}
    assert len(marks) == 1 and "secret" not in marks


def test_a_server_that_was_let_go_has_no_database_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(k3s_facts, "ETCD", tmp_path / "etcd")
    assert not k3s_facts.has_database()
    (tmp_path / "etcd").mkdir()
    assert k3s_facts.has_database()
    (tmp_path / "etcd/tombstone").touch()
    assert not k3s_facts.has_database()


def test_whether_a_servers_api_answers(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as api:
        monkeypatch.setattr(k3s_facts, "API", api.getsockname())
        assert k3s_facts.answers()
    assert not k3s_facts.answers()


@pytest.mark.parametrize("others", [[], ["theirs.conf"]])
def test_a_removal_lets_k3s_restart_again_and_leaves_what_others_wrote(
    tmp_path, monkeypatch, others
):
    folder = tmp_path / "k3s.service.d"
    monkeypatch.setattr(k3s_removed, "LEAVING", folder / "leaving.conf")
    monkeypatch.setattr(k3s_removed, "UNITS", [])
    folder.mkdir()
    for name in ["leaving.conf", *others]:
        (folder / name).touch()
    assert k3s_removed.is_there(), "a run that was cut short may have left only this"
    k3s_removed.allow_restart()
    assert [path.name for path in folder.glob("*")] == others and folder.exists() == bool(others)
    k3s_removed.allow_restart()


def test_apparmors_tools_are_wanted_where_it_is_at_work(tmp_path, monkeypatch):
    real = Path
    monkeypatch.setattr(k3s_facts, "Path", lambda name: real(f"{tmp_path}{name}"))
    assert not k3s_facts.apparmor(), "a kernel without it"
    enabled = tmp_path / "sys/module/apparmor/parameters/enabled"
    enabled.parent.mkdir(parents=True)
    enabled.write_text("Y\n")
    assert k3s_facts.apparmor()
    (tmp_path / "run/systemd").mkdir(parents=True)
    (tmp_path / "run/systemd/container").write_text("podman")
    assert not k3s_facts.apparmor(), "a practice machine cannot load profiles"


def test_what_runs_in_a_pods_group_is_found_without_its_shim(tmp_path, monkeypatch):
    pod = tmp_path / "systemd/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope"
    other = tmp_path / "systemd/system.slice/ssh.service"
    for number, folder in enumerate((pod, other), 41):
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text(f"{number}\n")
    monkeypatch.setattr(k3s_removed, "GROUPS", tmp_path)
    assert k3s_removed.in_groups() == {41}
    monkeypatch.setattr(k3s_removed, "processes", lambda: {1: 0, 41: 1, 42: 1, 43: 41})
    assert sorted(k3s_removed.of_pods()) == [41, 43], "and what it has started"
