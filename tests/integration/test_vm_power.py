"""What a power cut and a reboot leave of a hub: all, and nobody has to help.

On a virtual machine. Without KVM its installation takes many minutes.
"""

import json
import time
import urllib.request

import pytest
from student import run_cell
from virtual import PATIENCE, VirtualSite, machines

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * 3600)]

ANA = {"name": "ana", "password": "una-clave-larga-123"}
SAVE = "import os; f = open('tarea.txt', 'w'); f.write('hecho'); f.flush(); os.fsync(f.fileno())"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    with machines(tmp_path_factory.mktemp("power") / "hub") as site:
        # The walk is tried elsewhere; here the hub is what a student finds after the power is back.
        site.localcloud("install", "--no-journey").ended(0)
        request = json.dumps({"action": "ensure", "users": [ANA]})
        site.machine.run(f"/opt/localcloud/jupyterhub/bin/accounts <<'END'\n{request}\nEND")
        run_cell(site.lab.url(), **ANA, code=SAVE)
        yield site


@pytest.mark.parametrize("loss", [VirtualSite.cut, VirtualSite.reboot])
def test_a_hub_comes_back_with_what_was_saved(hub, loss):
    loss(hub, "node1")
    answers(hub)
    hub.localcloud("verify").ended(0)
    assert "hecho" in run_cell(hub.lab.url(), **ANA, code="print(open('tarea.txt').read())")


def answers(site: VirtualSite) -> None:
    """Wait until the hub shows its login page, by itself; else fail with its journal."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(site.lab.url() + "/hub/login", timeout=60):
                return
        except OSError:
            if time.monotonic() > deadline:
                pytest.fail(site.machine.run("journalctl -b -u 'jupyterhub*' -n 60 --no-pager"))
            time.sleep(1)
