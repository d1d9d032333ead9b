"""Ctrl-C and its relatives: the first asks a run to stop, the second does not wait."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

# A closed terminal or a cut line to it (SIGHUP) must not leave a run behind either.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Stop:
    asked: bool = False


def _raise(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler for all three signals; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def as_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command the way Ctrl-C does: with everything put away."""
    with _handling(_raise):
        yield


@contextmanager
def watch() -> Iterator[Stop]:
    """Note the first signal (``asked``); raise KeyboardInterrupt at the second."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.asked:
            _raise(number, frame)
        stop.asked = True

    with _handling(handle):
        yield stop
