"""A network switch as a program: the machines of a lab, and their way out, on one wire.

    python switch.py SOCKET -name NAME

Speaks the stream protocol of QEMU's network (four bytes of length, most significant first, then an
Ethernet frame) on a Unix socket. It learns which address is behind which connection, as any
switch: QEMU's own hub sends every frame everywhere, and QEMU's user-mode network answers in the
name of neighbours whose frames it sees.

Started by its file, without the rest of localcloud, so that it stays small. It ends by a signal.
"""

import contextlib
import selectors
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

_LONGEST = 1 << 16  # bytes of a frame; more is no frame
_PENDING = 1 << 20  # bytes kept for a slow reader; what comes then is lost, as on a real wire
_CHUNK = 1 << 17


@dataclass(eq=False)
class Port:
    """One connection: what came in and is no whole frame yet, and what is still to go out."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    pending: bytearray = field(default_factory=bytearray)

    def frames(self) -> list[bytes]:
        """Whole frames received so far, each with its length; ValueError if it is none."""
        found, at, data = [], 0, self.received
        while len(data) - at >= 4:
            end = at + 4 + int.from_bytes(data[at : at + 4])
            if end - at > _LONGEST:
                raise ValueError("no frame")
            if end > len(data):
                break
            found.append(bytes(data[at:end]))
            at = end
        del data[:at]
        return found


class Switch:
    def __init__(self, listener: socket.socket) -> None:
        self.ports: set[Port] = set()
        self.behind: dict[bytes, Port] = {}  # Ethernet address → connection
        self.waiting = selectors.DefaultSelector()
        self.listener = listener
        listener.setblocking(False)
        self.waiting.register(listener, selectors.EVENT_READ)

    def turn(self, seconds: float | None = None) -> None:
        """Wait for something to do, and do it."""
        touched: set[Port] = set()
        for key, events in self.waiting.select(seconds):
            if key.data is None:
                self._accept()
                continue
            port: Port = key.data
            if events & selectors.EVENT_WRITE:
                touched.add(port)
            if events & selectors.EVENT_READ:
                self._read(port, touched)
        for port in touched & self.ports:
            self._flush(port)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _peer = self.listener.accept()
            connection.setblocking(False)
            port = Port(connection)
            self.ports.add(port)
            self.waiting.register(connection, selectors.EVENT_READ, port)

    def _read(self, port: Port, touched: set[Port]) -> None:
        try:
            chunk = port.connection.recv(_CHUNK)
            port.received += chunk
            frames = port.frames()
        except BlockingIOError:
            return
        except (OSError, ValueError):
            chunk, frames = b"", []
        if not chunk:
            self._drop(port)
            return
        for frame in frames:
            touched |= self._forward(port, frame)

    def _forward(self, sender: Port, frame: bytes) -> set[Port]:
        """Queue a frame where it belongs: one connection, or all others."""
        to, of = frame[4:10], frame[10:16]
        if len(of) == 6 and not of[0] & 1:  # no group's address
            self.behind[of] = sender
        known = self.behind.get(to)
        targets = {known} if known else set(self.ports)
        for target in targets - {sender}:
            if len(target.pending) < _PENDING:
                target.pending += frame
        return targets - {sender}

    def _flush(self, port: Port) -> None:
        try:
            sent = port.connection.send(port.pending) if port.pending else 0
            del port.pending[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(port)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if port.pending else 0)
        if self.waiting.get_key(port.connection).events != wanted:
            self.waiting.modify(port.connection, wanted, port)

    def _drop(self, port: Port) -> None:
        self.waiting.unregister(port.connection)
        port.connection.close()
        self.ports.discard(port)
        self.behind = {address: one for address, one in self.behind.items() if one is not port}


def main() -> None:
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        switch = Switch(listener)
        while True:
            switch.turn()


if __name__ == "__main__":
    main()
