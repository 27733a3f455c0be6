"""What is known about an image before it is: a flight for each one that is looked up or read now."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from vision_grpc.errors import RequestTooLargeError, ServiceError
from vision_grpc.gateway.plan import Outcome, Wish
from vision_grpc.session.stop import Stop

_DEFAULT_MODEL = "page"


class Landing(NamedTuple):
    """How a flight ended: with an outcome, with a bug, or with None where the backend was not asked."""

    outcome: Outcome | Exception | None
    is_from_tape: bool = False

    @property
    def is_for_all(self) -> bool:
        """Whether it holds for all who ask the same: an answer, or an error that another attempt would bring again."""
        if isinstance(self.outcome, ServiceError):
            return isinstance(self.outcome, RequestTooLargeError) or not self.outcome.code.retryable
        return self.outcome is not None


class Flight:
    """An image that is looked up or read, and those who wait for it."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.stop = Stop()
        """Asked when nobody waits any longer: then nothing more is sent, and what is under way goes on."""
        self.has_begun = False
        """Whether its turn at the backend has come."""
        self._waiting = 0
        self._landing: asyncio.Future[Landing] = asyncio.get_running_loop().create_future()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._landing.done()

    def join(self, landed: Callable[[Landing], None]) -> None:
        """Have a function called with the end."""
        self._waiting += 1
        self._landing.add_done_callback(partial(_tell, landed))

    def leave(self) -> None:
        """Wait no longer."""
        self._waiting -= 1
        if not self._waiting:
            self.stop.ask()

    def land(self, landing: Landing) -> None:
        """End, unless it has ended."""
        if not self.is_over:
            self._landing.set_result(landing)

    async def wait(self) -> None:
        """Wait for the end."""
        await asyncio.wait([self._landing])


class Flights:
    """Those of all callers, by what is asked about an image."""

    def __init__(self) -> None:
        self._flights: dict[Wish, Flight] = {}

    def find(self, wish: Wish) -> Flight | None:
        """Return the flight that others have begun for a wish, None if there is not any."""
        return self._flights.get(_key(wish))

    def begin(self, wish: Wish) -> Flight:
        """Return a new flight for a wish."""
        flight = self._flights[_key(wish)] = Flight(wish)
        return flight

    def land(self, flight: Flight, landing: Landing) -> None:
        """End a flight: who asks from now on begins another one."""
        if not flight.is_over:
            del self._flights[_key(flight.wish)]
            flight.land(landing)

    def stop(self) -> None:
        """Let nothing more be sent."""
        for flight in self._flights.values():
            flight.stop.ask()


def _key(wish: Wish) -> Wish:
    return wish._replace(model=wish.model or _DEFAULT_MODEL)


def _tell(landed: Callable[[Landing], None], landing: "asyncio.Future[Landing]") -> None:
    if not landing.cancelled():
        landed(landing.result())
