"""From the threads of the transports to an event loop."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress


class LoopCallback:
    """Calls a function on the running event loop when any thread calls this; several calls at once wake it up once."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._function = function
        self._thread_id = threading.get_ident()
        self._is_due = False

    def __call__(self) -> None:
        """Call the function at once where the loop itself calls this, else let the loop call it soon."""
        if threading.get_ident() == self._thread_id:
            self._function()
        elif not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # The loop is closed: no task waits any more.
                self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        # First: what happens from now on may be missed by the function, and needs another run.
        self._is_due = False
        self._function()
