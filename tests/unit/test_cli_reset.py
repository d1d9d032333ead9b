"""`localcloud reset` with a runner that runs nothing: the plan, the questions, the end."""

import json
from types import SimpleNamespace

import click.testing
import pytest

from localcloud import receipts, records, runner, ui
from localcloud.cli import reset
from localcloud.errors import ExitCode, LocalcloudError, UsageError
from localcloud.phases import Phase
from localcloud.redaction import Redactor
from localcloud.ssh import Completed
from tests.doubles.ansible_site import LocalHost, LocalSite
from tests.unit import run_cases

HUB = {
    "version": "5.5.4",
    "units": ["jupyterhub.service"],
    "paths": {
        "/etc/jupyterhub": {"was": "absent"},
        "/etc/motd": {"was": "file", "copy": "/var/lib/x"},
    },
    "users": ["jupyter-ana", "jupyter-eva"],
}


class World:
    def __init__(self, monkeypatch, site):
        self.site, self.asked = site, []
        self.receipts = {"node1": {"jupyterhub": HUB}, "node2": {}}
        self.after = {"node1": {}, "node2": {}}
        self.outcome = {}
        self.roles = ("jupyterhub", "z2jh", "k3s", "base")  # as the playbook does
        monkeypatch.setattr(reset, "load_site", lambda _directory, limit=None: site)
        monkeypatch.setattr(runner, "run", self.run)
        monkeypatch.setattr(receipts, "of_all", self.read)

    def read(self, _site, hosts):
        assert [host.name for host in hosts] == ["node1", "node2"]
        return self.after if self.asked else self.receipts

    def run(self, verb, site, *, limit, flags, on_event):
        self.asked.append((verb, limit, flags))
        for role in self.roles:
            on_event(run_cases.event(kind="task", host=None, phase=Phase(role, "remove")))
        record = records.Record.start(site.run_dir, "id", Redactor([]), verb=verb, hosts=[])
        record.finish("done")
        return run_cases.result(record.directory, **self.outcome)


@pytest.fixture
def world(monkeypatch, tmp_path):
    names = ("node1", "node2")
    directory = tmp_path / "campus"
    directory.mkdir()
    return World(monkeypatch, LocalSite(directory, {n: LocalHost(n, {}) for n in names}))


@pytest.fixture
def terminal(monkeypatch):
    """Makes the command believe in a terminal and answers its questions."""

    def answer(*answers):
        left = list(answers)
        monkeypatch.setattr(ui, "is_terminal", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: print(question) or left.pop(0))

    return answer


def call(*arguments):
    found = click.testing.CliRunner().invoke(reset.command, arguments, standalone_mode=False)
    if found.exception and not isinstance(found.exception, LocalcloudError):
        raise found.exception
    return found


def test_the_plan_is_shown_per_host_and_homes_stay(world):
    found = call("--yes")
    assert found.return_value == ExitCode.DONE
    assert world.asked == [("reset", "node1", {"delete_data": False})]
    assert "node1: this will go" in found.output and "JupyterHub 5.5.4" in found.output
    assert "jupyterhub.service" in found.output and "/etc/jupyterhub" in found.output
    assert "given back as they were: /etc/motd" in found.output
    assert "2 users; their home directories stay: jupyter-ana, jupyter-eva" in found.output
    assert "node2: nothing of localcloud is installed here." in found.output
    assert "node1 is clean." in found.output


def test_all_that_goes_is_named_before_a_person_agrees(world, terminal):
    names = [f"part{number}" for number in range(9)]
    hub = {**HUB, "units": [f"{name}.service" for name in names], "users": names}
    hub["paths"] = {f"/srv/{name}": {"was": "absent"} for name in names}
    world.receipts["node1"] = {"jupyterhub": hub}
    terminal("n")
    said = " ".join(call().output.split())
    for name in names:
        assert f"{name}.service" in said and f"/srv/{name}" in said
    terminal("n")
    assert "HOME DIRECTORIES: " + ", ".join(names) in " ".join(call("--delete-data").output.split())


def test_only_what_was_there_is_told(world):
    output = call("--yes").output
    assert "Removing JupyterHub … done" in output and "Cleaning up the server … done" in output
    for never_there in ("Zero to JupyterHub", "k3s"):
        assert never_there not in output
    (past,) = records.all_of(world.site.run_dir)
    assert past.data["roles"] == ["base", "jupyterhub"]


