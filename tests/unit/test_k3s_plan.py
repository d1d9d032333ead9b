"""Who starts a cluster, who joins it, who is upgraded; and what is refused beforehand."""

import re

import pytest

from localcloud.problems import PROBLEMS, explain
from tests.unit.role_code import ROLES, load

ROLE = ROLES / "k3s"
OLD, NEW = "v1.36.4+k3s1", "v1.37.1+k3s1"


k3s_plan = load("k3s/action_plugins/k3s_plan.py")
k3s_kubeconfig = load("k3s/action_plugins/k3s_kubeconfig.py")


def look(version="", data=False, joined="", wanted=OLD, **more):
    """``joined``: the address of the server that it registers at."""
    node = {"arch": "amd64", "default_route": True, "version": version, "etcd": data}
    node["address"] = more.pop("address", "")
    node |= {"joined": joined, "kind": more.pop("kind", ""), "foreign": more.pop("foreign", "")}
    node |= {key: more.pop(key) for key in ("arch", "default_route") if key in more}
    settings = {
        "version": wanted,
        "hashes": {"k3s": "0" * 64},
        "release": "https://example.edu/k3s",
    }
    return {"node": node, "settings": {**settings, **more}}


def plan(looks, servers, agents=(), nodes=None):
    cluster = k3s_plan.Cluster(looks, list(servers), list(agents), list(nodes or looks))
    return k3s_plan.plan(cluster)


def refused(looks, servers, agents=(), nodes=None):
    with pytest.raises(k3s_plan.Refused) as caught:
        plan(looks, servers, agents, nodes)
    problem = explain(caught.value.problem, {**caught.value.data, "host": "h"})
    assert problem.known and "?" not in problem.message + problem.remedy
    return problem.message + " " + problem.remedy


def test_a_new_cluster_is_made_by_its_first_server_and_joined_by_the_others():
    looks = {name: look() for name in ("a", "b", "c", "x")}
    found = plan(looks, ["a", "b", "c"], ["x"])
    assert [found[name]["start"] for name in "abcx"] == [True, False, False, False]
    assert [found[name]["join"] for name in "abcx"] == ["", "a", "a", "a"]
    assert not any(entry["upgrade"] for entry in found.values())


def test_the_second_run_plans_the_same():
    looks = {"a": look(OLD, True), "b": look(OLD, True, "10.0.0.1"), "x": look(OLD)}
    found = plan(looks, ["a", "b"], ["x"])
    assert found["a"]["start"] and found["b"] == {"start": False, "join": "a", "upgrade": False}
    assert found["x"]["join"] == "a"


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ({"cluster_cidr": "10.42.0.0/16"}, {"cluster_cidr": "10.50.0.0/16"}, "k3s_cluster_cidr is"),
        ({"service_cidr": "10.43.0.0/16"}, {"service_cidr": "10.5.0.0/16"}, "with 10.43.0.0/16"),
        ({"secrets_encryption": "true"}, {"secrets_encryption": False}, "made anew"),
        ({"token_mark": "aa"}, {"token_mark": "bb"}, "Bring back the site's secrets"),
    ],
)
def test_what_a_cluster_keeps_for_its_life_is_not_changed(was, now, words):
    looks = {"a": look(OLD, True, **now), "x": look(OLD)}
    looks["a"]["node"]["made_with"] = was
    said = refused(looks, ["a"], ["x"])
    assert words in said and "Nothing was touched" in said


def test_what_a_cluster_was_made_with_is_taken_as_it_is():
    same = {"cluster_cidr": "10.42.0.0/16", "secrets_encryption": True, "token_mark": "aa"}
    looks = {"a": look(OLD, True, **same)}
    for was in ({}, {"cluster_cidr": "10.42.0.0/16", "secrets_encryption": "true"}):
        looks["a"]["node"]["made_with"] = {**was, "token_mark": "aa"} if was else {}
        assert plan(looks, ["a"])["a"]["start"]


