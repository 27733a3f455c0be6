"""A thread that the end of the interpreter catches with locks in its hands: with all that were made for us.

The stack of that thread is never taken down, so this is a module of its own: what its globals name is never collected.
"""

import atexit
import sys
import threading
from collections.abc import Callable
from typing import Any

_LONGEST_S = 20
_OURS = ("vision_grpc", "concurrent.futures")
_locks: list[Any] = []
_end, _held = threading.Event(), threading.Event()


def prepare() -> None:
    """Begin to keep the locks that are made; call this before the package is imported."""
    threading.Thread(target=_hold, daemon=True).start()
    # What is registered first is called last: no Python code follows but finalizers.
    atexit.register(_let_them_be_held)
    threading.RLock, threading.Lock = _record(threading.RLock), _record(threading.Lock)  # type: ignore[assignment]


def _record(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return a maker of locks that keeps those which are made for us."""

    def recording() -> object:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__") == "threading":
            frame = frame.f_back
        lock = make()
        if frame.f_globals.get("__name__", "").startswith(_OURS):
            _locks.append(lock)
        return lock

    return recording


def _let_them_be_held() -> None:
    _end.set()
    _held.wait()


def _hold() -> None:
    _end.wait()
    for lock in _locks:
        lock.acquire(timeout=_LONGEST_S)
    _held.set()
    threading.Event().wait()
