"""`localcloud install` and `verify` with a runner that runs nothing: calls, words, exit codes."""

import json

import click.testing
import pytest

from localcloud import going_back, preflight, receipts, records, runner
from localcloud.cli import install, verify
from localcloud.components import load_components
from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.going_back import WentBack
from localcloud.journey import JourneyReport, Step
from localcloud.phases import Phase
from localcloud.preflight import Report
from localcloud.preflight.report import Finding
from localcloud.redaction import Redactor
from localcloud.site import Endpoint
from tests.doubles.ansible_site import LocalHost, LocalSite
from tests.unit import run_cases
from tests.unit.run_cases import event

HUB = Endpoint("jupyterhub", "node1", "https://hub.uni.edu", ("ana",), "correct-horse", "/a", None)


class SiteWithHub(LocalSite):
    def endpoints(self):
        return [HUB]


@pytest.fixture
def site(tmp_path):
    return SiteWithHub(tmp_path, {"node1": LocalHost("node1", {})}, {"correct-horse"})


class World:
    """Everything `install` would touch; notes what it is asked for."""

    def __init__(self, monkeypatch, site):
        self.site, self.asked, self.loaded = site, [], []
        self.events = []
        self.report = Report(hosts=["node1"])
        self.journey_ok = True
        self.outcome = {}
        monkeypatch.delenv(runner.SKIP_CHECK, raising=False)
        monkeypatch.setattr(install, "load_site", self.load)
        monkeypatch.setattr(verify, "load_site", self.load)
        monkeypatch.setattr(runner, "run", self.run)
        monkeypatch.setattr(preflight, "check", lambda _site, _verb, _kept: self.report)
        monkeypatch.setattr("localcloud.journey.journey", self.journey)
        monkeypatch.setattr(receipts, "of_all", lambda _site, _hosts: self.receipts)
        self.receipts = {"node1": {"jupyterhub": {}}}

    def load(self, directory, limit=None):
        self.loaded.append((directory, limit))
        return self.site

    def run(self, verb, site, *, limit, on_event, dry_run=False, tags=None, flags=None, kept=None):
        self.asked.append((verb, limit, tags or dry_run))
        self.flags = flags
        record = records.Record.start(
            site.run_dir, "id", Redactor(site.secret_values()), verb=verb, hosts=["node1"]
        )
        for one in self.events:
            on_event(one)
        record.finish(self.outcome.get("status", "done"))
        return run_cases.result(record.directory, **self.outcome)

    def journey(self, endpoint, site, *, on_step, users=2):
        self.asked.append(("journey", endpoint.url, users))
        good = self.journey_ok
        steps = [
            Step("file", "Save", f"u{n}", 1.0, good, message="No file.", remedy="Look there.")
            for n in range(users)
        ]
        for step in steps:
            on_step(step)
        return JourneyReport(endpoint.url, users, steps, 4.5)


@pytest.fixture
def world(monkeypatch, site):
    return World(monkeypatch, site)


def call(*arguments, command=install.command):
    found = click.testing.CliRunner().invoke(command, arguments, standalone_mode=False)
    if found.exception and not isinstance(found.exception, LocalcloudError):
        raise found.exception
    return found


def test_check_then_playbook_then_journey_then_summary(world):
    world.events = [event("host"), event()]
    found = call("-i", "campus", "--limit", "node1")
    assert found.return_value == ExitCode.DONE
    assert str(world.loaded[0][0]) == "campus" and world.loaded[0][1] == "node1"
    assert world.asked == [("install", "node1", False), ("journey", HUB.url, 2)]
    assert "Server node1 is ready" in found.output
    assert "Installing JupyterHub … done" in found.output
    assert "Walking through the hub as a student … done" in found.output
    assert "3 steps changed something (17 s, of which the journey 4.5 s)." in found.output
    assert "https://hub.uni.edu" in found.output and "ana" in found.output
    assert str(world.site.run_dir) in found.output


def test_the_password_is_not_printed_off_a_terminal_unless_asked_for(world):
    assert "correct-horse" not in call().output
    assert "--show-password" in call().output
    assert "correct-horse" in call("--show-password").output