def test_accounts_and_authority_are_named_as_kept(world):
    hub = {**HUB, "user_group": "jupyterhub-users", "facts": {"endpoint": "http://h"}}
    world.receipts["node1"] = {"base": {"user_group": "", "facts": {}}, "jupyterhub": hub}
    place = f"{world.site.run_dir}/kept/node1/"

    def said(*arguments):
        return " ".join(call("--dry-run", *arguments).output.split())

    assert f"the accounts of the hub stay, copied to {place}" in said()
    hub["facts"]["certificate"] = "/etc/jupyterhub/tls/server.crt"
    assert f"the hub's accounts and certificate authority stay, copied to {place}" in said()
    assert said().count("copied to") == 1, "base keeps nothing"
    assert place not in said("--delete-data")
    assert "THE ACCOUNTS OF THE HUB" in said("--delete-data")


def test_without_a_terminal_nothing_happens_without_yes(world):
    found = call()
    assert isinstance(found.exception, UsageError) and "--yes" in found.exception.remedy
    assert world.asked == []


def test_yes_alone_deletes_no_homes(world):
    found = call("--yes", "--delete-data")
    assert isinstance(found.exception, UsageError)
    assert "--yes-delete-data" in found.exception.message
    assert world.asked == []
    found = call("--yes-delete-data")
    assert found.return_value == ExitCode.DONE
    assert world.asked == [("reset", "node1", {"delete_data": True})]
    assert "AND THEIR HOME DIRECTORIES" in found.output


def test_a_no_touches_nothing(world, terminal):
    for answer in ("n", ""):
        terminal(answer)
        found = call()
        assert "Nothing was touched." in found.output and "✗" not in found.output
        assert found.return_value == ExitCode.FAILED, "`reset && rm -r campus` must end here"
    assert world.asked == []
    terminal("y")
    assert call().return_value == ExitCode.DONE


def test_deleting_homes_takes_the_sites_name_typed(world, terminal):
    terminal("yes")
    assert "Nothing was touched." in call("--delete-data").output
    assert world.asked == []
    terminal("campus")
    found = call("--delete-data")
    assert "Type the site's name, campus" in found.output
    assert world.asked == [("reset", "node1", {"delete_data": True})]


def test_what_one_reset_left_a_later_one_finds(world):
    """Its receipt is gone from the host; who must delete people's data can still do so."""
    data = {"/srv/data": {"was": "absent", "data": True}}
    hub = {**HUB, "homes": "/home/jupyter-*", "paths": {**HUB["paths"], **data}}
    world.receipts["node1"] = {"jupyterhub": hub}
    call("--yes")
    world.receipts, world.after = {"node1": {}, "node2": {}}, {"node1": {}, "node2": {}}
    world.asked.clear()
    plain = call("--yes")
    assert "an earlier reset left people's data: /home/jupyter-*, /srv/data" in plain.output
    assert plain.return_value == ExitCode.DONE and world.asked == []
    assert isinstance(call("--yes", "--delete-data").exception, UsageError), "asked, as for homes"
    found = call("--yes-delete-data")
    assert "THE DATA THAT AN EARLIER RESET LEFT: /home/jupyter-*, /srv/data" in found.output
    assert found.return_value == ExitCode.DONE
    left = {"jupyterhub": {"homes": "/home/jupyter-*", "data_paths": ["/srv/data"]}}
    assert world.asked == [("reset", "node1", {"delete_data": True, "left": {"node1": left}})]
    world.asked.clear()
    assert "EARLIER" not in call("--yes-delete-data").output and world.asked == []


def test_a_reset_that_ends_halfway_forgets_nothing_of_the_hosts_that_are_done(world):
    data = {"/srv/data": {"was": "absent", "data": True}}
    world.receipts["node1"] = {"jupyterhub": {**HUB, "paths": data}}
    world.outcome = {"status": "failed"}
    assert call("--yes").return_value != ExitCode.DONE
    world.receipts = {"node1": {}, "node2": {}}  # node1 was done, another host was not
    found = call("--yes-delete-data")
    assert "THE DATA THAT AN EARLIER RESET LEFT: /srv/data" in found.output


def test_a_folder_that_was_there_before_is_said_to_stay(world):
    """On a file system of the administrator's own, say."""
    data = {"/srv/homes": {"was": "directory", "data": True}}
    world.receipts["node1"] = {"nfs_server": {**HUB, "paths": data}}
    assert "before localcloud" not in call("--dry-run").output
    found = " ".join(call("--dry-run", "--delete-data").output.split())
    assert "what is in /srv/homes stays, as it was there before localcloud" in found


def test_a_dry_run_shows_the_plan_and_ends(world):
    found = call("--dry-run")
    assert found.return_value == ExitCode.DONE
    assert "this will go" in found.output and world.asked == []


