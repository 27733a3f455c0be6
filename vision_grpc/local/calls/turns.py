"""Calls that take turns: of each call with images, one image in each round."""

import heapq
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from vision_grpc.errors import ServiceError

Job: TypeAlias = Callable[[], object]
"""Reads an image. What it returns is for whoever takes the turn."""

# The weight that the latest image has in the mean.
_SMOOTHING = 0.2


class Ticket:
    """A call: its images that wait, and those in progress. `number` is smaller for those that came before."""

    __slots__ = ("deadline", "in_progress", "jobs", "number", "refuse")

    def __init__(
        self,
        number: int,
        jobs: Iterable[Job],
        *,
        deadline: float = math.inf,
        refuse: Callable[[ServiceError], None],
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


class Turns:
    """The calls that take turns with each other, and how long their images take."""

    def __init__(self) -> None:
        self._tickets: dict[int, Ticket] = {}
        # Each call that waits, by the round of its next image and by its number. In a round, each call has one image.
        # A new call joins the current round: it waits for one image of each other call, and not for all.
        self._rounds: list[tuple[float, int]] = []
        self._round = 0.0
        self.waiting = 0
        """The images that wait."""
        self.in_progress = 0
        """The images that are being read."""
        self.image_s = 0.0
        """How long an image has taken lately; 0 before the first one."""

    @property
    def tickets(self) -> Collection[Ticket]:
        """The calls whose images are not all done, in the order in which they came."""
        return self._tickets.values()

    def add(self, ticket: Ticket) -> None:
        """Let a call take turns with the others."""
        self._tickets[ticket.number] = ticket
        heapq.heappush(self._rounds, (self._round, ticket.number))
        self.waiting += len(ticket.jobs)

    def take(self) -> tuple[Ticket, Job]:
        """Return the call whose turn it is, and the job of its next image; there must be one that waits."""
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
        self.waiting -= 1
        self.in_progress += 1
        return ticket, job

    def end(self, ticket: Ticket, took_s: float) -> None:
        """Take note that a job is done, whatever came of it."""
        self.in_progress -= 1
        ticket.in_progress -= 1
        # The image of a call that has left may not have been read to its end.
        if ticket.number in self._tickets:
            weight = _SMOOTHING if self.image_s else 1.0
            self.image_s += weight * (took_s - self.image_s)
            if not ticket.images:
                del self._tickets[ticket.number]

    def forget(self, ticket: Ticket) -> None:
        """Forget a call and its images that wait. Forgetting again does nothing."""
        if self._tickets.pop(ticket.number, None) is not None:
            self.waiting -= len(ticket.jobs)
            ticket.jobs.clear()
        if not self.waiting:
            self._rounds.clear()

    def clear(self) -> None:
        """Forget all calls."""
        for ticket in list(self._tickets.values()):
            self.forget(ticket)
