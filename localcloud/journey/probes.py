"""Functions that run inside a user's kernel: sent as source, answer with printed JSON.

Each stands alone (imports inside, annotations that Python 3.9 knows) because only its own source
travels. A probe reports what it saw; :mod:`localcloud.journey.privacy` judges.
"""

# A probe uses the plainest means, for any Python a kernel may run.
# ruff: noqa: PTH107, PTH118, PTH120, PTH123, PTH207, PTH208

import inspect
import json
from collections.abc import Callable


def cell(probe: Callable[..., object], *arguments: object) -> str:
    """The code of a cell that runs a probe and prints its answer as one line of JSON."""
    text = json.dumps(arguments)
    return (
        f"{inspect.getsource(probe)}\nimport json\n"
        f"print(json.dumps({probe.__name__}(*json.loads({text!r}))))"
    )


def reach_files(home: str, files: list[str]) -> list[str]:
    """Try to list a home, read and change its files: what worked, as ``"verb path"``."""
    import os

    worked = []
    try:
        os.listdir(home)
        worked.append("list " + home)
    except OSError:
        pass
    for path in files:
        for mode in ("r", "a"):
            try:
                with open(path, mode) as file:
                    if mode == "r":
                        file.read(1)
                worked.append({"r": "read ", "a": "write "}[mode] + path)
            except OSError:
                pass
    return worked


def read_tokens(user: str) -> list[int]:
    """Process ids whose environment shows the hub token of another user's server."""
    import glob

    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"JUPYTERHUB_USER=" + user.encode() in words:
            found.append(int(path.split("/")[2]))
    return found


def ports_of(unix_name: str) -> list[int]:
    """TCP ports on which processes of a Unix user listen on this machine, as seen from here."""
    import pwd

    try:
        owner = str(pwd.getpwnam(unix_name).pw_uid)
    except KeyError:
        return []
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        # Columns of proc_net_tcp(5): 1 local address:port (hex), 3 state (0A listens), 7 uid
        ports |= {int(r[1].rpartition(":")[2], 16) for r in rows if r[3] == "0A" and r[7] == owner}
    return sorted(ports)


def read_file(path: str) -> str:
    """What stands in a file, or "" if it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def own_addresses() -> list[object]:
    """[addresses of this machine or pod in its network, port of the user's server]."""
    import os
    import socket
    from urllib.parse import urlsplit

    found = socket.getaddrinfo(socket.gethostname(), None, proto=socket.IPPROTO_TCP)
    port = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL", "")).port or 8888
    return [sorted({entry[4][0] for entry in found}), port]


def ask_ports(
    ports: list[int], paths: list[str], hosts: tuple[str, ...] = ("127.0.0.1", "::1")
) -> list[list[object]]:
    """HTTP status of each path on each port without any login: [[port, path, status], …].

    Ports that do not speak HTTP (a kernel's own) are left out after the first silence.
    """
    import socket

    def status(host, port, path):  # type: ignore[no-untyped-def]
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            words = connection.recv(64).split()
            return int(words[1]) if words and words[0].startswith(b"HTTP/") else None

    answers = []
    for port in ports:
        for host in hosts:
            for path in paths:
                try:
                    number = status(host, port, path)
                except OSError:
                    number = None
                if number is None:
                    break
                answers.append([port, path, number])
    return answers


def overhear(ports: list[int], seconds: float) -> list[int]:
    """Ports on which a kernel's output can be read by subscribing to it, without any key."""
    import time

    try:
        import zmq  # type: ignore[import-not-found]
    except ImportError:
        return []
    context, poller, sockets = zmq.Context(), zmq.Poller(), {}
    for port in ports:
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect("tcp://127.0.0.1:%d" % port)  # noqa: UP031
        poller.register(socket, zmq.POLLIN)
        sockets[socket] = port
    heard = set()
    end = time.time() + seconds
    while time.time() < end and sockets:
        for socket, _event in poller.poll(200):
            socket.recv_multipart()
            heard.add(sockets[socket])
    context.destroy(linger=0)
    return sorted(heard)


def try_folder(path: str) -> list[bool]:
    """[can be listed, can be written to] of a folder."""
    import os

    try:
        os.listdir(path)
        readable = True
    except OSError:
        readable = False
    name = os.path.join(path, ".localcloud-journey")
    try:
        open(name, "w").close()
        os.remove(name)
        return [readable, True]
    except OSError:
        return [readable, False]


def limits() -> dict[str, object]:
    """Memory limit of this process's cgroup in bytes (None: none seen), and what the hub says."""
    import os

    def smallest(root, path, name):  # type: ignore[no-untyped-def]
        found = []
        while True:
            try:
                with open(os.path.join(root + path, name)) as file:
                    found.append(int(file.read()))
            except (OSError, ValueError):
                pass
            if path in ("", "/"):
                # cgroup v1 says "no limit" with a huge number
                return min([n for n in found if n < 1 << 60], default=None)
            path = os.path.dirname(path)

    memory = None
    with open("/proc/self/cgroup") as file:
        for line in file:
            _number, controllers, path = line.rstrip().split(":", 2)
            if controllers == "":
                memory = memory or smallest("/sys/fs/cgroup", path, "memory.max")
            elif "memory" in controllers.split(","):
                v1 = smallest("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
                memory = memory or v1
    said = {name: os.environ.get(name, "") for name in ("MEM_LIMIT", "CPU_LIMIT")}
    return {"memory": memory, **said}
