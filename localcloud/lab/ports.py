"""Ports on 127.0.0.1 for the machines: chosen once per lab and kept while the lab lives.

A port must be free now, promised to no other lab of this user (whose machines may be stopped),
and outside the range from which the kernel gives ports to outgoing connections. Choosing happens
under a lock; a foreign program that still takes the port before the engine does makes the start
fail, and the caller chooses again.
"""

import contextlib
import fcntl
import json
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from localcloud.errors import LocalcloudError
from localcloud.i18n import _

# Port inside → first port tried outside. All above 1024, so that no root is needed.
FIRST = {22: 22001, 80: 28001, 443: 24431}
# Of machines of a group only: the Kubernetes API of a cluster's servers.
OF_GROUP = {"k3s_server": {6443: 26443}}
_RANGE = 400


@contextlib.contextmanager
def _registry(cache: Path) -> Iterator[dict[str, list[int]]]:
    """Promised ports by lab state file, under a lock; entries of vanished labs are dropped."""
    with (cache / "ports.json").open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        try:
            known = json.loads(handle.read() or "{}")
        except ValueError:
            known = {}
        known = {owner: ports for owner, ports in known.items() if Path(owner).exists()}
        yield known
        handle.seek(0)
        handle.truncate()
        json.dump(known, handle)


def is_free(port: int) -> bool:
    """Whether a program could listen on the port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As the engine's own listener does; without it, closed connections would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first() -> dict[int, int]:
    return {**FIRST, **{inside: at for ports in OF_GROUP.values() for inside, at in ports.items()}}


def published(groups: Iterable[str]) -> list[int]:
    """Ports of a machine in these groups that answer on this computer."""
    return [*FIRST, *(port for group in groups for port in OF_GROUP.get(group, ()))]


def _ephemeral() -> range:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        low, high = (int(word) for word in text.split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    return range(low, high + 1)


def _one(inside: int, taken: set[int]) -> int:
    start = _first().get(inside, 26001)
    avoided = _ephemeral()
    wide = [*range(start, start + _RANGE), *range(10000, 32000)]
    for port in wide:
        if port not in taken and port not in avoided and is_free(port):
            return port
    raise LocalcloudError(
        _("This computer has no free port left for the practice machines."),
        _("End programs that listen on 127.0.0.1, or take labs down that are not needed."),
    )


def choose(
    cache: Path, owner: Path, inside: Iterable[int], avoid: Iterable[int] = ()
) -> dict[int, int]:
    """Ports for one machine of the lab whose state file is ``owner`` (port inside → outside)."""
    with _registry(cache) as known:
        taken = {port for ports in known.values() for port in ports} | set(avoid)
        chosen: dict[int, int] = {}
        for port in inside:
            chosen[port] = _one(port, taken)
            taken.add(chosen[port])
        known.setdefault(str(owner), []).extend(chosen.values())
    return chosen


def release(cache: Path, owner: Path) -> None:
    """Forget the ports promised to a lab."""
    with _registry(cache) as known:
        known.pop(str(owner), None)
