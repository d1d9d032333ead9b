"""A lock on each host, so that two computers never work on one server at the same time.

``flock`` on a file in ``/run``, held by a small shell at the end of an SSH channel: when the
channel goes (the run ends, is killed, or the computer dies), so does the lock. A sign of life every
few seconds keeps a cut line from holding it for hours.
"""

import getpass
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any

from localcloud.errors import ExitCode, LocalcloudError
from localcloud.problems import ProblemError
from localcloud.ssh import Connection, Connections, Unreachable, connect

if TYPE_CHECKING:
    from paramiko import Channel

    from localcloud.site import Host, Site

LOCK = "/run/localcloud.lock"
_BEAT = 15.0  # seconds between signs of life
_SILENCE = 90  # seconds of silence after which the host gives the lock up
_ANSWER = 20.0  # seconds to wait for the host's answer
# The scratch folder belongs to who entered, whose tasks write there before they become root; other
# users may pass through it, for tasks that become them. It goes even if our computer is gone. What
# a dying task made again after that goes an hour later (a younger one may be at work from here).
# Opening, locking and then comparing inodes: the holder before us may just have removed the file.
_SCRIPT = """
while :; do
    exec 9<>{lock} || exit 77
    flock -n 9 || {{ echo BUSY; cat {lock} 2>/dev/null; exit 75; }}
    [ "$(stat -L -c %i /proc/$$/fd/9)" = "$(stat -c %i {lock} 2>/dev/null)" ] && break
done
printf '%s\\n' {who} > {lock}
scratch={scratch}
[ -z "$scratch" ] || {{
    mkdir -m 0711 "$scratch" && chown "${{SUDO_UID:-0}}:${{SUDO_GID:-0}}" "$scratch"
}} 2>/dev/null
[ -x /usr/bin/python3 ] && python=/usr/bin/python3 || python=$(command -v python3)
echo LOCKED "$python"
[ -z "$scratch" ] || find "${{scratch%/*}}" -maxdepth 1 -type d -name 'localcloud-tasks-*' \
    -mmin +60 -exec rm -rf {{}} + >/dev/null 2>&1
while [ -n "$(timeout {silence} head -c 1)" ]; do :; done
[ -z "$scratch" ] || rm -rf "$scratch"
rm -f {lock}
"""


@dataclass
class Held:
    """One host's lock. ``python`` is the path of the host's python3, empty if it has none."""

    connection: Connection
    channel: "Channel"
    python: str


@dataclass
class Locks:
    """The locks of a run; ``connections`` may be used for short commands while they are held."""

    held: dict[str, Held] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def connections(self) -> dict[str, Connection]:
        return {name: one.connection for name, one in self.held.items()}

    @property
    def python(self) -> str:
        """The python3 that all hosts have at the same place; empty if they differ."""
        places = {one.python for one in self.held.values() if one.python}
        return places.pop() if len(places) == 1 else ""

    @property
    def without_python(self) -> list[str]:
        return [name for name, one in self.held.items() if not one.python]

    def beat(self) -> None:
        """Give signs of life until told to stop; a line that is cut loses only its own lock."""
        while not self._stop.wait(_BEAT):
            for one in self.held.values():
                try:
                    one.channel.send(b".")
                except OSError:
                    continue

    def release(self) -> None:
        """Give every lock back: end of input lets the host's shell remove its file and end."""
        self._stop.set()
        with ThreadPoolExecutor(max(1, len(self.held))) as pool:
            list(pool.map(_let_go, self.held.values()))
        self.held.clear()


def _let_go(one: Held) -> None:
    try:
        one.channel.shutdown_write()
        deadline = time.monotonic() + 3
        while not one.channel.exit_status_ready() and time.monotonic() < deadline:
            one.channel.status_event.wait(0.05)
    except (OSError, EOFError):
        pass
    finally:
        one.connection.close()


def is_remote(host: "Host") -> bool:
    """False for a host that Ansible reaches without SSH (``ansible_connection: local``)."""
    return host.variables.get("ansible_connection", "ssh") in ("ssh", "smart", "paramiko_ssh")


