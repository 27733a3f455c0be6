"""gRPC and forks: it is held through them, and serves no event loops in a child of a process in which it did.

One thread of gRPC serves all event loops of a process. A forked child has what belongs to that thread but not the
thread, and gRPC does not notice: a channel for an event loop crashes there or hangs, and so does the end of one that
the parent opened. Channels for threads work: measured, 20 children of 20 got 200 images each.
"""

import os
import threading
import weakref
from contextlib import suppress
from typing import Any

import grpc

from vision_grpc.errors import MachineError
from vision_grpc.transport.grpc.descriptors import check_descriptors

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


def has_loop_thread() -> bool:
    """Return whether gRPC's thread for event loops runs."""
    return any(thread.name.endswith(_THREAD) for thread in threading.enumerate())


class _Forks:
    def __init__(self) -> None:
        self.are_loops_served: bool = True
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._has_thread = False
        self._is_used = False
        self._holder: object = None

    def used(self) -> None:
        """Take note that this process opens a channel, of any kind and for any service."""
        self._is_used = True

    def opened(self, channel: object) -> None:
        """Take note of a channel for an event loop."""
        self.used()
        self._opened.add(channel)

    def before(self) -> None:
        """Take note of whether the thread runs, and hold gRPC until the fork is over.

        Without its last channel gRPC ends, in a thread. A child that was forked meanwhile does not have that thread,
        and its first channel waits for ever for what it holds: seen in 3 of 128 children. To open a channel here waits
        for that end, and prevents another one.
        """
        self._has_thread = has_loop_thread()
        if self._is_used:
            # Without file descriptors, gRPC would abort the process.
            with suppress(MachineError):
                check_descriptors()
                self._holder = grpc.insecure_channel(_NOWHERE)

    def after_in_parent(self) -> None:
        """Let gRPC go."""
        self._holder = None

    def after_in_child(self) -> None:
        """Keep gRPC from ending the channels of the parent."""
        if self._holder is not None:
            keep_for_ever(self._holder)
        if self._has_thread:
            self.are_loops_served = False
            for channel in self._opened:
                keep_for_ever(channel)


FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=FORKS.before, after_in_parent=FORKS.after_in_parent, after_in_child=FORKS.after_in_child)
