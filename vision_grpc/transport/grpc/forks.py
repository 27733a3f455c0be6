"""Whether gRPC serves event loops in this process: not in a child of one in which it did.

One thread of gRPC serves all event loops of a process. A forked child has what belongs to that thread but not the
thread, and gRPC does not notice: a channel for an event loop crashes there or hangs, and so does the end of one that
the parent opened. Channels for threads work: measured, 20 children of 20 got 200 images each.
"""

import os
import threading
import weakref
from typing import Any

# Python names a thread by its function.
_THREAD = "(_poll_wrapper)"


class _Forks:
    def __init__(self) -> None:
        self.are_loops_served = True
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self._kept: list[Any] = []
        self._has_thread = False

    def opened(self, channel: object) -> None:
        """Take note of a channel for an event loop."""
        self._opened.add(channel)

    def look(self) -> None:
        """Take note, before a fork, of whether the thread runs."""
        self._has_thread = any(thread.name.endswith(_THREAD) for thread in threading.enumerate())

    def forked(self) -> None:
        """Be the child: let no channel of the parent come to its end."""
        if self._has_thread:
            self.are_loops_served = False
            self._kept.extend(self._opened)


FORKS = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=FORKS.look, after_in_child=FORKS.forked)