def test_what_is_written_does_not_depend_on_who_else_is_in_the_run():
    """Else k3s would be started anew, and a firewall would shut nodes out that a run leaves out."""
    looks = {name: look(address=f"10.0.0.{at}") for at, name in enumerate("sxy")}
    whole = k3s_plan.Cluster(looks, ["s"], ["x", "y"], ["s", "x", "y"])
    addresses = k3s_plan.addresses(whole)
    assert addresses == {"s": "10.0.0.0", "x": "10.0.0.1", "y": "10.0.0.2"}
    for one in looks.values():
        one["node"]["known"] = addresses
    for names in ("sx", "ys", "s", "x"):
        some = {name: looks[name] for name in names}
        found = k3s_plan.addresses(k3s_plan.Cluster(some, ["s"], ["x", "y"], list(names)))
        assert list(found.items()) == list(addresses.items())


def test_a_new_node_knows_the_others_and_nobody_knows_one_that_was_struck_out():
    server = look(OLD, True, address="10.0.0.1")
    server["node"]["known"] = {"old": "10.0.0.9", "s": "10.0.0.7", "x": "10.0.0.2"}
    looks = {"new": look(address="10.0.0.3"), "s": server}
    found = k3s_plan.addresses(k3s_plan.Cluster(looks, ["s"], ["x", "new"], ["new"]))
    assert found == {"new": "10.0.0.3", "s": "10.0.0.1", "x": "10.0.0.2"}


def test_a_first_server_that_lost_its_disk_joins_the_others_for_good():
    looks = {
        "a": look(address="10.0.0.1"),
        "b": look(OLD, True, "10.0.0.1", address="10.0.0.2"),
        "c": look(OLD, True, "10.0.0.1", address="10.0.0.3"),
    }
    assert plan(looks, ["a", "b", "c"])["a"] == {"start": False, "join": "b", "upgrade": False}
    # And when it has joined, nothing changes: its configuration says that it joined.
    looks["a"] = look(OLD, True, "10.0.0.2", address="10.0.0.1")
    found = plan(looks, ["a", "b", "c"])
    assert [found[name]["join"] for name in "abc"] == ["b", "a", "a"]
    assert not any(entry["start"] for entry in found.values())


def test_servers_that_come_back_are_no_reason_to_register_elsewhere():
    looks = {name: look(address=f"10.0.0.{n}") for n, name in enumerate("abc", 1)}
    looks |= {"c": look(OLD, True, "10.0.0.1", address="10.0.0.3"), "x": look(OLD)}
    found = plan(looks, ["a", "b", "c"], ["x"])
    assert [found[name]["join"] for name in "abx"] == ["c", "a", "a"]
    # Now all are there, and each stays where it is.
    looks["a"] = look(OLD, True, "10.0.0.3", address="10.0.0.1")
    looks["b"] = look(OLD, True, "10.0.0.1", address="10.0.0.2")
    looks["x"] = look(OLD, joined="10.0.0.3")
    found = plan(looks, ["a", "b", "c"], ["x"])
    assert [found[name]["join"] for name in "abcx"] == ["c", "a", "a", "c"]


def test_a_server_that_left_the_site_is_no_ones_target():
    looks = {"b": look(OLD, True, "10.0.0.1"), "c": look(OLD, True, "10.0.0.1"), "x": look(OLD)}
    found = plan(looks, ["b", "c"], ["x"])
    assert (found["b"]["join"], found["c"]["join"], found["x"]["join"]) == ("c", "b", "b")


def test_limited_to_an_agent_the_server_left_out_is_joined():
    looks = {"a": look(OLD, True), "x": look()}
    assert plan(looks, ["a"], ["x"], ["x"]) == {
        "x": {"start": False, "join": "a", "upgrade": False}
    }


def test_no_second_cluster_where_a_server_could_not_be_looked_at():
    assert "could not be looked at: a" in refused({"b": look()}, ["a", "b"])
    assert "leaves out its first server, a" in refused(
        {"a": look(), "b": look()}, ["a", "b"], nodes=["b"]
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("v1.36.4+k3s1", "v1.38.0+k3s1", "from there to v1.38.0+k3s1 a minor version"),
        ("v1.36.4+k3s2", "v1.36.4+k3s1", "is older"),
        ("v1.36.4+k3s1", "v1.9.1+k3s1", "is older"),
        ("", "stable", "is no release"),
    ],
)
def test_versions_that_cannot_be(old, new, words):
    said = refused({"a": look(old, bool(old), wanted=new)}, ["a"])
    assert words in said


