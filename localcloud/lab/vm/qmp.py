"""QEMU's monitor (QMP): one request, one answer, over a socket that only its owner can open."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.errors import LocalcloudError


class Refused(LocalcloudError):
    """QEMU answered with an error; ``message`` is its own."""


@contextmanager
def nearby(path: Path) -> Iterator[str]:
    """A short name of a socket, however long its path is: it may have 107 bytes (unix(7))."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@contextmanager
def _connection(path: Path, seconds: float) -> Iterator[socket.socket]:
    with nearby(path) as name, socket.socket(socket.AF_UNIX) as made:
        made.settimeout(seconds)
        made.connect(name)
        yield made


def call(path: Path, *requests: tuple[str, dict[str, Any]], seconds: float = 20) -> list[Any]:
    """Send requests (command, arguments) one after another; return what each returned.

    Raises OSError if nobody listens, and Refused for the first request that QEMU refuses.
    """
    answers = []
    with _connection(path, seconds) as connection, connection.makefile("rw") as stream:
        for command, arguments in (("qmp_capabilities", {}), *requests):
            stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            stream.flush()
            answers.append(_answer(stream))
    return answers[1:]


def _answer(stream: Any) -> Any:
    """The next answer; greetings and events in between are passed over."""
    for line in stream:
        heard = json.loads(line)
        if "error" in heard:
            raise Refused(str(heard["error"].get("desc", heard["error"])))
        if "return" in heard:
            return heard["return"]
    raise ConnectionError("QEMU closed its monitor")


def monitor(line: str) -> tuple[str, dict[str, Any]]:
    """A request in the language of QEMU's human monitor, for what QMP has no word for."""
    return "human-monitor-command", {"command-line": line}
