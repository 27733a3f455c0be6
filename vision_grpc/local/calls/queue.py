"""Images that wait to be read: their calls take turns, and calls that would wait too long are refused."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.forecast import Forecast
from vision_grpc.local.calls.turns import Job, Ticket, Turns

# Images of the same kind take longer at one time than at another.
_CAUTION = 1.25
# The calls that wait are not looked through more often than this.
_REVIEW_S = 0.1
_TOO_SLOW = "images take longer than they did, so that an answer would be too late"
_SHORTEST_RETRY_S, _LONGEST_RETRY_S = 0.1, 30.0
# Where both wait, each so many-th image is of a deferred call, so that these come to an end, too. It makes the others
# 14 % slower, which is within the caution.
_DEFERRED_TURN = 8


class Load(NamedTuple):
    """What the threads of a queue have to do."""

    images_waiting: int
    images_in_progress: int
    image_s: float
    """How long an image has taken lately; 0 before the first one."""
    deferred_waiting: int = 0
    """The files and pages of deferred calls that wait, which are not among the images above."""


class Turn(NamedTuple):
    """An image whose job is to be done now."""

    turns: Turns
    ticket: Ticket
    job: Job
    began_at: float


class FairQueue:
    """Gives the images of calls to `threads` threads, one of each call in turn. Thread-safe.

    Whoever does the jobs elsewhere, so many at once, uses `take` and `end` in place of threads that `work`; `pace_s`
    is then the least time between two images, if there is one.

    A call is let in if it and all others can be expected to be answered before their deadlines, as far as the time
    tells that images have taken lately. When that turns out to be wrong, the latest calls are refused.

    Deferred calls wait for nothing but their turn, and for all others: somebody waits for the answers of those.
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
        self._now = Turns()
        self._deferred = Turns()
        self._passed_over = 0
        self._review_at = 0.0
        self._end_of_service: Callable[[], ServiceError] | None = None

    @property
    def load(self) -> Load:
        """What there is to do."""
        with self._changed:
            return Load(self._now.waiting, self._in_progress, self._now.image_s, self._deferred.waiting)

    def enter(self, jobs: Iterable[Job], *, deadline: float | None, refuse: Callable[[ServiceError], None]) -> Ticket:
        """Let a call in. Each job is done once, in some thread; `refuse` is called if the rest of them is not to be.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, for the call would wait too long; or the queue is closed.
        """
        with self._changed:
            self._check_open()
            due = math.inf if deadline is None else deadline
            ticket = Ticket(next(self._numbers), jobs, deadline=due, refuse=refuse)
            self._check(ticket, self._clock())
            return self._add(self._now, ticket)

    def enter_deferred(self, jobs: Iterable[Job], *, refuse: Callable[[ServiceError], None]) -> None:
        """Let a call in that nobody waits for; otherwise as `enter`.

        Raises:
            ServiceError: the queue is closed.
        """
        with self._changed:
            self._check_open()
            self._add(self._deferred, Ticket(next(self._numbers), jobs, refuse=refuse))

    def leave(self, ticket: Ticket) -> None:
        """Forget a call that has entered and its images that wait. Leaving again does nothing."""
        with self._changed:
            self._now.forget(ticket)

    def work(self) -> bool:
        """Wait for an image, do its job and return true; return false when the queue is closed."""
        with self._changed:
            while self._end_of_service is None and not self._are_waiting:
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
            return self._take() if self._are_waiting else None

    def end(self, turn: Turn) -> None:
        """Take note that a job is done, whatever came of it."""
        with self._changed:
            now = self._clock()
            turn.turns.end(turn.ticket, now - turn.began_at)
            late = [(each, self._to_refusal(_TOO_SLOW)) for each in self._review(now)]
        for each, refusal in late:
            each.refuse(refusal)

    def close(self, reason: Callable[[], ServiceError]) -> None:
        """Refuse all calls from now on, those in the queue too."""
        with self._changed:
            self._end_of_service = reason
            refused = [*self._now.tickets, *self._deferred.tickets]
            for turns in (self._now, self._deferred):
                turns.clear()
            self._changed.notify_all()
        for ticket in refused:
            ticket.refuse(reason())

    @property
    def _in_progress(self) -> int:
        return self._now.in_progress + self._deferred.in_progress

    @property
    def _are_waiting(self) -> bool:
        return bool(self._now.waiting or self._deferred.waiting)

    def _check_open(self) -> None:
        if self._end_of_service is not None:
            raise self._end_of_service()

    def _add(self, turns: Turns, ticket: Ticket) -> Ticket:
        turns.add(ticket)
        self._changed.notify(len(ticket.jobs))
        return ticket

    def _check(self, ticket: Ticket, now: float) -> None:
        to_do = self._now.waiting + self._in_progress
        # At a pace, images end one by one however many are in progress, and a call that waits for no other is never
        # better off later.
        if not to_do if self._least_pace_s else to_do + ticket.images <= self._threads:
            return
        if self._now.waiting and self._now.waiting + ticket.images > self._most_waiting:
            message = f"{self._now.waiting} images wait to be read, and {self._most_waiting} may"
            raise self._to_refusal(message)
        forecast, _ = self._look_ahead(now, _CAUTION)
        if not forecast.add(ticket.images, ticket.deadline):
            message = f"{to_do} images are read before, so that an answer would be too late"
            raise self._to_refusal(message)

    def _to_refusal(self, message: str) -> ServiceError:
        wait_s = (self._now.waiting + self._in_progress) * self._pace_s()
        retry_after_s = round(min(max(wait_s, _SHORTEST_RETRY_S), _LONGEST_RETRY_S), 3)
        return ServiceError(Code.RESOURCE_EXHAUSTED, f"the service is busy: {message}", retry_after_s=retry_after_s)

    def _look_ahead(self, now: float, caution: float) -> tuple[Forecast, list[Ticket]]:
        """Return a forecast of the calls here without those which would be too late, and these."""
        forecast = Forecast(now=now, pace_s=self._pace_s(caution))
        late: list[Ticket] = []
        for ticket in self._now.tickets:
            if not ticket.jobs:
                forecast.add(ticket.images)
            elif not forecast.add(ticket.images, ticket.deadline):
                late.append(ticket)
        return forecast, late

    def _pace_s(self, caution: float = 1.0) -> float:
        """Return the time between two images that end."""
        return max(self._least_pace_s, caution * self._now.image_s / self._threads)

    def _take(self) -> Turn:
        turns = self._choose()
        return Turn(turns, *turns.take(), self._clock())

    def _choose(self) -> Turns:
        """Return the calls of which one has its next image read."""
        if not self._deferred.waiting:
            return self._now
        if not self._now.waiting:
            return self._deferred
        self._passed_over = (self._passed_over + 1) % _DEFERRED_TURN
        return self._now if self._passed_over else self._deferred

    def _review(self, now: float) -> list[Ticket]:
        """Forget the calls which would be too late, and return them."""
        if now < self._review_at or not self._now.waiting:
            return []
        self._review_at = now + _REVIEW_S
        _, late = self._look_ahead(now, 1.0)
        for ticket in late:
            self._now.forget(ticket)
        return late