def test_upgrades_go_one_minor_version_at_a_time():
    looks = {"a": look(OLD, True, wanted=NEW), "x": look(OLD, wanted=NEW)}
    found = plan(looks, ["a"], ["x"])
    assert found["a"]["upgrade"] and found["x"]["upgrade"]


def test_an_interrupted_upgrade_goes_on():
    looks = {"a": look(NEW, True, wanted=NEW), "x": look(OLD, wanted=NEW)}
    found = plan(looks, ["a"], ["x"])
    assert not found["a"]["upgrade"] and found["x"]["upgrade"]


def test_agents_never_get_ahead_of_a_server():
    looks = {"a": look(OLD, True), "x": look(OLD, wanted=NEW)}
    assert "Servers are upgraded before agents" in refused(looks, ["a"], ["x"], ["x"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"foreign": "/etc/systemd/system/k3s.service"}, "localcloud did not install"),
        ({"arch": "riscv64"}, "riscv64"),
        ({"default_route": False}, "no default route"),
        ({"config_keys": ["token"]}, "k3s_token"),
        ({"config_keys": ["node-label+"]}, "k3s_node_labels"),
        ({"hashes": {}}, "https://example.edu/k3s/sha256sum-amd64.txt"),
        ({"arch": "arm64"}, "hash of k3s-arm64"),
        ({"archive": True}, "k3s-airgap-images-amd64.tar"),
        ({"kind": "agent", "version": OLD}, "localcloud reset --limit a"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(changed, words):
    assert words in refused({"a": look(**changed)}, ["a"])


def test_parts_of_the_site_that_contradict_each_other():
    assert "no server" in refused({"x": look()}, [], ["x"])
    assert "at once: a" in refused({"a": look()}, ["a"], ["a"])
    assert "both be the node n-1" in refused({"n_1": look(), "n-1": look()}, ["n_1", "n-1"])


def test_servers_must_be_configured_alike():
    looks = {"a": look(service_cidr="10.43.0.0/16"), "b": look(service_cidr="10.44.0.0/16")}
    assert "k3s_service_cidr differs" in refused(looks, ["a", "b"])


def test_every_problem_of_the_role_is_in_the_catalogue():
    named = set()
    for path in [*ROLE.glob("library/*.py"), *ROLE.glob("action_plugins/*.py")]:
        named |= set(re.findall(r'(?:Refused|Failed)\(\s*"(\w+)"', path.read_text()))
    assert len(named) > 15 and named <= set(PROBLEMS)


def test_agents_are_worked_on_together_unless_one_is_upgraded():
    def at_once(version):
        looks = {"a": look(OLD, data=True), "b": look(version), "c": look()}
        cluster = k3s_plan.Cluster(looks, ["a"], ["b", "c"], list(looks))
        return k3s_plan.at_once(cluster, k3s_plan.plan(cluster))

    assert at_once(OLD) == "100%" and at_once("v1.36.3+k3s1") == 1


def test_every_node_is_told_where_the_others_are():
    a, b = look(OLD, True), look(node_ip="fd00::b")
    a["node"] |= {"address": "10.0.0.1", "ca_hash": "c0ffee"}
    b["node"] |= {"address": "10.0.0.2"}
    cluster = k3s_plan.Cluster({"a": a, "b": b}, ["a"], ["b"], ["a", "b"])
    assert [cluster.address(name) for name in "ab"] == ["10.0.0.1", "fd00::b"]


def test_the_kubeconfig_is_its_owners_alone_and_written_only_when_it_changes(tmp_path):
    path = tmp_path / ".localcloud" / "kubeconfig"
    assert k3s_kubeconfig.write(path, "one") is True
    assert k3s_kubeconfig.write(path, "one") is False
    path.chmod(0o644)
    assert k3s_kubeconfig.write(path, "one") is True
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text() == "one"
    assert [one.name for one in path.parent.iterdir()] == ["kubeconfig"]
