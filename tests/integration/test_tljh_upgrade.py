"""Another release of The Littlest JupyterHub on a server in use: it works, or all is as before.

There is one real release. The others are its sources with another number, and with what a test
breaks in them. What the tests need stands in ``tljh_cases``; they share one machine.
"""

import json

import pytest
from lives import accounts
from student import run_cell
from tljh_cases import ANA, MARKS, another, choose, from_outside, prepared

pytestmark = MARKS
BLOCKED = 3
NO_SERVER = '\nc.Spawner.cmd = ["/bin/false"]\n'
NO_HUB = '\nraise SystemExit("this release has no hub")\n'
NO_INSTALLER = '\n\ndef main():\n    raise RuntimeError("this release is broken")\n'


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def hub(make_site, outside):
    """A hub with 2.0.0, in which somebody works."""
    site = prepared(make_site(groups=("tljh",)), outside)
    site.set(hub_start_timeout="60")
    site.localcloud("install", "--no-journey").ended(0)
    accounts(site, "tljh", action="ensure", users=[ANA])
    run_cell(site.lab.url(), **ANA, code="open('tarea.txt', 'w').write('hecho')")
    site.machine.run("tljh-config set services.cull.concurrency 7")
    return site


def works(site) -> None:
    """The person of before comes to their file with their password."""
    assert "hecho" in run_cell(site.lab.url(), **ANA, code="print(open('tarea.txt').read())")


def version(site) -> str:
    told = json.loads(site.localcloud("status", "--json").ended(0).text)
    shown = json.dumps(told)
    (found,) = {number for number in ("2.0.0", "2.0.1", "2.0.2") if f'"{number}"' in shown}
    python = "/opt/tljh/hub/bin/python -c"
    code = "import importlib.metadata as m; print(m.version('the-littlest-jupyterhub'))"
    assert site.machine.run(f'{python} "{code}"').strip() == found
    return found


def test_the_next_release_is_installed_and_people_work_on(hub, outside):
    choose(hub, another("2.0.1", outside), "2.0.1")
    hub.localcloud("install").ended(0).says("Walking through the hub as a student … done")
    assert version(hub) == "2.0.1"
    works(hub)
    assert "concurrency: 7" in hub.machine.run("tljh-config show")
    hub.localcloud("install").ended(0).says("Nothing had to be changed")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"jupyterhub_config": NO_SERVER}, "Walking through the hub as a student … failed"),
        ({"jupyterhub_config": NO_HUB}, "this release has no hub"),
        ({"installer": NO_INSTALLER}, "this release is broken"),
    ],
    ids=["journey", "hub", "installer"],
)
def test_a_release_that_does_not_work_is_undone(hub, outside, broken, words):
    good = hub.settings.read_text()
    choose(hub, another("2.0.2", outside, **broken), "2.0.2")
    ended = hub.localcloud("install").ended(1)
    ended.says(words, "The Littlest JupyterHub went back to 2.0.1 on host")
    assert version(hub) == "2.0.1"
    works(hub)
    assert "concurrency: 7" in hub.machine.run("tljh-config show")
    assert hub.machine.run("ls -A /opt/tljh | grep earlier || true") == ""
    hub.settings.write_text(good)
    hub.localcloud("install").ended(0)


def test_an_older_release_is_refused_before_anything_is_changed(hub, outside):
    good = hub.settings.read_text()
    choose(hub, outside / from_outside()["tljh"].name, "2.0.0")
    hub.localcloud("install").ended(BLOCKED).says("runs TLJH 2.0.1; 2.0.0 is older")
    hub.settings.write_text(good)
    works(hub)


def test_reset_takes_what_was_kept_along(hub):
    hub.localcloud("reset", "--yes").ended(0)
    assert hub.machine.run("ls -d /opt/tljh /opt/localcloud 2>/dev/null || true") == ""
