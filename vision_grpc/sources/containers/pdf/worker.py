"""The process that PDFium runs in: it answers calls on stdin with what they return or raise, on stdout."""

import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

# A page of 20 Mpixel takes 0.2 GB. Linux has 64-bit programs map much that they do not use.
_MOST_MEMORY = 4 * 1024**3

_Calls = SimpleQueue[Callable[[], object]]


def serve() -> None:
    """Answer calls until stdin ends, which is when the process at its other end does."""
    # What becomes of this process is decided at the other end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory()
    answers = _keep_stdout()
    calls: _Calls = SimpleQueue()
    Thread(target=_receive, args=(sys.stdin.buffer, calls), daemon=True).start()
    _send((True, None), answers)
    while True:
        _send(_result_of(calls.get()), answers)


def _receive(requests: BinaryIO, calls: _Calls) -> None:
    """Take calls in a thread, so that the process ends with the other one even while PDFium is busy."""
    try:
        while True:
            calls.put(pickle.load(requests))  # noqa: S301 - of the process that started this one
    finally:
        os._exit(0)


def _result_of(call: Callable[[], object]) -> tuple[bool, object]:
    try:
        return True, call()
    except Exception as error:  # noqa: BLE001 - raised again at the other end
        return False, error


def _send(answer: tuple[bool, object], answers: BinaryIO) -> None:
    pickle.dump(answer, answers)
    answers.flush()


def _keep_stdout() -> BinaryIO:
    """Return what stdout leads to, and lead stdout nowhere: what a library prints is not an answer."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def _bound_memory() -> None:
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limits, and macOS refuses some.
        resource = import_module("resource")
        for limit, most in ((resource.RLIMIT_AS, _MOST_MEMORY), (resource.RLIMIT_CORE, 0)):
            _, hard = resource.getrlimit(limit)
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
