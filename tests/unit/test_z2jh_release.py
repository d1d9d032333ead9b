"""The module helm_release, with stand-ins for helm and kubectl (tests/doubles/cluster_tools.py)."""

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.problems import PROBLEMS, explain
from tests.unit.role_code import load

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = ROOT / "tests/doubles/cluster_tools.py"
SECRET = "c3c3c3c3c3c3"
LOCAL = {"provisioner": "rancher.io/local-path", "default": True}
NFS = {"provisioner": "nfs.csi.k8s.io", "default": False}

helm_release = load("helm/library/helm_release.py")


def pod(name: str, reason: str = "", message: str = "", restarts: int = 0) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    container = {"name": "hub", "ready": False, "restartCount": restarts, "state": state}
    meta = {"name": name, "uid": name, "labels": {"release": "jupyterhub"}}
    return {"metadata": meta, "spec": {}, "status": {"containerStatuses": [container]}}


def person(name: str, node: str) -> dict[str, Any]:
    meta = {"name": name, "uid": name, "labels": {"component": "singleuser-server"}}
    return {"metadata": meta, "spec": {"nodeName": node}, "status": {}}


class Cluster:
    """The stand-in's state, and the module's parameters for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "state.json"
        self.calls_before = 0
        for name in ("helm", "kubectl"):
            (folder / name).write_text(f"#!{sys.executable} -IS\n{DOUBLE.read_text()}")
            (folder / name).chmod(0o755)
        (folder / "chart.tgz").write_bytes(b"chart 1")
        for name in ("values", "secrets", "site"):
            self.write(name, {})
        self.write("secrets", {"hub": {"cookieSecret": SECRET}})
        self.write("objects", [{"kind": "Middleware", "metadata": {"name": "https"}}])
        empty: dict[str, Any] = {"history": [], "objects": [], "pods": [], "calls": []}
        self.set(**empty, classes={"local-path": LOCAL, "nfs": NFS})

    def write(self, name: str, content: Any) -> None:
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(content))
        file.chmod(0o600)

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.file.read_text()))

    def set(self, **more: Any) -> None:
        known = self.state if self.file.exists() else {}
        self.file.write_text(json.dumps({**known, **more}))

    def calls(self) -> list[str]:
        """Since the last question."""
        found = self.state["calls"]
        new = found[self.calls_before :]
        self.calls_before = len(found)
        return new

    def release(self, **more: Any) -> Any:
        values = [str(self.folder / f"{name}.json") for name in ("values", "secrets", "site")]
        return helm_release.Release(
            {
                "name": "jupyterhub",
                "namespace": "hub",
                "helm": str(self.folder / "helm"),
                "chart": str(self.folder / "chart.tgz"),
                "values": values,
                "objects": str(self.folder / "objects.json"),
                "kubernetes_version": "",
                "block_classes": ["local-path"],
                "classes": [""],
                "kubectl": [str(self.folder / "kubectl"), "--kubeconfig", "/k3s.yaml"],
                "timeout": 20,
                "own": [],
                "delete_data": False,
                **more,
            }
        )

    def install(self, dry: bool = False, **more: Any) -> dict[str, Any]:
        return dict(helm_release.present(self.release(**more), dry))

    def refused(self, **more: Any) -> dict[str, Any]:
        with pytest.raises(helm_release.Failed) as caught:
            self.install(**more)
        data = dict(caught.value.data)
        assert data["localcloud_problem"] in PROBLEMS
        words = explain(data["localcloud_problem"], {**data, "host": "server1"})
        assert "?" not in words.message, words.message
        assert words.remedy
        return data


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    monkeypatch.setenv("CLUSTER_DOUBLE", str(tmp_path / "state.json"))
    monkeypatch.setattr(helm_release, "POLL", 0.1)
    return Cluster(tmp_path)


def test_what_is_installed_already_costs_one_question(cluster):
    assert cluster.install() == {"changed": True, "revision": 1}
    cluster.calls()
    assert cluster.install() == {"changed": False, "revision": 1}
    (only,) = cluster.calls()
    assert only.startswith("helm history jupyterhub")


def test_the_chart_is_held_against_the_clusters_version_and_not_helms_own(cluster):
    cluster.install()
    (call,) = (call for call in cluster.calls() if call.startswith("helm template"))
    assert call.endswith("--kube-version v1.36.4")


@pytest.mark.parametrize("name", ["values", "secrets", "site", "objects"])
def test_whatever_changes_is_rolled_out(cluster, name):
    cluster.install()
    content = {"hub": {"allowNamedServers": True}}
    cluster.write(name, [content | {"metadata": {"name": "x"}, "kind": "x"}] * (name == "objects"))
    assert cluster.install() == {"changed": True, "revision": 2}
    assert cluster.install()["changed"] is False


def test_another_chart_is_rolled_out(cluster):
    cluster.install()
    (cluster.folder / "chart.tgz").write_bytes(b"chart 2")
    assert cluster.install() == {"changed": True, "revision": 2}


def test_no_secret_stands_in_a_command(cluster):
    cluster.install()
    assert not [call for call in cluster.calls() if SECRET in call]


def test_the_namespace_and_what_the_release_needs_come_first(cluster):
    cluster.install()
    calls = [call.split()[:2] for call in cluster.calls()]
    assert calls.index(["kubectl", "--kubeconfig"]) < calls.index(["helm", "upgrade"])
    assert [one["kind"] for one in cluster.state["objects"]] == ["Namespace", "Middleware"]


def test_a_young_cluster_that_lacks_traefiks_kinds_is_waited_for(cluster):
    cluster.set(young=2)
    assert cluster.install()["changed"] is True
    cluster.write("site", {"x": 1})
    cluster.set(young=1000)
    data = cluster.refused(timeout=1)
    assert "Middleware" in data["details"]


def test_a_dry_run_changes_nothing(cluster):
    assert cluster.install(dry=True)["changed"] is True
    assert cluster.state["history"] == cluster.state["objects"] == []


def test_values_that_the_schema_refuses_change_nothing(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"allowNamedServer": True}})
    cluster.set(schema="- at '/hub': additional properties 'allowNamedServer' not allowed")
    data = cluster.refused()
    assert data["localcloud_problem"] == "helm_values"
    assert "allowNamedServer" in data["details"]
    assert len(cluster.state["history"]) == 1


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        ({"nfs": NFS}, "helm_class_missing"),
        ({"local-path": NFS}, "helm_class_nfs"),
        ({"local-path": {**LOCAL, "default": False}}, "helm_class_default"),
    ],
)
def test_storage_that_is_not_right_is_refused_before_anything_is_changed(cluster, classes, problem):
    cluster.set(classes=classes)
    assert cluster.refused()["localcloud_problem"] == problem
    assert cluster.state["objects"] == []


def test_a_failed_upgrade_is_rolled_back(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"x": 1}})
    cluster.set(fail=f"timed out; {SECRET}", pods=[pod("hub-7", "CrashLoopBackOff", "back-off", 2)])
    cluster.set(logs="SyntaxError: invalid syntax")
    data = cluster.refused()
    assert (data["localcloud_problem"], data["revision"]) == ("helm_upgrade", "1")
    for words in ("timed out", "hub-7: hub: CrashLoopBackOff back-off", "SyntaxError"):
        assert words in data["details"]
    assert SECRET not in str(data)
    last = cluster.state["history"][-1]
    assert (last["status"], last["description"]) == ("deployed", "Rollback to 1")
    # The wish still stands: the next run tries again, and finishes once the cause is mended.
    cluster.set(fail="", pods=[])
    assert cluster.install()["changed"] is True


def test_a_failed_first_installation_stays_for_a_look(cluster):
    cluster.set(fail="timed out waiting for the condition")
    assert cluster.refused()["localcloud_problem"] == "helm_install"
    assert not [call for call in cluster.calls() if "rollback" in call or "uninstall" in call]
    cluster.set(fail="")
    assert cluster.install() == {"changed": True, "revision": 2}


def test_a_rollback_that_fails_is_said(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"x": 1}})
    cluster.set(fail="timed out", stuck=True)
    assert cluster.refused()["localcloud_problem"] == "helm_rollback"


def test_hopeless_pods_end_the_waiting(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"image": {"name": "no such"}}})
    cluster.set(hang=True, appear=[pod("hub-8", "InvalidImageName", "could not parse reference")])
    data = cluster.refused()
    assert "hub-8: hub: InvalidImageName could not parse reference" in data["details"]
    assert cluster.state["history"][-1]["description"] == "Rollback to 1"


def test_a_pod_that_was_hopeless_before_does_not_end_the_change_that_mends_it(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"image": {"name": "right"}}})
    cluster.set(pods=[pod("hub-7", "InvalidImageName", "could not parse reference")], slow=1)
    assert cluster.install() == {"changed": True, "revision": 2}


def test_an_image_that_is_slow_to_come_is_waited_for(cluster, monkeypatch):
    release = cluster.release()
    cluster.set(pods=[pod("hub-9", "ImagePullBackOff", "try again")])
    since: dict[str, float] = {}
    assert release.hopeless(since, set()) == ""
    monkeypatch.setattr(helm_release, "PATIENCE", 0)
    assert "ImagePullBackOff" in release.hopeless(since, set())
    assert release.hopeless(since, {"hub-9"}) == ""


def test_a_run_that_was_killed_is_made_good(cluster):
    cluster.install()
    cluster.write("site", {"hub": {"x": 1}})
    history = cluster.state["history"]
    cluster.set(history=[*history, {"revision": 2, "status": "pending-upgrade", "description": ""}])
    assert cluster.install()["changed"] is True
    assert cluster.state["history"][-1]["status"] == "deployed"


def test_a_cluster_that_does_not_answer(cluster):
    cluster.set(down=True)
    data = cluster.refused()
    assert data["localcloud_problem"] == "helm_cluster"
    assert "refused" in data["details"] or "unreachable" in data["details"]


def test_an_overloaded_cluster_is_asked_again_for_a_while(cluster, monkeypatch):
    cluster.set(busy=3)
    assert cluster.install()["changed"] is True
    monkeypatch.setattr(helm_release, "BUSY_FOR", 0)
    cluster.set(busy=3)
    assert "unable to handle the request" in cluster.refused()["details"]


def test_removal_keeps_peoples_volumes(cluster):
    cluster.install()
    cluster.calls()
    own = ["secret/hub-tls"]
    assert helm_release.absent(cluster.release(own=own), False)["changed"] is True
    calls = cluster.calls()
    assert [call for call in calls if "delete secret/hub-tls --ignore-not-found" in call]
    assert cluster.state["history"] == []
    assert not [call for call in calls if "delete namespace" in call]
    assert [call for call in calls if "delete pods --selector component=singleuser-server" in call]
    cluster.set(own=[])
    assert helm_release.absent(cluster.release(), False)["changed"] is False


def test_a_dead_node_holds_no_removal_up(cluster):
    cluster.install()
    pods = [person("jupyter-ana", "node2"), person("jupyter-eva", "server1"), pod("hub-1")]
    pods[2]["spec"] = {"nodeName": "node2"}
    cluster.set(dead=["node2"], pods=pods)
    assert helm_release.absent(cluster.release(), False)["changed"] is True
    assert cluster.state["pods"] == []
    forced = [call for call in cluster.calls() if "--force" in call]
    assert forced and "jupyter-eva" not in forced[0]


def test_pods_that_do_not_end_are_named(cluster, monkeypatch):
    cluster.install()
    monkeypatch.setattr(helm_release, "FAREWELL", 0)
    monkeypatch.setattr(helm_release.Release, "kube", lambda *_words, **_more: "")
    monkeypatch.setattr(helm_release.Release, "dead_nodes", lambda _self: set())
    monkeypatch.setattr(helm_release.Release, "all_pods", lambda _self: [person("ana", "server1")])
    with pytest.raises(helm_release.Failed) as caught:
        cluster.release().end_pods()
    words = explain("helm_removal", {**caught.value.data, "host": "server1"})
    assert "jupyterhub" in words.message and "ana" in caught.value.data["details"]


@pytest.mark.parametrize(
    "left",
    [
        {"pods": [person("jupyter-ana", "server1")]},
        {"own": ["secret/hub-tls"]},
        {"objects": [{"kind": "Middleware", "metadata": {"name": "https"}}]},
    ],
)
def test_a_removal_goes_on_where_it_was_interrupted(cluster, left):
    cluster.install()
    helm_release.absent(cluster.release(), False)
    space = {"kind": "Namespace", "metadata": {"name": "hub"}}
    cluster.set(**{"objects": [], **left})
    cluster.set(objects=[space, *cluster.state["objects"]])
    release = cluster.release(own=["secret/hub-tls"])
    assert helm_release.absent(release, True)["changed"] is True
    assert helm_release.absent(release, False)["changed"] is True
    state = cluster.state
    assert (state["objects"], state["pods"], state.get("own", [])) == ([space], [], [])
    assert helm_release.absent(release, False)["changed"] is False


@pytest.mark.parametrize("state", ["absent", "present"])
def test_a_release_that_was_half_removed(cluster, state):
    cluster.install()
    history = cluster.state["history"]
    cluster.set(history=[{**history[-1], "status": "uninstalling"}])
    if state == "absent":
        assert helm_release.absent(cluster.release(), False)["changed"] is True
        assert cluster.state["history"] == []
    else:
        assert cluster.install() == {"changed": True, "revision": 1}


def test_a_call_that_is_not_answered_ends(cluster):
    (cluster.folder / "kubectl").write_text("#!/bin/sh\nexec sleep 30\n")
    done = cluster.release().run(str(cluster.folder / "kubectl"), "get", "pods", seconds=0.2)
    assert (done.returncode, done.stderr) == (124, "kubectl: no answer in 0 s")


def test_removal_with_data_takes_the_namespace(cluster):
    cluster.install()
    assert helm_release.absent(cluster.release(delete_data=True), False)["changed"] is True
    assert cluster.state["objects"] == []


def test_removal_passes_where_the_cluster_is_gone(cluster):
    cluster.set(down=True)
    result = helm_release.absent(cluster.release(), False)
    assert result["changed"] is False
    assert result["unreachable"]


def test_helm_comes_in_its_projects_archive(cluster):
    place = cluster.folder / "linux-amd64"
    place.mkdir()
    (place / "helm").write_text("#!/bin/sh\necho 3\n")
    archive = cluster.folder / "helm-v3.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(place, "linux-amd64")
    program = Path(helm_release.program(str(archive)))
    assert program.read_text() == "#!/bin/sh\necho 3\n"
    assert program.stat().st_mode & 0o777 == 0o755
    assert helm_release.program(str(archive)) == str(program)


def test_module_is_plain_python_for_older_hosts():
    assert sys.version_info >= (3, 11)
    text = (ROOT / "roles/helm/library/helm_release.py").read_text()
    assert "file_digest" not in text and "match " not in text
