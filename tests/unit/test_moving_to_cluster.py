"""People of a hub on one server go to a cluster: what is announced, copied, kept and taken back."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from localcloud import i18n
from localcloud import moving as after
from localcloud.preflight import findings, moving
from localcloud.preflight.needs import Hub, Needs, Part
from localcloud.problems import ProblemError
from tests.doubles.home_cluster import HomeCluster
from tests.unit.role_code import ROLES, load
from tests.unit.test_moving import HUBS, PEOPLE, facts, hub_takeover, receipt, server  # noqa: F401

home_volumes = load("z2jh/library/home_volumes.py")
HERE = {**HUBS, "z2jh": Hub("z2jh", "cluster", takes="server")}
ACCOUNTS = "/opt/localcloud/jupyterhub/bin/accounts"


@pytest.fixture
def old(facts):  # noqa: F811
    """A plain hub, on a host that the site makes a node of the cluster."""
    facts["receipt"]["components"]["jupyterhub"]["facts"] = {"accounts": ACCOUNTS}
    return facts


def of_node(found, name="k3s"):
    needs = Needs((Part(name, {}),), hubs=HERE, cluster_hub="z2jh")
    every = [*moving.of_host("h1", found, needs), *findings.left_behind("h1", found, needs)]
    return {one.problem_id: one for one in every}, list(moving.moves("h1", found, needs))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["copied into volumes", "Nothing of JupyterHub"]), ("es", ["se copian a volúmenes"])],
)
def test_a_move_to_the_cluster_is_announced_with_all_that_changes(old, language, words):
    i18n.activate(language)
    try:
        found, moves = of_node(old)
    finally:
        i18n.activate("en")
    one = found["hub_move_cluster"]
    assert one.severity == "warning"
    text = f"{one.message} {one.remedy}"
    for word in [*words, "h1", *(str(number) for number in PEOPLE.values())]:
        assert word in text, text
    assert "component_left" not in found, "one thing is said once"
    (move,) = moves
    assert (move.old, move.new, move.copied) == ("jupyterhub", "z2jh", True)


def test_where_the_hubs_host_is_outside_the_limit_nothing_begins(old):
    """A node of the cluster beside a hub would take its ports, and nobody's account would come."""
    needs = Needs((Part("k3s", {}),), hubs=HERE, cluster_hub="z2jh", cluster_hub_here=False)
    assert not list(moving.moves("h1", old, needs))
    (one,) = moving.of_host("h1", old, needs)
    assert (one.problem_id, one.severity) == ("hub_move_limit", "blocking")
    old["receipt"]["components"]["jupyterhub"].update(moved_to="z2jh", people_copied=True)
    (one,) = moving.of_host("h1", old, needs)
    assert one.problem_id == "hub_left"


def test_the_clusters_hub_on_another_of_its_servers_is_no_move(old):
    old["receipt"]["components"] = {"z2jh": {"version": "4.4.0"}}
    found, moves = of_node(old)
    assert list(found) == ["component_left"] and not moves


def test_a_hub_whose_receipt_is_too_old_is_renewed_first(old):
    del old["receipt"]["components"]["jupyterhub"]["facts"]
    found, moves = of_node(old)
    assert found["hub_move_unprepared"].severity == "blocking" and not moves


def test_afterwards_the_old_hub_is_remembered(old):
    old["receipt"]["components"]["jupyterhub"].update(moved_to="z2jh", people_copied=True)
    found, moves = of_node(old)
    assert "hub_left" in found and not moves


def test_a_failed_move_says_how_to_go_back(old, capsys):
    after.show_way_back(of_node(old)[1])
    said = " ".join(capsys.readouterr().err.split())
    assert "localcloud reset --limit h1" in said and "group jupyterhub" in said
    after.show_left(of_node(old)[1])
    assert "from JupyterHub on host h1 to" in " ".join(capsys.readouterr().out.split())


# -- the homes ------------------------------------------------------------------------------------


@pytest.fixture
def cluster(monkeypatch):
    double = HomeCluster()
    monkeypatch.setattr(home_volumes, "Cluster", lambda _kubectl: double)
    return double


FIRST, SECOND = "2026-11-01T08:00:00Z", "2026-12-24T08:00:00Z"


def bring(*names, node="h1", installed=FIRST, only_prepare=False):
    people = [{"name": name, "home": f"/home/jupyter-{name}"} for name in names]
    given = {"kubectl": ["k"], "namespace": "hub", "node": node, "people": people}
    more = {"claims": "claims.py", "program": "", "uid": 1000, "gid": 100, "timeout": 1}
    work = home_volumes.Homes({**given, **more, "installed": installed})
    return work.prepare_all() if only_prepare else work.carry_out()


def test_each_home_comes_into_its_claim_once(cluster):
    assert [one["name"] for one in bring("ana", "luz")] == ["ana", "luz"]
    assert sorted(cluster.copied) == [("claim-ana", "/target"), ("claim-luz", "/target")]
    assert cluster.pods == {}
    assert bring("ana", "luz") == []
    assert len(cluster.copied) == 2, "what a person saves there from now on is not overwritten"


