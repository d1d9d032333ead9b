"""The programs that virtual machines need, found and understood."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.errors import LocalcloudError, UsageError
from localcloud.i18n import _

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
PACKAGES = "qemu-system-x86 qemu-utils e2fsprogs mmdebstrap"
OLDEST = (7, 2)  # with datagram sockets as a network
# mke2fs is in a directory that is not on every user's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclass(frozen=True)
class Qemu:
    program: str
    img: str
    mke2fs: str
    version: str

    def make_disk(self, *arguments: str) -> None:
        """``qemu-img create`` of a qcow2 file."""
        run([self.img, "create", "-q", "-f", "qcow2", *arguments])


def run(line: Sequence[str], seconds: float = 600) -> str:
    """Run a program; LocalcloudError with its own words if it fails."""
    done = subprocess.run(
        line,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=False,
    )
    if done.returncode != 0:
        full = "No space left" in done.stderr
        raise LocalcloudError(
            _("The program {program} failed.").format(program=line[0].rpartition("/")[2]),
            _("Make room on the disk, then run the command again.")
            if full
            else _("Its own words are above; run the command again when that is mended."),
            done.stderr.strip()[-2000:],
        )
    return done.stdout


def detect() -> Qemu:
    """The programs of this computer; UsageError with the packages to install if one is missing."""
    names = ("qemu-system-x86_64", "qemu-img", "mke2fs")
    found = [shutil.which(name, path=_PATH) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise UsageError(
            _("Virtual machines need programs that are missing here: {names}.").format(
                names=", ".join(missing)
            ),
            _("Install them: {command}").format(command=f"sudo apt install {PACKAGES}"),
        )
    program, img, mke2fs = map(str, found)
    words = run([program, "--version"])
    number = re.search(r"version (\d+)\.(\d+)", words)
    version = words.partition("\n")[0]
    if number and tuple(map(int, number.groups())) < OLDEST:
        raise UsageError(
            _("This computer's QEMU is too old: {version}.").format(version=version),
            _("Virtual machines need QEMU {oldest} or later, as in Debian 12.").format(
                oldest=".".join(map(str, OLDEST))
            ),
        )
    return Qemu(program, img, mke2fs, version)
