"""Work that is done once for all who wait for it, in any threads and event loops."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Generic, TypeVar

from vision_grpc.threads import DaemonThreads, begin_anew_in_children

_LOG = logging.getLogger("vision_grpc.cloud")
_T = TypeVar("_T")

LONGEST_S = 60.0
"""How long work may take before other work may take its place."""
# A thread that hangs cannot be ended. So each that hangs doubles the time until the next is started, from 60 s to at
# most so many times 60 s.
_LEAST_OFTEN = 16


class Flight(Generic[_T]):
    """Work in a thread of its own, which goes on when those who wait for it give up.

    Raises:
        MachineError: the system has no thread left, or the interpreter is ending.
    """

    def __init__(self, work: Callable[[], _T], name: str) -> None:
        thread = DaemonThreads(name)
        # Nobody can cancel it: an impatient caller leaves the others theirs.
        self._outcome = thread.submit(partial(_log_bug, work, name))
        thread.end()

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self._outcome.done()

    def result(self) -> _T:
        """Return what the work returned, or raise what it raised."""
        return self._outcome.result()

    def wait(self, timeout_s: float) -> None:
        """Wait until it is done, but no longer."""
        wait_for([self._outcome], timeout_s)

    async def wait_async(self, timeout_s: float) -> None:
        """Do what `wait` does, without blocking the event loop."""
        arrival = asyncio.wrap_future(self._outcome)
        try:
            await asyncio.wait([arrival], timeout=timeout_s)
        finally:
            # Else it would be told of an arrival on an event loop that may be closed by then.
            if not arrival.cancel():
                arrival.exception()  # Raised by `result`; here it only counts as seen.


class SingleFlight(Generic[_T]):
    """At most one flight at a time; hold `lock` while asking and starting.

    One that hangs counts as under way for 60 s; each further one that hangs in a row, for twice as long as the one
    before it, but at most for 16 minutes.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock: threading.Lock = threading.Lock()
        self._name = name
        self._clock = clock
        self._latest: Flight[_T] | None = None
        self._until = 0.0
        self._longest_s = LONGEST_S
        begin_anew_in_children(self)

    @property
    def under_way(self) -> Flight[_T] | None:
        """The flight that may be waited for, None if one may be started."""
        flight = self._latest
        return None if flight is None or flight.done or self._clock() >= self._until else flight

    @property
    def left_s(self) -> float:
        """For how long the latest flight may yet be waited for."""
        return self._until - self._clock()

    def start(self, work: Callable[[], _T]) -> Flight[_T]:
        """Start one.

        Raises:
            MachineError: there is no thread for it.
        """
        hung = self._latest is not None and not self._latest.done
        self._longest_s = min(2 * self._longest_s, _LEAST_OFTEN * LONGEST_S) if hung else LONGEST_S
        self._latest = None
        flight = Flight(work, self._name)
        self._latest, self._until = flight, self._clock() + self._longest_s
        return flight

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`."""
        self.lock = threading.Lock()
        self._latest = None


def _log_bug(work: Callable[[], _T], name: str) -> _T:
    """Return what the work returns; what it raises is a bug, and there may be nobody who waits for it."""
    try:
        return work()
    except BaseException:
        _LOG.exception("%s: a bug ended this thread's work", name)
        raise
