"""One command at the end of an SSH channel: its input, both outputs, and its end."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramiko import Channel

_POLL = 0.01
_AFTER_EXIT = 1.0  # seconds to wait for output still on its way when a command has ended


@dataclass(frozen=True)
class Completed:
    """How a command ended: exit code (-1 if a signal ended it) and its output as text."""

    code: int
    stdout: str
    stderr: str


def converse(channel: "Channel", stdin: bytes, timeout: float) -> Completed | None:
    """Feed stdin and collect both outputs at once, so that no full pipe blocks the other.

    None if it did not end within ``timeout`` seconds. Raises EOFError when the line is cut.
    """
    out, err = bytearray(), bytearray()
    pending = memoryview(stdin)
    if not pending:
        channel.shutdown_write()
    deadline = time.monotonic() + timeout
    ended = None
    while not _finished(channel, ended):
        if pending and channel.send_ready():
            pending = _send(channel, pending)
        while channel.recv_ready():
            out += channel.recv(65536)
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(65536)
        if ended is None and channel.exit_status_ready():
            ended = time.monotonic()
        if not channel.get_transport().is_active():
            raise EOFError
        if time.monotonic() > deadline:
            return None
        channel.status_event.wait(_POLL) if ended is None else time.sleep(_POLL)
    text = (bytes(part).decode("utf-8", "replace") for part in (out, err))
    return Completed(channel.recv_exit_status(), *text)


def _send(channel: "Channel", pending: memoryview) -> memoryview:
    """Send a part of stdin; gives what is left of it."""
    try:
        pending = pending[channel.send(bytes(pending[:32768])) :]
        if not pending:
            channel.shutdown_write()
    except OSError:  # the command ended without reading all of it: its exit code tells why
        return memoryview(b"")
    return pending


def _finished(channel: "Channel", ended: float | None) -> bool:
    """True once all output is read; not for ever: a child left behind may hold the pipes open."""
    if ended is None or channel.recv_ready() or channel.recv_stderr_ready():
        return False
    return bool(channel.eof_received) or time.monotonic() > ended + _AFTER_EXIT
