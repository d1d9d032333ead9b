"""Virtual machines for the tests: made, or skipped loudly; lost, and waited for."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Ended, Machine, Site, run_localcloud

from localcloud import lab as labs
from localcloud.errors import UsageError
from localcloud.lab.vm import KIND
from localcloud.lab.vm import qemu as programs

# An emulated machine on a computer that has other work, too.
PATIENCE = 900  # seconds
INSTALLATION = 3600


class VirtualSite(Site):
    """A lab of virtual machines, which take their time."""

    def at(self, name: str) -> Machine:
        return Machine(self.lab, name)

    def localcloud(self, verb: str, *words: str, **environment: str) -> Ended:
        place = ("-i", self.directory)
        return run_localcloud(verb, *place, *words, seconds=INSTALLATION, **environment)

    def cut(self, name: str) -> None:
        """A power cut: QEMU is killed. The machine boots again when the power is back."""
        self.lab.stop([name], cut=True)
        assert self.lab.statuses()[name] == "exited"
        labs.up(self.directory)

    def reboot(self, name: str) -> None:
        before = boot(self.at(name))
        self.at(name).run("systemd-run -q --on-active=1 systemctl reboot")
        until(self.at(name), f"test $(cat /proc/sys/kernel/random/boot_id) != {before}", each=20)


@contextlib.contextmanager
def machines(directory: Path, **wanted: object) -> Iterator[VirtualSite]:
    """A lab in ``directory``, gone in the end. Skips the test where there can be none."""
    try:
        programs.detect()
    except UsageError as missing:
        pytest.skip(f"NOT RUN: no virtual machines here. {missing.message}")
    if not shutil.which("mmdebstrap"):
        pytest.skip("NOT RUN: mmdebstrap is missing here, so no machine can be made.")
    try:
        yield VirtualSite(labs.up(directory, engine=KIND, **wanted))  # type: ignore[arg-type]
    finally:
        labs.down(directory)


def boot(machine: Machine) -> str:
    return machine.run("cat /proc/sys/kernel/random/boot_id").strip()


def until(machine: Machine, command: str, seconds: float = PATIENCE, each: float = 90) -> str:
    """Wait for a command to succeed, also while the machine does not answer at all.

    ``each``: seconds that one try may take; a connection that a reboot took away hangs.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return machine.run(command, each)
        except (AssertionError, subprocess.TimeoutExpired):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
