"""Whether gRPC serves event loops in this process: not in a child of one in which it did.

One thread of gRPC serves all event loops of a process. A forked child has what belongs to that thread but not the
thread, and gRPC does not notice: a channel for an event loop crashes there or hangs, and so does the end of one that
the parent opened. Channels for threads work: measured, 20 children of 20 got 200 images each.
"""

import os
import threading
import weakref
from typing import Any

import grpc

_kept: list[object] = []
# Python names a thread by its function.
_THREAD = "(_poll_wrapper)"
# Nothing is sent there: a channel connects with its first call.
_NOWHERE = "127.0.0.1:1"


def keep_for_ever(thing: object) -> None:
    """Let an object outlive the interpreter: gRPC's finalizers of it would wait for a thread that is not there."""
    try:
        import ctypes
    except ImportError:  # Python was built without libffi.
        _kept.append(thing)
    else:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


class _Forks:
    def __init__(self) -> None:
        self.are_loops_served = True
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._has_thread = False
        self._is_used = False
        self._holder: object = None

    def used(self) -> None:
        """Take note that this process opens a channel of any kind."""
        self._is_used = True

    def opened(self, channel: object) -> None:
        """Take note of a channel for an event loop."""
        self._opened.add(channel)

    def look(self) -> None:
        """Take note, before a fork, of whether the thread runs, and hold gRPC until the fork is over.

        With its last channel gRPC ends, in a thread. A child that was forked meanwhile does not have that thread, and
        its first channel waits for it, for ever: seen in 3 of 128 children. Opening a channel waits for it here.
        """
        self._has_thread = any(thread.name.endswith(_THREAD) for thread in threading.enumerate())
        if self._is_used:
            self._holder = grpc.insecure_channel(_NOWHERE)

    def passed(self) -> None:
        """Let gRPC go, in the parent, when the fork is over."""
        self._holder = None

    def forked(self) -> None:
        """Keep gRPC, in the child of a fork, from ending the channels of the parent."""
        if self._holder is not None:
            keep_for_ever(self._holder)
        if self._has_thread:
            self.are_loops_served = False
            for channel in self._opened:
                keep_for_ever(channel)


FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=FORKS.look, after_in_parent=FORKS.passed, after_in_child=FORKS.forked)
