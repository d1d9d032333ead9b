"""The lab's processes: started so that they outlive the command, found again by their name.

A machine's process is found by the name in its command line, never by a remembered number alone,
which another process may have got meanwhile. It is ended through a pidfd, which stays with the
process that it was opened for.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.errors import LocalcloudError
from localcloud.i18n import _
from localcloud.lab.vm import qmp

PREFIX = "guest=localcloud-lab/"
SOCKET = "qmp.sock"
WORDS = "qemu.log"
_started: dict[int, subprocess.Popen[bytes]] = {}  # our own children, to be reaped when they end


@dataclass(frozen=True)
class Process:
    """``folder`` is its working directory, also when that is deleted."""

    pid: int
    lab: str
    part: str
    folder: Path


def label(lab_id: str, part: str) -> str:
    return f"{PREFIX}{lab_id}/{part}"


def _read(pid: int) -> Process | None:
    """What a process is to us, or None if it is none of ours (or gone)."""
    try:
        if Path(f"/proc/{pid}").stat().st_uid != os.geteuid():
            return None  # a name is no proof of who started it
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = words[words.index(b"-name") + 1].decode()
        folder = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 may end in " (deleted)"
    except (OSError, ValueError, IndexError):
        return None
    lab, _slash, part = name.removeprefix(PREFIX).partition("/")
    if not name.startswith(PREFIX) or not part:
        return None
    return Process(pid, lab, part, Path(folder.removesuffix(" (deleted)")))


def running(lab_id: str | None = None) -> list[Process]:
    """Processes of a lab, or of all labs of this user."""
    _reap()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    found = [process for pid in pids if (process := _read(pid))]
    return [each for each in found if lab_id in (None, each.lab)]


def find(lab_id: str, part: str) -> Process | None:
    return next((each for each in running(lab_id) if each.part == part), None)


def _reap() -> None:
    for pid, child in list(_started.items()):
        if child.poll() is not None:
            _started.pop(
                pid, None
            )  # machines are stopped side by side: another thread may be first


def start(
    line: Sequence[str],
    folder: Path,
    ready: Callable[[], object] | None = None,
    words: str = WORDS,
    seconds: float = 60,
) -> None:
    """Start a program in a folder; return when it is ready (QEMU: when its monitor answers).

    ``ready`` raises OSError until then. Raises Ended with the program's words if it ends before;
    they go to the file ``words``. It has a session of its own: no Ctrl-C and no logout reaches it.
    """
    ready = ready or (lambda: qmp.call(folder / SOCKET))
    (folder / SOCKET).unlink(missing_ok=True)
    handle = os.open(folder / words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as log:
        child = subprocess.Popen(
            line,
            cwd=folder,
            env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started[child.pid] = child
    deadline = time.monotonic() + seconds
    while True:
        try:
            ready()
            return
        except OSError as error:
            if child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                child.wait()
                said = (folder / words).read_text(errors="replace").strip()[-2000:]
                raise Ended(
                    _("{program} ended at once.").format(program=Path(line[0]).name),
                    details=said or f"{type(error).__name__}: {error}",
                ) from error
            time.sleep(0.02)


class Ended(LocalcloudError):
    """A program did not start; ``details`` are its own words."""


def wait_gone(process: Process, seconds: float) -> bool:
    """Whether the process ended within that time."""
    deadline = time.monotonic() + seconds
    while _read(process.pid) == process:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
        _reap()
    return True


def kill(process: Process) -> None:
    """End a process at once (SIGKILL: the machine's power is cut) and wait until it is gone."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if _read(process.pid) != process:
            return  # gone, and its number may be somebody else's
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not select.select([handle], [], [], 60)[0]:
            raise LocalcloudError(
                _("Process {pid} does not end.").format(pid=process.pid),
                _("Restart this computer, then run the command again."),
            )
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
        _reap()
