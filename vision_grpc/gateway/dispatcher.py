"""The turns of images at the backend: so many at once, so many a second, one of each call after the other."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, cast

from vision_grpc.errors import ServiceError
from vision_grpc.local.calls.queue import FairQueue, Load, Turn
from vision_grpc.local.calls.turns import Ticket
from vision_grpc.stream.rate import RequestRate

Work = Callable[[], Coroutine[Any, Any, None]]
"""Asks the backend about an image. It raises nothing."""


class Dispatcher:
    """Gives images their turns, as tasks of the event loop that it belongs to.

    The quota is shared among all calls: of those that wait, each has one image in turn, however many it has.
    """

    def __init__(self, *, most: int, per_s: float | None, most_waiting: int) -> None:
        self._queue = FairQueue(threads=most, most_waiting=most_waiting, pace_s=0.0 if per_s is None else 1 / per_s)
        self._rate = None if per_s is None else RequestRate(per_s)
        self._most = most
        self._running: dict[asyncio.Task[None], Turn] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def load(self) -> Load:
        """What there is to do."""
        return self._queue.load

    def enter(self, works: Sequence[Work], *, deadline: float | None, refuse: Callable[[ServiceError], None]) -> Ticket:
        """Let a call in, whose images are worked on as their turns come; see `FairQueue.enter`.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for the call would wait too long; or the queue is closed.
        """
        ticket = self._queue.enter(works, deadline=deadline, refuse=refuse)
        self._look()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a call up: what is under way for it is cancelled, and the rest is not begun."""
        self.forget(ticket)
        for task, turn in self._running.items():
            if turn.ticket is ticket:
                task.cancel()

    def forget(self, ticket: Ticket) -> None:
        """Let what waits of a call not be begun. What is under way goes on."""
        self._queue.leave(ticket)

    def close(self, reason: Callable[[], ServiceError]) -> None:
        """Refuse all calls from now on, those that wait too; thread-safe. What is under way goes on."""
        self._queue.close(reason)

    def _look(self) -> None:
        """Begin what may begin."""
        while len(self._running) < self._most:
            if self._rate is not None and self._rate.ready_at() > time.monotonic():
                self._look_at(self._rate.ready_at())
                return
            if (turn := self._queue.take()) is None:
                return
            if self._rate is not None:
                self._rate.charge(time.monotonic())
            task = asyncio.create_task(cast("Work", turn.job)())
            self._running[task] = turn
            task.add_done_callback(partial(self._end))

    def _look_at(self, at: float) -> None:
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        self._look()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._queue.end(self._running.pop(task))
        self._look()
