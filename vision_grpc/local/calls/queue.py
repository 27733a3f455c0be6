"""Images that wait to be read: their calls take turns, and calls that would wait too long are refused."""

import heapq
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.forecast import Forecast

Job = Callable[[], object]
"""Reads an image. What it returns is for whoever takes the turn."""

# Images of the same kind take longer at one time than at another.
_CAUTION = 1.25
# The weight that the latest image has in the mean.
_SMOOTHING = 0.2
# The calls that wait are not looked through more often than this.
_REVIEW_S = 0.1
_TOO_SLOW = "images take longer than they did, so that an answer would be too late"
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 0.1, 30.0


class Load(NamedTuple):
    """What the threads of a queue have to do."""

    images_waiting: int
    images_in_progress: int
    image_s: float
    """How long an image has taken lately; 0 before the first one."""


class Ticket:
    """A call in a queue: its images that wait, and those in progress."""

    __slots__ = ("deadline", "in_progress", "jobs", "number", "refuse")

    def __init__(
        self, number: int, jobs: Iterable[Job], *, deadline: float, refuse: Callable[[ServiceError], None]
    ) -> None:
        self.number = number
        self.jobs = deque(jobs)
        self.in_progress = 0
        self.deadline = deadline
        self.refuse = refuse

    @property
    def images(self) -> int:
        """The images that are not done."""
        return len(self.jobs) + self.in_progress


class Turn(NamedTuple):
    """An image whose job is to be done now."""

    ticket: Ticket
    job: Job
    began_at: float