def test_before_the_first_copy_all_claims_say_that_homes_are_on_their_way(cluster):
    """The hub starts no server meanwhile (copying.py), so nobody's work is written over."""
    assert len(bring("ana", "luz", only_prepare=True)) == 2
    states = {marks["localcloud/home-state"] for marks in cluster.claims.values()}
    assert states == {"copying"} and cluster.copied == []
    assert bring("ana", "luz", only_prepare=True) == []
    bring("ana", "luz")
    assert {target for _claim, target in cluster.copied} == {"/target"}
    assert {marks["localcloud/home-state"] for marks in cluster.claims.values()} == {"here"}


def test_who_worked_in_the_cluster_before_finds_the_old_home_in_a_folder(cluster):
    cluster.claims["claim-ana"] = {"hub.jupyter.org/username": "ana"}
    bring("ana")
    assert cluster.copied == [("claim-ana", "/target/old-home-h1-20261101080000")]
    assert bring("ana") == []


def test_of_two_hubs_and_of_a_second_move_nothing_is_written_over(cluster):
    bring("ana")
    bring("ana", node="h2")
    bring("ana", installed=SECOND)  # went back in between, and worked there
    targets = [target for _claim, target in cluster.copied]
    assert targets == [
        "/target",
        "/target/old-home-h2-20261101080000",
        "/target/old-home-h1-20261224080000",
    ]


def test_a_volume_that_was_too_small_is_asked_to_grow(cluster):
    cluster.fails["claim-ana"] = "No space left on device"
    with pytest.raises(home_volumes.Failed):
        bring("ana")
    cluster.fails.clear()
    bring("ana")
    assert cluster.sizes == ['{"spec": {"resources": {"requests": {"storage": "20Gi"}}}}']


@pytest.mark.parametrize("moment", ["PersistentVolumeClaim", "Pod", "annotate", "logs"])
def test_killed_at_any_moment_the_next_run_finishes(cluster, moment):
    cluster.killed_at = moment
    with pytest.raises(KeyboardInterrupt):
        bring("ana")
    cluster.killed_at = ""
    bring("ana")
    assert cluster.copied[-1] == ("claim-ana", "/target"), "its own half copy is no foreign work"
    assert bring("ana") == [] and cluster.pods == {}


def test_one_home_that_fails_stops_no_other_and_is_told(cluster):
    cluster.fails["claim-luz"] = "OSError: [Errno 122] Disk quota exceeded"
    with pytest.raises(home_volumes.Failed) as caught:
        bring("ana", "luz", "eva")
    assert caught.value.data["names"] == "luz"
    assert "luz: OSError: [Errno 122] Disk quota exceeded" in caught.value.data["details"]
    assert {claim for claim, _folder in cluster.copied} == {"claim-ana", "claim-eva"}
    cluster.fails.clear()
    assert [one["name"] for one in bring("ana", "luz", "eva")] == ["luz"]


def test_a_home_on_a_server_that_takes_no_pod_is_not_waited_for_long():
    words = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector"
    condition = {"type": "PodScheduled", "reason": "Unschedulable", "message": words}
    pod = {"status": {"phase": "Pending", "conditions": [condition]}}
    assert home_volumes.homeless(pod, 5) == "", "its volume may still be in the making"
    assert words in home_volumes.homeless(pod, 130)


def test_a_claim_of_somebody_else_is_never_written(cluster, monkeypatch):
    monkeypatch.setattr(cluster, "wished", lambda _name: HomeCluster().wished("eva"))
    with pytest.raises(home_volumes.Failed):
        bring("ana")
    assert cluster.copied == []


# -- one home -------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path):
    source = tmp_path / "source"
    (source / "curso de R").mkdir(parents=True)
    (source / "curso de R/ñandú").write_text("plumas")
    (source / "a").write_text("one")
    (source / "a").chmod(0o400)
    os.link(source / "a", source / "b")
    (source / "out").symlink_to("/etc/passwd")
    (source / "broken").symlink_to("nowhere")
    (source / "run").write_text("#!/bin/sh")
    (source / "run").chmod(0o4755)
    os.mkfifo(source / "pipe")
    (tmp_path / "target").mkdir(mode=0o777)
    (tmp_path / "target").chmod(0o777)
    tmp_path.chmod(0o755)
    return tmp_path


def copy(home, folder="target"):
    user = ["1000", "100"] if os.getuid() == 0 else [str(os.getuid()), str(os.getgid())]
    program = ROLES / "z2jh/files/copy_home.py"
    command = [sys.executable, program, home / "source", home / folder, *user]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def reachable(home):
    """Somebody else than root must get to it."""
    if os.getuid() == 0:
        for parent in home.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    return home


def test_everything_in_a_home_arrives_for_the_person(reachable):
    done = copy(reachable)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["files"], said["left_out"]) == (4, 1)
    target = reachable / "target"
    assert (target / "curso de R/ñandú").read_text() == "plumas"
    assert (target / "out").readlink().as_posix() == "/etc/passwd"
    assert (target / "broken").is_symlink()
    assert (target / "a").samefile(target / "b")
    mode = (target / "run").stat().st_mode
    assert mode & 0o111 and not mode & stat.S_ISUID
    if os.getuid() == 0:
        assert {path.lstat().st_uid for path in target.rglob("*")} == {1000}


