"""The plain hub on a virtual machine comes back by itself: after a power cut, and after a reboot.

Where KVM does not work the installation takes some six minutes on a computer with nothing else to
do, so this is one of the slow tests.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import lab
from localcloud.errors import UsageError
from localcloud.lab.lab import Lab
from localcloud.lab.vm import KIND, process
from localcloud.lab.vm import qemu as programs

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(5400)]


def localcloud(made: Lab, verb: str, *words: str) -> str:
    """Run a verb on the lab's site; fail with all it printed unless it went well."""
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", verb, "-i", str(made.directory), *words],
        env={**os.environ, "LOCALCLOUD_LANG": "en", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inside(made: Lab, command: str) -> str:
    done = subprocess.run(
        made.ssh_command("node1", [command]), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def hub_answers(made: Lab, seconds: float = 600) -> None:
    """Wait until the hub shows its login page, by itself; fail with its journal if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(made.url() + "/hub/login", timeout=20) as page:
                assert page.status == 200
                return
        except OSError:
            if time.monotonic() > deadline:
                pytest.fail(inside(made, "sudo journalctl -b -u 'jupyterhub*' -n 60 --no-pager"))
            time.sleep(1)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        programs.detect()
    except UsageError as missing:
        pytest.skip(f"NOT TRIED: no virtual machines here. {missing.message}")
    directory: Path = tmp_path_factory.mktemp("power") / "lab"
    try:
        made = lab.up(directory, engine=KIND)
        localcloud(made, "install")
        yield made
    finally:
        lab.down(directory)


def test_it_comes_back_after_a_power_cut_with_what_was_saved(hub: Lab) -> None:
    inside(hub, "echo kept | sudo tee /home/admin/kept.txt >/dev/null; sync")
    users = inside(hub, "ls /home")
    (found,) = [one for one in process.running(hub.state.id) if one.part == "node1"]
    os.kill(found.pid, 9)
    assert process.wait_gone(found, 20)
    lab.up(hub.directory)
    hub_answers(hub)
    localcloud(hub, "verify")
    assert inside(hub, "cat /home/admin/kept.txt") == "kept"
    assert set(users.split()) <= set(inside(hub, "ls /home").split())


def test_it_comes_back_after_a_reboot(hub: Lab) -> None:
    before = inside(hub, "cat /proc/sys/kernel/random/boot_id")
    inside(hub, "sudo systemd-run -q --on-active=1 systemctl reboot")
    time.sleep(3)
    lab.up(hub.directory)
    hub_answers(hub)
    assert inside(hub, "cat /proc/sys/kernel/random/boot_id") != before
    localcloud(hub, "verify")
    localcloud(hub, "status")