def test_a_second_run_says_that_nothing_had_to_be_changed(world):
    world.outcome = {"hosts": {"node1": {"ok": 20}}}
    assert "Nothing had to be changed (12 s)." in call("--no-journey").output
    assert "Nothing had to be changed (17 s, of which the journey 4.5 s)." in call().output


def test_where_the_time_of_several_hosts_went(world):
    world.outcome = {
        "hosts": {"node1": {"ok": 9}, "node2": {"ok": 9}},
        "phases": [("base/install", 0.9), ("k3s/install", 4.0), ("k3s/configure", 31.2)],
        "slowest": {"k3s/install": ("node2", 3.8), "k3s/configure": ("node1", 20.4)},
    }
    longest = "Longest: Configuring k3s 31 s (node1 20 s), Installing k3s 4.0 s (node2 3.8 s)"
    said = " ".join(call().output.split())
    assert longest in said and "Preparing the server 0.9" not in said
    world.outcome["hosts"].pop("node2")
    assert "Longest" not in call().output, "of one host the phases say it all"


@pytest.mark.parametrize(
    ("unreachable", "code"), [([], ExitCode.BLOCKED), (["node1"], ExitCode.UNREACHABLE)]
)
def test_what_the_check_finds_ends_the_command_before_any_change(world, unreachable, code):
    world.report.findings = [Finding("node1", "x", "blocking", "Port 80 is taken.", "Free it.")]
    world.report.unreachable = unreachable
    found = call()
    assert found.return_value == code
    assert world.asked == []
    assert "Port 80 is taken." in found.output and "Free it." in found.output


def test_a_warning_is_shown_and_does_not_stop(world):
    world.report.findings = [Finding("node1", "x", "warning", "Swap is on.", "Turn it off.")]
    found = call()
    assert found.return_value == ExitCode.DONE
    assert "Swap is on. Turn it off." in found.output


def test_a_warning_of_several_hosts_is_said_once_with_their_names(world):
    world.report.hosts = ["node1", "node2", "node3"]
    world.report.findings = [
        Finding(name, "x", "warning", "Swap is on.", "Turn it off.") for name in ("node1", "node3")
    ] + [Finding("", "y", "warning", "Two servers are worse than one.", "Add one.")]
    said = call().output
    assert said.count("Swap is on.") == 1
    assert "node1, node3: Swap is on. Turn it off." in said
    assert "! Two servers are worse than one. Add one." in said


def test_a_dry_run_lists_what_would_change_and_walks_through_nothing(world):
    configure = Phase("jupyterhub", "configure")
    diff = {"before": "a\n", "after": "b\n"}
    world.events = [
        event(status="changed", task="Ensure packages are there"),
        event(status="changed", task="Write it", phase=configure, result={"diff": diff}),
        event(status="ok", task="Ensure nothing"),
    ]
    found = call("--dry-run")
    assert found.return_value == ExitCode.DONE
    assert world.asked == [("install", None, True)]
    assert "Installing JupyterHub: 1 step on node1" in found.output
    assert "Configuring JupyterHub: 1 step on node1" in found.output
    assert "Ensure" not in found.output, "names of tasks are English whatever the site speaks"
    assert "With -v:" in found.output
    assert "2 steps would change something" in found.output
    assert "Nothing was changed" in found.output
    assert "+b" not in found.output
    verbose = call("--dry-run", "-v").output
    assert "+b" in verbose and "Ensure packages are there  (node1)" in verbose
    assert "Ensure nothing" not in verbose


def test_a_dry_run_on_a_bare_host_says_why_it_shows_nothing(world):
    world.outcome = {"left_out": ["node1"], "hosts": {}}
    found = call("--dry-run")
    assert found.return_value == ExitCode.DONE
    assert "No preview of node1" in found.output and "Python" in found.output
    assert "nothing would be changed" not in found.output, "nobody looked"


def test_no_journey_when_asked_so(world):
    call("--no-journey")
    assert world.asked == [("install", None, False)]


