"""A notebook kernel through its WebSocket, as JupyterLab talks to it.

Both wire formats of jupyter_server are spoken: the binary ``v1.kernel.websocket.jupyter.org`` that
JupyterLab asks for, and the default JSON one when the server does not take it up.
Source: https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
"""

import json
import socket
import ssl
import time
import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import websocket

from localcloud.journey.browser import USER_AGENT, Browser, origin
from localcloud.journey.failure import StepFailed

SUBPROTOCOL = "v1.kernel.websocket.jupyter.org"
Message = dict[str, Any]

# What the server tells of a kernel that ended by itself, killed for its memory for example.
_DEAD = ("dead", "restarting", "autorestarting")


@dataclass
class Execution:
    """What a cell printed or returned, and its error (``Name: words``) if it had one."""

    text: str = ""
    error: str = ""


def encode_v1(message: Message) -> bytes:
    """Serialise for the binary protocol: offsets, channel, then the four JSON parts."""
    channel = message["channel"].encode()
    parts = [
        json.dumps(message[name]).encode()
        for name in ("header", "parent_header", "metadata", "content")
    ]
    offsets = [8 * (1 + 1 + len(parts) + 1)]
    for part in (channel, *parts):
        offsets.append(offsets[-1] + len(part))
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), channel, *parts])


def decode_v1(data: bytes) -> Message:
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * i : 8 * (i + 1)], "little") for i in range(1, count + 1)]
    pieces = [data[start:end] for start, end in pairwise(offsets)]
    names = ("header", "parent_header", "metadata", "content")
    message: Message = {"channel": pieces[0].decode()}
    for name, piece in zip(names, pieces[1:5], strict=True):
        message[name] = json.loads(piece)
    return message


def connect(browser: Browser, address: str, timeout: float = 30) -> websocket.WebSocket:
    """Open a WebSocket with this browser's cookies; a refusal raises WebSocketException."""
    url = urljoin(browser.url, address)
    parts = urlsplit(url)
    web_socket = parts._replace(scheme="wss" if parts.scheme == "https" else "ws").geturl()
    raw = _dial(browser, parts, timeout)
    try:
        return websocket.create_connection(
            web_socket,
            timeout=timeout,
            socket=raw,
            cookie=browser.cookies(url),
            origin=origin(url),
            header=[f"User-Agent: {USER_AGENT}"],
            subprotocols=[SUBPROTOCOL],
            redirect_limit=0,
        )
    except BaseException:
        raw.close()
        raise


def _dial(browser: Browser, parts: SplitResult, timeout: float) -> socket.socket:
    """A connection of our own: websocket-client would obey the shell's proxies and CA bundle."""
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    raw = socket.create_connection((host, parts.port or (443 if secure else 80)), timeout)
    if not secure:
        return raw
    context = ssl.create_default_context(cafile=browser.trust)
    return context.wrap_socket(raw, server_hostname=host)


class Kernel:
    """One kernel connection; use as a context manager or call :meth:`close`."""

    def __init__(self, browser: Browser, kernel_url: str, timeout: float = 30) -> None:
        """``kernel_url`` is the REST address ``…/api/kernels/<id>``."""
        self.session = uuid.uuid4().hex
        address = f"{kernel_url}/channels?session_id={self.session}"
        try:
            self.socket = connect(browser, address, timeout)
        except (websocket.WebSocketException, OSError) as problem:
            raise StepFailed(
                "journey_websocket_refused", f"{type(problem).__name__}: {problem}"
            ) from problem
        self.binary = self.socket.getsubprotocol() == SUBPROTOCOL

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close(timeout=1)

    def execute(self, code: str, timeout: float = 60) -> Execution:
        """Run a cell and gather its output until the kernel is idle again."""
        number = self._send(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": True,
            },
        )
        result = Execution()
        idle = replied = False
        deadline = time.monotonic() + timeout
        while not (idle and replied):
            message = self._receive(deadline, timeout)
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] in _DEAD:
                raise StepFailed("journey_kernel_died")
            if message["parent_header"].get("msg_id") != number:
                continue
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
            replied = replied or kind == "execute_reply"
            _gather(result, kind, content)
        return result

    def _send(self, kind: str, content: Message) -> str:
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": kind,
            "username": "",
            "session": self.session,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "version": "5.3",
        }
        message: Message = {
            "channel": "shell",
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        try:
            if self.binary:
                self.socket.send_binary(encode_v1(message))
            else:
                self.socket.send(json.dumps({**message, "buffers": []}))
        except (websocket.WebSocketException, OSError) as problem:
            raise StepFailed("journey_websocket_refused", str(problem)) from problem
        return number

    def _receive(self, deadline: float, timeout: float) -> Message:
        """The next message of the kernel, or a failure when the deadline passes."""
        kind, data = websocket.ABNF.OPCODE_PING, b""
        try:
            # Pings come back to us (answered), too: they would begin the time anew for ever.
            while kind in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise websocket.WebSocketTimeoutException
                self.socket.settimeout(left)
                kind, data = self.socket.recv_data(control_frame=True)
        except websocket.WebSocketTimeoutException:
            raise StepFailed("journey_kernel_silent", seconds=f"{timeout:.0f}") from None
        except (websocket.WebSocketException, OSError) as problem:
            raise StepFailed("journey_websocket_refused", str(problem)) from problem
        if kind == websocket.ABNF.OPCODE_CLOSE or not data:
            raise StepFailed("journey_websocket_refused", "connection closed")
        return decode_v1(data) if kind == websocket.ABNF.OPCODE_BINARY else json.loads(data)


def _gather(result: Execution, kind: str, content: Message) -> None:
    if kind == "stream" and content.get("name") == "stdout":
        result.text += content["text"]
    elif kind == "execute_result":
        result.text += content["data"].get("text/plain", "")
    elif kind == "error":
        result.error = f"{content['ename']}: {content['evalue']}"
