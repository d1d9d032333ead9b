"""The switch between virtual machines: who gets which frame, and what a slow reader costs."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.lab.vm import switch as program
from localcloud.lab.vm.switch import Switch

ALL = b"\xff" * 6
ADDRESSES = [bytes([2, 0, 0, 0, 0, number]) for number in range(3)]


def frame(to: bytes, of: bytes, text: bytes = b"hello") -> bytes:
    body = to + of + b"\x08\x00" + text
    return len(body).to_bytes(4) + body


class Wire:
    """A switch with three machines; ``turn`` lets it work until nothing is left to do."""

    def __init__(self, path: Path) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        self.switch = Switch(listener)
        self.machines = []
        for _each in ADDRESSES:
            machine = socket.socket(socket.AF_UNIX)
            machine.connect(str(path))
            machine.setblocking(False)
            self.machines.append(machine)
            self.turn()

    def turn(self, times: int = 4) -> None:
        for _each in range(times):
            self.switch.turn(0)

    def heard(self, number: int) -> bytes:
        self.turn()
        with contextlib.suppress(BlockingIOError):
            return self.machines[number].recv(1 << 20)
        return b""


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    made = Wire(tmp_path / "wire")
    yield made
    for one in [*made.machines, *(port.connection for port in made.switch.ports)]:
        one.close()
    made.switch.listener.close()


def test_a_question_to_all_reaches_all_others(wire: Wire) -> None:
    asked = frame(ALL, ADDRESSES[0])
    wire.machines[0].send(asked)
    assert [wire.heard(number) for number in range(3)] == [b"", asked, asked]


def test_an_answer_reaches_only_who_asked(wire: Wire) -> None:
    wire.machines[0].send(frame(ALL, ADDRESSES[0]))
    wire.heard(1), wire.heard(2)
    answer = frame(ADDRESSES[0], ADDRESSES[1])
    wire.machines[1].send(answer)
    assert [wire.heard(number) for number in range(3)] == [answer, b"", b""]


def test_frames_may_come_in_pieces_and_together(wire: Wire) -> None:
    both = frame(ALL, ADDRESSES[0], b"one") + frame(ALL, ADDRESSES[0], b"two" * 500)
    for start, end in ((0, 2), (2, 9), (9, 40), (40, len(both))):
        wire.machines[0].send(both[start:end])
        wire.turn()
    assert wire.heard(1) == both


def test_a_machine_that_comes_back_is_found_behind_its_new_connection(wire: Wire) -> None:
    wire.machines[0].send(frame(ALL, ADDRESSES[0]))
    wire.turn()
    wire.machines[0].close()
    wire.turn()
    assert len(wire.switch.ports) == 2
    assert wire.switch.behind == {}
    wire.machines[2].send(frame(ALL, ADDRESSES[0]))  # the same card on another connection
    wire.turn()
    wire.heard(1)
    wire.machines[1].send(frame(ADDRESSES[0], ADDRESSES[1]))
    assert wire.heard(2).endswith(b"hello")


def test_a_machine_that_does_not_read_loses_frames_and_holds_up_nobody(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_PENDING", 100_000)
    big = frame(ALL, ADDRESSES[0], b"x" * 60_000)
    for _each in range(50):
        with contextlib.suppress(BlockingIOError):
            wire.machines[0].send(big)
        assert wire.heard(1)
    assert all(len(port.pending) < 200_000 for port in wire.switch.ports)


def test_what_is_no_frame_ends_the_connection_and_nothing_else(wire: Wire) -> None:
    wire.machines[0].send(b"GET / HTTP/1.1\r\n\r\n")
    wire.turn()
    assert len(wire.switch.ports) == 2
    wire.machines[1].send(frame(ALL, ADDRESSES[1]))
    assert wire.heard(2)