@contextmanager
def hold(
    site: "Site",
    hosts: "Sequence[Host]",
    verb: str,
    tolerate: Callable[[LocalcloudError], bool] = lambda _error: False,
    scratch: str = "",
    kept: Connections | None = None,
) -> Iterator[Locks]:
    """Hold the lock of every host. Raises the first host's error, ``host_busy`` before all others.

    ``tolerate`` lets a host that cannot be entered go without a lock; a busy one never may.
    ``scratch``: a folder that every host has as long as its lock is held. ``kept``: connections
    that are open already.
    """
    remote = [host for host in hosts if is_remote(host)]
    who = {
        "holder": f"{getpass.getuser()}@{socket.gethostname()}",
        "site": str(site.directory.resolve()),
        "verb": verb,
        "since": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
    locks = Locks()
    try:
        errors = _take(
            site,
            remote,
            locking_script(json.dumps(who, ensure_ascii=False), scratch=scratch),
            locks,
            kept or Connections(),
        )
        errors.sort(key=lambda error: getattr(error, "problem_id", "") != "host_busy")
        for error in errors:
            if getattr(error, "problem_id", "") == "host_busy" or not tolerate(error):
                raise error
        threading.Thread(target=locks.beat, daemon=True, name="locks").start()
        yield locks
    finally:
        locks.release()


def _take(
    site: "Site", hosts: "Sequence[Host]", script: str, locks: Locks, kept: Connections
) -> list[LocalcloudError]:
    def take(host: "Host") -> LocalcloudError | None:
        try:
            if connection := kept.take(host.name):
                with suppress(Unreachable):  # a firewall may have dropped it without a word
                    locks.held[host.name] = _lock(connection, script)
                    return None
            locks.held[host.name] = _lock(connect(site, host), script)
        except LocalcloudError as error:
            return error
        return None

    if not hosts:
        return []
    with ThreadPoolExecutor(min(32, len(hosts))) as pool:
        return [error for error in pool.map(take, hosts) if error is not None]


def _lock(connection: Connection, script: str) -> Held:
    host = connection.host.name
    try:
        channel, answer = _ask(connection, script)
        first, _newline, rest = answer.partition("\n")
        if first.startswith("LOCKED"):
            return Held(connection, channel, first.removeprefix("LOCKED").strip())
        if first == "BUSY":
            raise _busy(host, rest)
        raise ProblemError(
            "permission_denied", {"host": host, "user": connection.user}, answer.strip()
        )
    except BaseException:
        connection.close()
        raise


def locking_script(who: str, lock: str = LOCK, silence: float = _SILENCE, scratch: str = "") -> str:
    """The shell script that holds the lock as long as something comes in."""
    return _SCRIPT.format(lock=quote(lock), who=quote(who), silence=silence, scratch=quote(scratch))


def _ask(connection: Connection, script: str) -> "tuple[Channel, str]":
    """Start the locking shell and wait for its first words (or, if it fails, all of them)."""
    from paramiko import SSHException

    command = f"sh -c {quote(script)}"
    if connection.user != "root":
        command = f"sudo -n -- {command}"
    try:
        # Connection.run waits for the command's end; this one lives as long as the run.
        channel = connection._transport.open_session(timeout=_ANSWER)
        channel.settimeout(_ANSWER)
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        answer = b""
        while part := channel.recv(4096):
            answer += part
            if answer.startswith(b"LOCKED") and b"\n" in answer:
                break
    except (SSHException, EOFError, OSError) as error:
        raise Unreachable("unreachable_lost", connection.host.name, str(error)) from error
    return channel, answer.decode("utf-8", "replace")


def _busy(host: str, said: str) -> ProblemError:
    known: dict[str, Any] = {}
    with suppress(ValueError):
        known = json.loads(said)
    holder = str(known.get("holder", "?"))
    if known.get("verb"):
        holder = f"{holder}, localcloud {known['verb']}"
    data = {"host": host, "holder": holder, "since": str(known.get("since", "?"))}
    details = f"{known['site']}" if known.get("site") else ""
    return ProblemError("host_busy", data, details, ExitCode.BLOCKED)