class FairQueue:
    """Gives the images of calls to `threads` threads, one of each call in turn. Thread-safe.

    Whoever does the jobs elsewhere, so many at once, uses `take` and `end` in place of threads that `work`; `pace_s`
    is then the least time between two images, if there is one.

    A call is let in if it and all others can be expected to be answered before their deadlines, as far as the time
    tells that images have taken lately. When that turns out to be wrong, the latest calls are refused.
    """

    def __init__(
        self, *, threads: int, most_waiting: int, pace_s: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._threads = threads
        self._least_pace_s = pace_s
        self._most_waiting = most_waiting
        self._clock = clock
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        # In the order in which they came.
        self._tickets: dict[int, Ticket] = {}
        # Each call that waits, by the round of its next image and by its number. In a round, each call has one image.
        # A new call joins the current round: it waits for one image of each other call, and not for all.
        self._rounds: list[tuple[float, int]] = []
        self._round = 0.0
        self._waiting = 0
        self._in_progress = 0
        self._image_s = 0.0
        self._review_at = 0.0
        self._end_of_service: Callable[[], ServiceError] | None = None

    @property
    def load(self) -> Load:
        """What there is to do."""
        with self._changed:
            return Load(self._waiting, self._in_progress, self._image_s)

    def enter(self, jobs: Iterable[Job], *, deadline: float | None, refuse: Callable[[ServiceError], None]) -> Ticket:
        """Let a call in. Each job is done once, in some thread; `refuse` is called if the rest of them is not to be.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for the call would wait too long; or the queue is closed.
        """
        with self._changed:
            if self._end_of_service is not None:
                raise self._end_of_service()
            now = self._clock()
            due = math.inf if deadline is None else deadline
            ticket = Ticket(next(self._numbers), jobs, deadline=due, refuse=refuse)
            self._check(ticket, now)
            self._tickets[ticket.number] = ticket
            heapq.heappush(self._rounds, (self._round, ticket.number))
            self._waiting += len(ticket.jobs)
            self._changed.notify(len(ticket.jobs))
            return ticket

    def leave(self, ticket: Ticket) -> None:
        """Forget a call and its images that wait. Leaving again does nothing."""
        with self._changed:
            self._forget(ticket)

    def work(self) -> bool:
        """Wait for an image, do its job and return true; return false when the queue is closed."""
        with self._changed:
            while self._end_of_service is None and not self._waiting:
                self._changed.wait()
            if self._end_of_service is not None:
                return False
            turn = self._take()
        try:
            turn.job()
        finally:
            self.end(turn)
        return True

    def take(self) -> Turn | None:
        """Return the next image, None if none waits; `end` is to be called when its job is done."""
        with self._changed:
            return self._take() if self._waiting else None

    def end(self, turn: Turn) -> None:
        """Take note that a job is done, whatever came of it."""
        ticket = turn.ticket
        with self._changed:
            now = self._clock()
            self._in_progress -= 1
            ticket.in_progress -= 1
            # The image of a call that has left may not have been read to its end.
            if ticket.number in self._tickets:
                weight = _SMOOTHING if self._image_s else 1.0
                self._image_s += weight * (now - turn.began_at - self._image_s)
                if not ticket.images:
                    del self._tickets[ticket.number]
            late = [(each, self._to_refusal(_TOO_SLOW)) for each in self._review(now)]
        for each, refusal in late:
            each.refuse(refusal)

    def close(self, reason: Callable[[], ServiceError]) -> None:
        """Refuse all calls from now on, those in the queue too."""
        with self._changed:
            self._end_of_service = reason
            refused = list(self._tickets.values())
            for ticket in refused:
                self._forget(ticket)
            self._changed.notify_all()
        for ticket in refused:
            ticket.refuse(reason())

    def _check(self, ticket: Ticket, now: float) -> None:
        to_do = self._waiting + self._in_progress
        # At a pace, images end one by one however many are in progress, and a call that waits for no other is never
        # better off later.
        if not to_do if self._least_pace_s else to_do + ticket.images <= self._threads:
            return
        if self._waiting and self._waiting + ticket.images > self._most_waiting:
            message = f"{self._waiting} images wait to be read, and {self._most_waiting} may"
            raise self._to_refusal(message)
        forecast, _ = self._look_ahead(now, _CAUTION)
        if not forecast.add(ticket.images, ticket.deadline):
            message = f"{to_do} images are read before, so that an answer would be too late"
            raise self._to_refusal(message)

    def _to_refusal(self, message: str) -> ServiceError:
        wait_s = (self._waiting + self._in_progress) * self._pace_s()
        retry_after_s = round(min(max(wait_s, _SHORTEST_RETRY_S), _LONGEST_RETRY_S), 3)
        return ServiceError(Code.RESOURCE_EXHAUSTED, f"the service is busy: {message}", retry_after_s=retry_after_s)

    def _look_ahead(self, now: float, caution: float) -> tuple[Forecast, list[Ticket]]:
        """Return a forecast of the calls here without those which would be too late, and these."""
        forecast = Forecast(now=now, pace_s=self._pace_s(caution))
        late: list[Ticket] = []
        for ticket in self._tickets.values():
            if not ticket.jobs:
                forecast.add(ticket.images)
            elif not forecast.add(ticket.images, ticket.deadline):
                late.append(ticket)
        return forecast, late

    def _pace_s(self, caution: float = 1.0) -> float:
        """Return the time between two images that end."""
        return max(self._least_pace_s, caution * self._image_s / self._threads)

    def _take(self) -> Turn:
        while True:
            turn, number = heapq.heappop(self._rounds)
            if (ticket := self._tickets.get(number)) is not None:
                break
        job = ticket.jobs.popleft()
        ticket.in_progress += 1
        if ticket.jobs:
            heapq.heappush(self._rounds, (turn + 1, number))
        # A part of the round is over. If rounds went on only with the calls in them, new calls that keep coming would
        # hold up those which have had their image (the virtual time of weighted fair queueing).
        self._round = max(self._round, turn) + 1 / len(self._tickets)
        self._waiting -= 1
        self._in_progress += 1
        return Turn(ticket, job, self._clock())

    def _review(self, now: float) -> list[Ticket]:
        """Forget the calls which would be too late, and return them."""
        if now < self._review_at or not self._waiting:
            return []
        self._review_at = now + _REVIEW_S
        _, late = self._look_ahead(now, 1.0)
        for ticket in late:
            self._forget(ticket)
        return late

    def _forget(self, ticket: Ticket) -> None:
        if self._tickets.pop(ticket.number, None) is not None:
            self._waiting -= len(ticket.jobs)
            ticket.jobs.clear()
        if not self._waiting:
            self._rounds.clear()
