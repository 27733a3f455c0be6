"""Signals that come just before the main thread begins to wait: Python handles them when the wait has ended."""

import os
import signal
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from functools import partial
from threading import get_ident
from time import sleep
from types import FrameType

from vision_grpc.errors import MachineError
from vision_grpc.threads import start_thread

_AFTER_S = (0.05, 0.2, 1.0)


@contextmanager
def handled_soon(numbers: Iterable[int]) -> Generator[None, None, None]:
    """Let the main thread, which has to call this, handle these signals even where it waits for a file or a lock.

    A signal ends such a wait only if it comes during it. So another thread, which learns of each signal, sends SIGURG
    after it, which nobody else uses: that ends the wait, and all handlers are called. It is tried a few times.
    """
    if not hasattr(signal, "pthread_kill"):
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handler = signal.signal(signal.SIGURG, _do_nothing)
    told_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    with suppress(MachineError):  # Without a thread, it is as it was.
        start_thread(partial(_end_waits, reader, get_ident(), frozenset(numbers)), "vision-grpc-signals")
    try:
        yield
    finally:
        signal.set_wakeup_fd(told_before)
        signal.signal(signal.SIGURG, handler)
        os.close(writer)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _end_waits(reader: int, main_thread: int, numbers: frozenset[int]) -> None:
    while came := os.read(reader, 64):
        if not numbers.isdisjoint(came):
            for seconds in _AFTER_S:
                sleep(seconds)
                signal.pthread_kill(main_thread, signal.SIGURG)
    os.close(reader)
