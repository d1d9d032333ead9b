"""Processes that a run left behind, here and on the hosts, and their end.

Every process of a run carries the run's id in its environment: on this computer (ansible-playbook,
its workers, Mitogen's) as LOCALCLOUD_CONTROLLER_RUN, on a host (set by the playbooks) as
LOCALCLOUD_RUN. An ssh master overwrites its environment with its title; the title names its socket.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote

from localcloud.ansible_env import CONTROLLER_MARK, SITE_MARK
from localcloud.errors import LocalcloudError
from localcloud.ssh import Connection

HOST_MARK = "LOCALCLOUD_RUN"
_GRACE = 1.5  # seconds between asking to stop and forcing it
_REMOTE_SECONDS = 20.0

# Plain sh. grep -z reads the whole environment of every process in one go; processes of containers
# on the host are in other namespaces and none of ours. Prints what was found: "<pid> <command>".
_REMOTE = r"""
mark={mark} keep={keep} only={only} controller={controller}
mine=$(readlink /proc/self/ns/pid)
found() {{
    if [ -n "$only" ]; then pattern="^$mark=$only\$"; else pattern="^$mark="; fi
    for file in $(grep -lzs -e "$pattern" /proc/[0-9]*/environ 2>/dev/null); do
        pid=${{file#/proc/}}; pid=${{pid%/environ}}
        [ "$pid" = $$ ] && continue
        [ "$(readlink "/proc/$pid/ns/pid" 2>/dev/null)" = "$mine" ] || continue
        [ -n "$keep" ] && grep -qzs -e "^$mark=$keep\$" "$file" && continue
        grep -qzs -e "^$controller=" "$file" && continue
        echo "$pid"
    done
}}
family() {{
    cat /proc/[0-9]*/status 2>/dev/null | awk -v roots="$*" '
        BEGIN {{ n = split(roots, r, " "); for (i = 1; i <= n; i++) hit[r[i]] = 1 }}
        /^Pid:/ {{ pid = $2 }}
        /^PPid:/ {{ parent[pid] = $2 }}
        END {{
            do {{ more = 0
                for (p in parent) if (!(p in hit) && (parent[p] in hit)) {{ hit[p] = 1; more = 1 }}
            }} while (more)
            for (p in hit) print p
        }}'
}}
first=$(found)
[ -z "$first" ] && exit 0
all=$(family $first)
for pid in $all; do
    echo "$pid $({{ tr '\0' ' ' < "/proc/$pid/cmdline"; }} 2>/dev/null | cut -c -120)"
done
kill -TERM $all 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    alive=; for pid in $all; do [ -e "/proc/$pid" ] && alive="$alive $pid"; done
    [ -z "$alive" ] && exit 0
    sleep 0.2
done
kill -KILL $alive 2>/dev/null
exit 0
"""


def ending_script(only: str = "", keep: str = "", mark: str = HOST_MARK) -> str:
    """The shell script that ends a run's processes; see :func:`end_on_hosts`."""
    return _REMOTE.format(mark=mark, keep=quote(keep), only=quote(only), controller=CONTROLLER_MARK)


def end_on_hosts(
    connections: Mapping[str, Connection], *, only: str = "", keep: str = ""
) -> dict[str, list[str] | LocalcloudError]:
    """End a run's processes on the hosts, their children too, within a few seconds.

    ``only``: this run's; without it every run's but ``keep``'s (call that only with the host's lock
    in hand). Gives host → the ended processes as ``<pid> <command>``, or why that failed.
    """
    script = ending_script(only, keep).encode()

    def end(connection: Connection) -> list[str] | LocalcloudError:
        try:
            answer = connection.run("sh -s", stdin=script, timeout=_REMOTE_SECONDS, sudo=True)
        except LocalcloudError as error:
            return error
        return answer.stdout.splitlines()

    if not connections:
        return {}
    with ThreadPoolExecutor(min(32, len(connections))) as pool:
        return dict(zip(connections, pool.map(end, connections.values()), strict=True))


def _environment(process: Path) -> dict[str, str]:
    try:
        raw = (process / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if b"=" in item)
    return {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, _e, value in pairs
    }


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _parents() -> dict[int, int]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[int(process.name)] = int(
                (process / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except (OSError, ValueError, IndexError):
            continue
    return found


def _ours(test: Callable[[dict[str, str], str], bool]) -> set[int]:
    """Processes that pass the test, and their descendants; never this one or its ancestors."""
    roots = {
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if test(_environment(process), _command(process))
    }
    parents = _parents()
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    here: int | None = os.getpid()
    while here:
        found.discard(here)
        here = parents.get(here)
    return found


def local_processes(run_id: str, control: Path | None = None) -> set[int]:
    """Process numbers of a run on this computer."""

    def test(environment: dict[str, str], command: str) -> bool:
        if environment.get(CONTROLLER_MARK) == run_id:
            return True
        return control is not None and command.startswith(f"ssh: {control}/")

    return _ours(test)


def orphans(site_directory: Path, controls: Sequence[Path], run_id: str) -> set[int]:
    """What earlier, killed runs of this site left here. Call it with the site's lock in hand.

    ``controls``: their directories of ssh's sockets.
    """
    here = str(site_directory.resolve())
    masters = tuple(f"ssh: {control}/" for control in controls)

    def test(environment: dict[str, str], command: str) -> bool:
        if masters and command.startswith(masters):
            return True
        return environment.get(SITE_MARK) == here and environment.get(CONTROLLER_MARK) != run_id

    return _ours(test)


def end_here(find: Callable[[], set[int]], grace: float = _GRACE) -> set[int]:
    """End local processes: ask, wait ``grace`` seconds, force. Gives those that still live."""
    _signal(find(), signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (left := find()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _attempt in range(20):
        if not left:
            break
        _signal(left, signal.SIGKILL)
        time.sleep(0.05)
        left = find()
    return left


def _signal(processes: set[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            continue