def test_nothing_installed_nothing_to_do(world):
    world.receipts = {"node1": {}, "node2": {}}
    found = call()
    assert found.return_value == ExitCode.DONE and world.asked == []


def test_what_is_left_is_named_and_fails(world):
    world.after = {"node1": {"jupyterhub": HUB}, "node2": {}}
    found = call("--yes")
    assert found.return_value == ExitCode.FAILED
    assert "node1: still there: jupyterhub" in found.output
    assert "node2 is clean." in found.output
    world.asked.clear()
    assert json.loads(call("--yes", "--json").output)["left"] == {"node1": ["jupyterhub"]}


def test_a_host_whose_receipt_cannot_be_read_ends_it(world):
    world.receipts["node2"] = LocalcloudError("Host node2 cannot be reached.", "Look.")
    assert "node2" in call("--yes").exception.message
    assert world.asked == []


class ConnectionDouble:
    host = LocalHost("node1", {})

    def __init__(self, *answers):
        self.answers = list(answers)

    def run(self, _command, sudo=False):
        return self.answers.pop(0)


def test_receipts_are_read_or_said_to_be_broken():
    found = receipts.read(ConnectionDouble(Completed(0, '{"components": {"k3s": {}}}', "")))
    assert found == {"k3s": {}}
    assert receipts.read(ConnectionDouble(Completed(44, "", ""))) == {}
    for answer in (Completed(1, "", "sudo: a password is required"), Completed(0, "{", "")):
        with pytest.raises(LocalcloudError, match="receipt of host node1"):
            receipts.read(ConnectionDouble(answer))


# -- a hub that people have moved away from -------------------------------------------------------

UNIT = "/etc/systemd/system/jupyterhub.service"


@pytest.fixture
def moved(world, monkeypatch):
    """People went from the plain hub to TLJH on node1; what a student finds there can be chosen."""
    old = {**HUB, "moved_to": "tljh", "user_group": "g", "facts": {"endpoint": "http://h"}}
    old["paths"] = {**HUB["paths"], UNIT: {"was": "absent"}}
    old["units"] = ["jupyterhub.service", "jupyterhub-proxy.service"]
    new = {"paths": {UNIT: {"was": "absent"}}, "units": ["jupyterhub.service"], "users": []}
    world.receipts["node1"] = {"base": {}, "jupyterhub": old, "tljh": new}
    world.after["node1"] = {"base": {}, "tljh": new}
    world.tags, world.walked, world.student_ok = [], [], True
    plain = world.run

    def run(verb, site, *, tags=None, **more):
        world.tags.append(tags)
        return plain(verb, site, **more)

    def walk(endpoint, _site, _view):
        world.walked.append(endpoint.host)
        return SimpleNamespace(ok=world.student_ok, render=lambda: "✗ Log in: no answer.")

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr("localcloud.walk.walk", walk)
    hosts = [SimpleNamespace(host=name, component="tljh") for name in ("node1", "node2")]
    monkeypatch.setattr(type(world.site), "endpoints", lambda _self: hosts, raising=False)
    return world


def test_only_the_old_hub_goes_and_only_after_a_journey_through_the_new_one(moved):
    found = call("--old-hub", "--yes")
    assert found.return_value == ExitCode.DONE
    assert moved.walked == ["node1"]
    assert moved.tags == ["jupyterhub"]
    assert moved.asked == [("reset", "node1", {"delete_data": False})]
    said = " ".join(found.output.split())
    assert "jupyterhub-proxy.service" in said and "/etc/jupyterhub" in said
    assert UNIT not in said and "jupyterhub.service," not in said, "the new hub has those, too"
    assert "copied to" not in said, "its accounts are not its own any more"
    assert "node1 has only the hub that people are with." in said
    assert not list(moved.site.run_dir.glob("kept/*/left.json"))


def test_while_a_student_fails_in_the_new_hub_the_old_one_stays(moved):
    moved.student_ok = False
    with pytest.raises(LocalcloudError, match="old hub stays"):
        call_raising("--old-hub", "--yes")
    assert moved.asked == []


def test_without_an_old_hub_there_is_nothing_to_do(moved):
    del moved.receipts["node1"]["jupyterhub"]
    found = call("--old-hub", "--yes")
    assert found.return_value == ExitCode.DONE and moved.asked == []
    assert "node1: there is no hub here that people have moved away from." in found.output


def test_homes_are_not_the_old_hubs_to_delete(moved):
    with pytest.raises(UsageError, match="do not go with an old hub"):
        call_raising("--old-hub", "--yes-delete-data")


def call_raising(*arguments):
    found = call(*arguments)
    if found.exception:
        raise found.exception
    return found
