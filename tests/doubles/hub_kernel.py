"""A stand-in for the WebSocket of a kernel: answers an execute_request with prepared messages."""

import json
from typing import Any

import websocket

from localcloud.journey.kernel import SUBPROTOCOL, decode_v1, encode_v1


def message(channel: str, kind: str, content: dict[str, Any], parent: str) -> dict[str, Any]:
    return {
        "channel": channel,
        "header": {"msg_id": "x", "msg_type": kind},
        "parent_header": {"msg_id": parent} if parent else {},
        "metadata": {},
        "content": content,
    }


class KernelDouble:
    """``answers``: (channel, type, content, parent or None for the question itself)."""

    def __init__(self, binary: bool) -> None:
        self.binary = binary
        self.answers: list[tuple[str, str, dict[str, Any], str | None]] = []
        self.asked: dict[str, Any] = {}
        self.closed = False
        self.pings = False

    def getsubprotocol(self) -> str | None:
        return SUBPROTOCOL if self.binary else None

    def send(self, text: str) -> None:
        self.asked = json.loads(text)

    def send_binary(self, data: bytes) -> None:
        self.asked = decode_v1(data)

    def settimeout(self, seconds: float) -> None:
        pass

    def recv_data(self, control_frame: bool = False) -> tuple[int, bytes]:
        """With ``pings``, a ping for ever; without answers, silence."""
        if self.pings:
            return websocket.ABNF.OPCODE_PING, b""
        if not self.answers:
            raise websocket.WebSocketTimeoutException
        channel, kind, content, parent = self.answers.pop(0)
        number = parent or self.asked["header"]["msg_id"]
        answer = message(channel, kind, content, number)
        if self.binary:
            return websocket.ABNF.OPCODE_BINARY, encode_v1(answer)
        return websocket.ABNF.OPCODE_TEXT, json.dumps(answer).encode()

    def close(self, timeout: float = 0) -> None:
        self.closed = True
