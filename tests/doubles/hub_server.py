"""A stand-in for a hub: answers each path with prepared answers and keeps what was asked.

It knows nothing of JupyterHub; pages come from the test. The real hub is met by the Molecule
scenario and by tests/integration.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class HubDouble:
    """``answers``: "METHOD /path" → answers (status, headers, body); the last one repeats."""

    url: str = ""
    answers: dict[str, list[tuple[int, dict[str, str], str]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def on(self, request: str, status: int, body: str = "", **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(request, []).append((status, named, body))

    def of(self, request: str) -> list[Asked]:
        return [one for one in self.asked if f"{one.method} {one.path}" == request]


@contextmanager
def running() -> Iterator[HubDouble]:
    double = HubDouble()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = urlsplit(self.path).path
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            double.asked.append(Asked(self.command, path, dict(self.headers), body))
            prepared = double.answers.get(f"{self.command} {path}", [(404, {}, "no such page")])
            status, headers, text = prepared.pop(0) if len(prepared) > 1 else prepared[0]
            data = text.encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = answer

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
