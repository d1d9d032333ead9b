"""Killed at any moment, stopped by hand: run again and it finishes, and nothing stays behind."""

import signal
import subprocess
import time

import pytest
from conftest import Site
from lives import begin, wait_for

pytestmark = pytest.mark.slow


def left_here(site: Site) -> list[str]:
    """Processes of this computer that still work for the site."""
    shown = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return [line for line in shown.splitlines() if str(site.directory) in line]


def left_there(site: Site) -> str:
    # ^: sudo puts this very command line into SUDO_COMMAND.
    return site.machine.run(
        "grep -lsz ^LOCALCLOUD_RUN= /proc/[0-9]*/environ | grep -v /proc/$$/ || true"
    )


# What runs on the machine at five moments from the first task to the last.
MOMENTS = ["apt-get (update|install)", "pip install", "uv pip sync", "npm", "bin/accounts"]


@pytest.fixture(scope="module")
def bare(make_site) -> Site:
    return make_site()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_run_again(bare, moment):
    bare.lab.rebuild()
    process = begin(bare)
    try:
        wait_for(bare, moment, process)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    bare.localcloud("install").ended(0).says("Walking through the hub as a student")
    bare.localcloud("install").ended(0).says("Nothing had to be changed")


def test_ctrl_c_leaves_nothing_running_on_either_side(bare):
    bare.lab.rebuild()
    process = begin(bare)
    wait_for(bare, "uv pip sync", process)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    text, _nothing = process.communicate(timeout=30)
    assert time.monotonic() - begun < 10
    assert process.returncode == 130, text
    assert "again" in text
    assert left_there(bare) == ""
    assert "uv pip sync" not in bare.machine.processes()
    assert left_here(bare) == []
    bare.localcloud("install").ended(0)
