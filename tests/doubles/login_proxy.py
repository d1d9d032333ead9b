"""A stand-in for a campus proxy that asks for name and password. Real HTTP, real tunnels."""

import base64
import http.server
import select
import socket
import threading
import urllib.error
import urllib.request


class LoginProxy(http.server.ThreadingHTTPServer):
    """Lets through who says ``name:password``; remembers what it passed and what it refused."""

    daemon_threads = True

    def __init__(self, address: str, name: str, password: str) -> None:
        super().__init__((address, 0), _Handler)
        login = base64.b64encode(f"{name}:{password}".encode()).decode()
        self.expected = f"Basic {login}"
        self.passed: list[str] = []
        self.refused: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: LoginProxy

    def log_message(self, *_words: object) -> None:
        pass

    def _may_pass(self) -> bool:
        known = self.headers.get("Proxy-Authorization") == self.server.expected
        (self.server.passed if known else self.server.refused).append(self.path)
        if not known:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="campus"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        return known

    def do_CONNECT(self) -> None:
        if not self._may_pass():
            return
        host, _colon, port = self.path.rpartition(":")
        try:
            far = socket.create_connection((host.strip("[]"), int(port)), timeout=30)
        except OSError:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        with far:
            _relay(self.connection, far)

    def do_GET(self) -> None:
        if not self._may_pass():
            return
        wanted = ("Accept", "Range", "If-Modified-Since", "User-Agent", "If-Range")
        headers = {key: self.headers[key] for key in wanted if self.headers.get(key)}
        request = urllib.request.Request(self.path, headers=headers, method=self.command)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            answer = opener.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError:
            self.send_error(502)
            return
        with answer:
            body = answer.read()
            self.send_response(answer.status)
            for key in ("Content-Type", "Last-Modified", "Content-Range", "Location"):
                if answer.headers.get(key):
                    self.send_header(key, answer.headers[key])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    do_HEAD = do_GET


def _relay(near: socket.socket, far: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([near, far], [], [], 120)
        if not ready:
            return
        for one in ready:
            data = one.recv(65536)
            if not data:
                return
            (far if one is near else near).sendall(data)
