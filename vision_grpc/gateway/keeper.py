"""A gateway with a tape asks for each image once: it is on the tape, or under way for another caller, or asked for now.

A call that is under way is paid for. So it goes on when its callers leave, and its answer is on the tape when they come
again.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from vision_grpc.errors import Code, ServiceError
from vision_grpc.gateway.backend import Backend
from vision_grpc.gateway.call_tape import CallTape
from vision_grpc.gateway.callers import Caller
from vision_grpc.gateway.dispatcher import Dispatcher, Work
from vision_grpc.gateway.flights import Flight, Flights, Landing
from vision_grpc.gateway.plan import Outcome, Wish
from vision_grpc.gateway.reading import Reading
from vision_grpc.local.calls.call import Call
from vision_grpc.local.service import ServiceStoppingError
from vision_grpc.sources.image import Image, Recalled, Rejection

if TYPE_CHECKING:
    from vision_grpc.local.calls.turns import Ticket

SETTLE_S = 6.0
"""How long a gateway that ends waits for what is under way, at most: Docker kills what has not ended after 10 s."""


class Request(NamedTuple):
    """What a caller asks, and until when it waits (monotonic seconds)."""

    wishes: Sequence[Wish]
    caller: Caller
    call: Call
    until: float


class Keeper:
    """Fulfils the wishes of all callers. It belongs to the event loop of its first call.

    What is under way at the backend goes on for `keep_s` seconds at least, if need be without its callers.
    """

    def __init__(self, backend: Backend, dispatcher: Dispatcher, *, keep_s: float) -> None:
        self.backend = backend
        self.dispatcher = dispatcher
        self.keep_s = keep_s
        self.flights = Flights()
        self._visits: set[_Visit] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def enter(self, request: Request, reading: Reading) -> Callable[[], None]:
        """Begin to fulfil the wishes of a call, which `reading` is told; return what ends that."""
        visit = _Visit(self, request, reading)
        self._visits.add(visit)
        visit.seek(range(len(request.wishes)))
        return partial(self._leave, visit)

    def close(self) -> None:
        """End all calls with UNAVAILABLE. Nothing more is sent, and what is under way goes on."""
        self.dispatcher.close(ServiceStoppingError)
        self.flights.stop()
        for visit in self._visits:
            visit.reading.fail(ServiceStoppingError())

    async def settle(self) -> None:
        """Wait until what is under way has ended and is recorded, for some seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLE_S)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work, which goes on when the caller leaves."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _leave(self, visit: "_Visit") -> None:
        self._visits.discard(visit)
        visit.leave()


class _Visit:
    """The wishes of one call, from its first look at the tape until its caller leaves."""

    def __init__(self, keeper: Keeper, request: Request, reading: Reading) -> None:
        self.reading = reading
        self._keeper = keeper
        self._request = request
        self._until = request.until
        self._has_left = False
        self._tickets: list[Ticket] = []
        self._own: set[Flight] = set()
        self._joined: list[Flight] = []
        self._timer = asyncio.get_running_loop().call_at(request.until, self._time_is_over)

    def seek(self, numbers: Iterable[int]) -> None:
        """Find out about some wishes: wait for the flights of others, and begin those that there are not."""
        flights, new = self._keeper.flights, list[Flight]()
        for number in numbers:
            wish = self._request.wishes[number]
            is_first = (flight := flights.find(wish)) is None
            if flight is None:
                flight = flights.begin(wish)
                new.append(flight)
            flight.join(partial(self._landed, number, flight, is_first))
            self._joined.append(flight)
        if new:
            self._own.update(new)
            self._keeper.start(self._fly(new))

    def leave(self) -> None:
        """Wait no longer. What waits for its turn is not begun; others who wait for it ask for themselves."""
        self._has_left = True
        self._timer.cancel()
        for ticket in self._tickets:
            self._keeper.dispatcher.forget(ticket)
        self._land_waiting(Landing(None))
        for flight in self._joined:
            flight.leave()

    def _landed(self, number: int, flight: Flight, is_first: bool, landing: Landing) -> None:  # noqa: FBT001 - a callback
        if self._has_left or self.reading.outcomes.done():
            return
        outcome = landing.outcome
        if isinstance(outcome, Exception) and not isinstance(outcome, ServiceError):
            self.reading.fail(outcome)
            return
        if outcome is None or not (flight in self._own or landing.is_for_all):
            self.seek([number])
            return
        if not isinstance(outcome, ServiceError):
            if landing.is_from_tape:
                self._request.call.not_sent["tape"] += 1
            elif not is_first:
                self._request.call.not_sent["under_way"] += 1
        self.reading.note(number, outcome)

    def _time_is_over(self) -> None:
        name = self._keeper.backend.name
        message = f"{name}: there was no answer within the deadline; what is under way is kept on the tape: call again"
        for number in self.reading.missing:
            self.reading.note(number, ServiceError(Code.DEADLINE_EXCEEDED, message))

    async def _fly(self, flights: Sequence[Flight]) -> None:
        """Find out about images, from the tape or from the backend."""
        try:
            with closing(self._keeper.backend.call_tape(self._until)) as tape:
                self._enter([partial(self._ask, *each, tape) for each in await self._look_up(flights, tape)])
                for flight in flights:
                    await flight.wait()
        except Exception as error:  # noqa: BLE001 - a bug ends the calls, which would wait for ever
            self._land_waiting(Landing(error))

    async def _look_up(self, flights: Sequence[Flight], tape: CallTape) -> list[tuple[Flight, Image]]:
        """Return the images that are not on the tape, and land the others."""
        unread: list[tuple[Flight, Image]] = []
        for flight, found in zip(flights, await tape.look_up([flight.wish for flight in flights]), strict=True):
            if isinstance(found, Image):
                unread.append((flight, found))
            elif isinstance(found, Recalled):
                outcome = await self._keeper.backend.outcome_of(found.result)
                self._keeper.flights.land(flight, Landing(outcome, is_from_tape=True))
            elif isinstance(found, Rejection):
                self._keeper.flights.land(flight, Landing(ServiceError(found.error.code, found.error.message)))
        return [(flight, image) for flight, image in unread if not flight.is_over]

    def _enter(self, works: Sequence[Work]) -> None:
        """Let images take turns at the backend."""
        if not works:
            return
        try:
            ticket = self._keeper.dispatcher.enter(works, deadline=self._until, refuse=self._refuse)
        except ServiceError as error:
            self._refuse(error)
        else:
            self._tickets.append(ticket)

    async def _ask(self, flight: Flight, image: Image, tape: CallTape) -> None:
        """Ask the backend about an image, whose turn has come, and record the answer."""
        if flight.is_over:
            return
        flight.has_begun = True
        until = max(self._until, time.monotonic() + self._keeper.keep_s)
        outcome: Outcome | Exception | None
        try:
            outcome = await self._keeper.backend.read(flight.wish, image, self._request.caller, until, stop=flight.stop)
            is_awaited = not self._has_left and time.monotonic() < self._until
            await tape.record(self._until if is_awaited else until)
        except Exception as error:  # noqa: BLE001 - as above
            outcome = error
        self._keeper.flights.land(flight, Landing(outcome))

    def _refuse(self, error: ServiceError) -> None:
        self._land_waiting(Landing(error))

    def _land_waiting(self, landing: Landing) -> None:
        """End the flights of this call that the backend has not been asked for."""
        for flight in self._own:
            if not flight.has_begun:
                self._keeper.flights.land(flight, landing)
