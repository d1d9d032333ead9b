"""After an upgrade that failed: whom the command asks to go back, and what it says then."""

import contextlib
import json
from types import SimpleNamespace

import pytest

from localcloud import going_back, hostlock
from localcloud.errors import LocalcloudError
from localcloud.site import Endpoint

COMMAND = "/opt/localcloud/tljh/bin/earlier"
HUB = Endpoint("tljh", "node1", "https://hub", (), None, "/a", None, earlier=COMMAND)
PLAIN = Endpoint("jupyterhub", "node2", "https://other", (), None, "/a", None)
WENT = {"old": "2.0.0", "new": "2.0.1", "answers": True}


@pytest.fixture
def site(monkeypatch):
    """A site whose host answers what a test puts into ``said``."""
    site = SimpleNamespace(
        hosts={name: SimpleNamespace(name=name) for name in ("node1", "node2")},
        endpoints=lambda: [HUB, PLAIN],
        said=(0, json.dumps(WENT), ""),
        asked=[],
    )

    def run(line, timeout, sudo):
        site.asked.append((line, sudo))
        code, out, err = site.said
        return SimpleNamespace(code=code, stdout=out, stderr=err)

    @contextlib.contextmanager
    def hold(_site, hosts, _verb):
        connections = {host.name: SimpleNamespace(run=run) for host in hosts}
        yield SimpleNamespace(connections=connections)

    monkeypatch.setattr(hostlock, "hold", hold)
    return site


def test_the_host_that_failed_goes_back(site):
    (went,) = going_back.after(site, "run-1", {"node1", "node2"})
    assert went.as_dict() == {
        "component": "tljh",
        "host": "node1",
        "old": "2.0.0",
        "new": "2.0.1",
    }
    assert "The Littlest JupyterHub went back to 2.0.0 on host node1" in str(went.as_error())
    assert site.asked == [(f"test ! -x {COMMAND} || {COMMAND} back run-1", True)]


def test_a_host_that_did_not_fail_is_not_asked(site):
    assert going_back.after(site, "run-1", {"node2"}) == []
    assert site.asked == []


@pytest.mark.parametrize("said", [(0, "{}\n", ""), (0, "", "")])
def test_without_an_upgrade_nothing_is_said(site, said):
    site.said = said
    assert going_back.after(site, "run-1", {"node1"}) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((1, "", "cp: no space left"), "no space left"),
        ((0, json.dumps({**WENT, "answers": False}), ""), "2.0.0"),
    ],
)
def test_where_going_back_fails_it_is_said_with_what_to_do(site, said, words):
    site.said = said
    (error,) = going_back.after(site, "run-1", {"node1"})
    assert isinstance(error, LocalcloudError)
    assert words in error.details and f"sudo {COMMAND} back now" in error.remedy