def test_a_failed_journey_fails_the_command_and_stands_in_the_record(world):
    world.journey_ok = False
    found = call()
    assert found.return_value == ExitCode.FAILED
    assert "Walking through the hub as a student … failed" in found.output
    assert "No file." in found.output and "Look there." in found.output
    assert records.find(world.site.run_dir).data["journeys"][0]["ok"] is False


WENT_BACK = WentBack("jupyterhub", "node1", "5.5.3", "5.5.4")


@pytest.mark.parametrize("as_json", [False, True])
def test_after_an_upgrade_with_which_students_cannot_work_the_hub_goes_back(
    world, monkeypatch, as_json
):
    world.journey_ok, asked = False, []
    world.outcome = {"run_id": "run-7"}
    monkeypatch.setattr(going_back, "after", lambda *words: asked.append(words) or [WENT_BACK])
    found = call(*(["--json"] if as_json else []))
    assert found.return_value == ExitCode.FAILED
    assert [words[1:] for words in asked] == [("run-7", {"node1"})]
    if as_json:
        assert json.loads(found.output)["went_back"][0]["old"] == "5.5.3"
        return
    said = " ".join(found.output.split())
    assert "No file." in said and "JupyterHub went back to 5.5.3 on host node1" in said
    assert "The hub is installed, but" not in said


def test_where_nothing_failed_nothing_goes_back(world, monkeypatch):
    monkeypatch.setattr(going_back, "after", lambda *words: pytest.fail("asked to go back"))
    assert call().return_value == ExitCode.DONE
    assert call("--dry-run").return_value == ExitCode.DONE


def failing(status, **more):
    from localcloud.failures import Failure

    words = {"message": "The disk of host node1 is full (/).", "remedy": "Free some space."}
    one = Failure(
        "node1", "jupyterhub", "Ensure it", run_cases.INSTALL, "no_space", details="cp: no", **words
    )
    return {"status": status, "failures": [one], **more}


@pytest.mark.parametrize(
    ("status", "code"), [("failed", ExitCode.FAILED), ("unreachable", ExitCode.UNREACHABLE)]
)
def test_one_readable_failure_block(world, status, code):
    world.outcome = failing(status)
    found = call()
    assert found.return_value == code
    assert world.asked == [("install", None, False)], "no journey through a broken hub"
    block = found.output[found.output.index("✗") :]
    for part in (
        "The disk of host node1 is full (/).",
        "Host: node1",
        "Step: Installing JupyterHub, “Ensure it”",
        "    cp: no",
        "What to do: Free some space.",
        "output.log",
        "localcloud logs 20",
    ):
        assert part in block
    assert "Traceback" not in found.output
    assert " -i campus" in call("-i", "campus").output, "the hint finds the site from here, too"


def test_ctrl_c_says_how_to_go_on(world):
    world.outcome = {"status": "interrupted"}
    found = call()
    assert found.exception.exit_code == ExitCode.INTERRUPTED
    assert "Nothing of the run is left" in found.exception.message
    assert "run the same command again" in found.exception.remedy
    world.outcome = {"status": "interrupted", "not_cleaned": ["node1"]}
    assert "node1" in call().exception.message


def test_json_is_all_that_is_printed(world):
    world.events = [event("host"), event()]
    said = json.loads(call("--json").output)
    assert (said["status"], said["exit_code"], said["changed"]) == ("done", 0, 3)
    assert said["endpoints"][0]["url"] == "https://hub.uni.edu"
    assert said["journeys"][0]["ok"] is True
    assert "correct-horse" not in json.dumps(said)
    world.outcome = failing("failed")
    said = json.loads(call("--json").output)
    assert said["failures"][0]["remedy"] == "Free some space." and said["exit_code"] == 1
    world.report.findings = [Finding("node1", "x", "blocking", "Port 80 is taken.", "Free it.")]
    assert json.loads(call("--json").output)["findings"][0]["id"] == "x"


def test_verify_walks_through_each_hub_with_so_many_users(world):
    found = call("--users", "30", command=verify.command)
    assert found.return_value == ExitCode.DONE
    assert world.asked == [("journey", HUB.url, 30)]
    assert "passed" in found.output
    world.journey_ok = False
    found = call("--json", command=verify.command)
    assert found.return_value == ExitCode.FAILED
    said = json.loads(found.output)
    assert (said["journeys"][0]["ok"], said["exit_code"], said["run"]) == (False, 1, None)