def test_an_interrupted_copy_is_done_again_on_top(reachable):
    copy(reachable)
    (reachable / "target/a").unlink()
    (reachable / "target/a").symlink_to("/etc/hostname")
    (reachable / "target/curso de R/ñandú").write_text("half")
    assert copy(reachable).returncode == 0
    assert (reachable / "target/a").read_text() == "one"
    assert (reachable / "target/curso de R/ñandú").read_text() == "plumas"


def test_a_volume_that_takes_nothing_is_an_error_that_says_so(reachable):
    done = copy(reachable, "no/such/folder")
    assert done.returncode == 1 and "No such file" in done.stderr


# -- on the old server, and in the end ------------------------------------------------------------


def store_of(server):  # noqa: F811
    return hub_takeover.ReceiptFile(str(server.memory))


@pytest.fixture
def quiet(server, monkeypatch):  # noqa: F811
    """A server on which nobody's server runs on."""
    server.said = ""
    answer = lambda *_words: SimpleNamespace(stdout=server.said, returncode=0)  # noqa: E731
    monkeypatch.setattr(hub_takeover, "run", answer)
    return server


def carry(server, state, component="z2jh", old_hub="jupyterhub"):  # noqa: F811
    return hub_takeover.carried_out(store_of(server), component, state, old_hub)


def test_the_old_hub_sleeps_and_wakes_with_its_people(quiet):
    assert carry(quiet, "stopped") == ["jupyterhub"]
    assert ("stop", "jupyter-*.service") in quiet.commands
    assert not (quiet.units / "jupyterhub.service").exists()
    assert carry(quiet, "stopped") == [], "and again: nothing to do"
    assert carry(quiet, "accounts_copied") == ["jupyterhub"]
    assert "moved_to" not in quiet.entry("jupyterhub"), "homes may be missing still"
    assert carry(quiet, "left") == ["jupyterhub"]
    assert quiet.entry("jupyterhub")["moved_to"] == "z2jh"
    assert quiet.accounts("jupyterhub")["ana"] == "hash-of-ana", "copies went, these stay"
    # The group is given back: its units are there again, and it is nobody's old hub.
    assert carry(quiet, "taken_over", "jupyterhub", "") == ["jupyterhub"]
    assert (quiet.units / "jupyterhub.service").read_text() == "of jupyterhub"
    assert not {"moved_to", "people_copied", "accounts_copied"} & set(quiet.entry("jupyterhub"))
    assert carry(quiet, "taken_over", "jupyterhub", "") == []


def test_a_server_that_goes_on_writing_ends_the_move(quiet):
    quiet.said = "jupyter-ana.service loaded active running Jupyter\n"
    with pytest.raises(hub_takeover.Wrong, match=r"jupyter-ana\.service"):
        carry(quiet, "stopped")


def test_what_came_with_the_old_hub_goes_with_what_is_there_now(quiet):
    memory = receipt.Receipt(quiet.memory)
    memory.component("k3s").update(units=["k3s.service"], packages=["apparmor"])
    memory.save()
    carry(quiet, "left")
    assert quiet.entry("k3s")["packages"] == ["apparmor", "git"]


def test_a_hub_that_was_moved_before_is_not_old_when_it_is_wanted_again(quiet):
    """TLJH to the plain hub, from there to a cluster, and back to the plain hub."""
    quiet.declare("tljh")
    quiet.take_over("tljh")
    quiet.take_over("jupyterhub")
    carry(quiet, "stopped")
    carry(quiet, "left")
    carry(quiet, "taken_over", "jupyterhub", "")
    entries = {name: quiet.entry(name) for name in ("jupyterhub", "tljh")}
    assert set(after.old_hubs({"h1": entries})["h1"]) == {"tljh"}


def test_the_old_hub_may_go_only_when_the_clusters_hub_is_seen_to_work(monkeypatch):
    found = {"h1": {"k3s": {}, "jupyterhub": {"moved_to": "z2jh", "people_copied": True}}}
    before = after.old_hubs(found)
    assert set(before["h1"]) == {"jupyterhub"}
    assert set(after.leaving_homes(before)["h1"]) == {"jupyterhub"}
    walked = []
    good = SimpleNamespace(ok=True)
    monkeypatch.setattr("localcloud.walk.walk", lambda one, *_more: walked.append(one) or good)
    endpoints = [SimpleNamespace(host="h9", component="z2jh")]
    site = SimpleNamespace(endpoints=lambda: endpoints)
    after.prove(site, before, quiet=True)
    assert walked == endpoints
    endpoints.clear()  # --limit names the old server alone
    with pytest.raises(ProblemError, match="is not among the hosts"):
        after.prove(site, before, quiet=True)


def test_a_move_says_in_json_that_homes_are_copied(old):
    (move,) = of_node(old)[1]
    assert after.as_json([move])[0]["copied"] is True
    assert after.as_json([replace(move, copied=False)])[0]["copied"] is False
