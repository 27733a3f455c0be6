"""A ledger on an event loop: those who reserve wait until it is their turn."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from vision_grpc.errors import Code, InvalidRequestError, ServiceError, Violation
from vision_grpc.quota.ledger import FullError, Ledger, Reservation
from vision_grpc.quota.usage import Usage
from vision_grpc.texts.arguments import check_number

HOLD_S = 10.0
"""A client gets an answer within this time, if need be an empty one. Proxies end calls that last longer, after 15 s."""

# A process that was frozen, or its machine, is so late: clients may have gone on without it meanwhile.
_FROZEN_S = 1.0

_MOST_NAME = 100
_MOST = 1000


class Permits(NamedTuple):
    """The answer to a reservation."""

    waits_s: Sequence[float]
    """A request may leave so many seconds after the answer was given. Empty: it is not the client's turn, ask again."""

    held_s: float
    """How long the answer was held back. The rest of the time that it took is that of the network."""

    requests_per_s: float | None
    """What the client may have at the moment: requests a second; None if they are not limited."""

    images_per_s: float | None
    """Likewise images."""

    images: int = 0
    """So many images may each of these requests have: as many as were asked for, or the quota of a second."""


class Desk:
    """Hands out permits for requests. All calls come from one event loop.

    Raises:
        TypeError: a quota is not a number.
        ValueError: a quota is not above 0, or there is none.
    """

    def __init__(
        self,
        requests_per_s: float | None = None,
        images_per_s: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if requests_per_s is None and images_per_s is None:
            message = "a quota is requests_per_s, images_per_s or both"
            raise ValueError(message)
        for name, value in (("requests_per_s", requests_per_s), ("images_per_s", images_per_s)):
            if value is not None:
                check_number(name, value)
        self._clock = clock
        self._ledger = Ledger(requests_per_s, images_per_s, clock())
        self._turns: dict[Reservation, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due_at: float | None = None
        self._is_closed = False

    async def reserve(self, client: str, requests: int, images: int) -> Permits:
        """Return when up to so many requests of up to so many images each may leave, as soon as it is their turn.

        With 0 requests it returns at once and says what the client may have. A call that is cancelled costs nothing.

        Raises:
            InvalidRequestError: a number or the name is out of range.
            ServiceError: RESOURCE_EXHAUSTED, too many wait already; UNAVAILABLE, the desk is closed.
        """
        _check(client, requests, images)
        asked_at = self._clock()
        if self._is_closed:
            raise _closed()
        if requests == 0:
            return Permits((), 0.0, *self._ledger.share(asked_at))
        try:
            reservation = self._ledger.reserve(client, requests, images, asked_at)
        except FullError as error:
            raise ServiceError(Code.RESOURCE_EXHAUSTED, str(error)) from None
        turn = self._turns[reservation] = asyncio.get_running_loop().create_future()
        try:
            self._grant()
            with suppress(TimeoutError):
                async with asyncio.timeout(HOLD_S):
                    await turn
        finally:
            del self._turns[reservation]
            self._ledger.cancel(reservation)
            self._set_timer()
        now = self._clock()
        waits_s = [max(0.0, at - now) for at in reservation.times]
        return Permits(waits_s, now - asked_at, *self._ledger.share(now), reservation.images)

    def usage(self) -> Usage:
        """Return who takes what."""
        return self._ledger.usage(self._clock())

    def close(self) -> None:
        """Let those who wait go on without: their calls raise, as later ones do."""
        self._is_closed = True
        for turn in self._turns.values():
            if not turn.done():
                turn.set_exception(_closed())

    def _grant(self) -> None:
        now = self._clock()
        if self._due_at is not None and now > self._due_at + _FROZEN_S:
            self._ledger.settle(now)
        for reservation in self._ledger.grant(now):
            turn = self._turns[reservation]
            if not turn.done():
                turn.set_result(None)
        self._set_timer()

    def _set_timer(self) -> None:
        """Come back when the next one has its turn."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._clock()
        self._due_at = at = self._ledger.next_grant_at(now)
        if at is not None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(at - now, self._grant)


def _check(client: str, requests: int, images: int) -> None:
    violations: list[Violation] = []
    if not 1 <= len(client) <= _MOST_NAME or not client.isprintable():
        violations.append(Violation("client", f"must be a name of 1 to {_MOST_NAME} printable characters"))
    if not 0 <= requests <= _MOST:
        violations.append(Violation("requests", f"is {requests}, must be 0 to {_MOST}"))
    if not 1 <= images <= _MOST and requests:
        violations.append(Violation("images", f"is {images}, must be 1 to {_MOST}"))
    if violations:
        raise InvalidRequestError(violations)


def _closed() -> ServiceError:
    return ServiceError(Code.UNAVAILABLE, "the quota service is stopping")