def test_verify_of_a_host_with_nothing_on_it_says_so(world):
    world.receipts = {"node1": {}}
    found = call(command=verify.command)
    assert found.exception.exit_code == ExitCode.FAILED and world.asked == []
    assert found.exception.message.startswith("Nothing is installed on node1")
    assert "`localcloud install`" in found.exception.remedy
    world.receipts = {"node1": LocalcloudError("Host node1 cannot be reached.")}
    assert "cannot be reached" in call(command=verify.command).exception.message


@pytest.fixture
def cluster(world, monkeypatch):
    """The site is a cluster with its volumes; a hub is beside it."""
    roles = [load_components()[name] for name in ("base", "artifact", "helm", "k3s", "storage")]
    monkeypatch.setattr(SiteWithHub, "components", roles)
    world.receipts = {"node1": {"base": {}, "k3s": {}, "jupyterhub": {}}}
    return world


def test_verify_of_a_cluster_asks_nodes_and_volumes_before_a_student_walks(cluster):
    found = call("--limit", "node1", command=verify.command)
    assert found.return_value == ExitCode.DONE
    assert cluster.asked == [("verify", "node1", "k3s,storage"), ("journey", HUB.url, 2)]
    assert "Proved to work: k3s, cluster storage (12 s)." in found.output


def test_verify_of_a_cluster_without_a_hub_is_its_own_proof(cluster, monkeypatch):
    monkeypatch.setattr(SiteWithHub, "endpoints", lambda _self: [])
    cluster.receipts = {"node1": {"k3s": {}}}
    assert call(command=verify.command).return_value == ExitCode.DONE
    assert cluster.asked == [("verify", None, "k3s,storage")]
    said = json.loads(call("--json", command=verify.command).output)
    assert (said["run"]["status"], said["journeys"]) == ("done", [])


def test_verify_says_which_step_of_a_cluster_failed_and_still_walks_through_the_hub(cluster):
    cluster.outcome = failing("failed")
    found = call(command=verify.command)
    assert found.return_value == ExitCode.FAILED
    assert "The disk of host node1 is full" in found.output and "passed" in found.output
    assert "Proved to work" not in found.output


@pytest.mark.parametrize("there", [{"base": {}}, {"k3s": {}}])
def test_verify_asks_nothing_of_a_cluster_that_is_not_there(cluster, there):
    cluster.receipts = {"node1": there}
    found = call(command=verify.command)
    assert found.exception.message.startswith("Nothing is installed on node1")
    assert cluster.asked == []


def test_verify_of_nothing_says_what_to_do(world, monkeypatch):
    monkeypatch.setattr(SiteWithHub, "endpoints", lambda _self: [])
    found = call(command=verify.command)
    assert isinstance(found.exception, UsageError)
    assert "node1" in found.exception.message and "--limit" in found.exception.remedy


def test_install_without_a_terminal_asks_nothing(world, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_a: pytest.fail("asked"))
    assert call().return_value == ExitCode.DONE


MOVE = preflight.Move("node1", "jupyterhub", "tljh", "jupyterhub")


def test_after_a_move_the_old_hub_waits_for_a_word(world):
    world.report.moves = [MOVE]
    said = " ".join(call().output.split())
    assert "People have moved from JupyterHub to The Littlest JupyterHub on host node1" in said
    assert "`localcloud reset --old-hub`" in said
    assert json.loads(call("--json").output)["moves"][0]["old"] == "jupyterhub"


@pytest.mark.parametrize("at", ["playbook", "journey"])
def test_a_move_that_failed_says_how_to_go_back(world, at):
    world.report.moves = [MOVE]
    world.journey_ok = at != "journey"
    world.outcome = {"status": "failed"} if at == "playbook" else {}
    found = call()
    assert found.return_value == ExitCode.FAILED
    said = " ".join(found.output.split())
    assert "JupyterHub is still on host node1" in said
    assert "put the host into the group jupyterhub again" in said and "reset" not in said
