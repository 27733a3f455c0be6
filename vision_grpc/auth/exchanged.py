"""Credentials whose token is exchanged for something else, cached and replaced in time."""

import asyncio
import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from functools import partial
from typing import NamedTuple

from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Secretive
from vision_grpc.auth.refresh import Fail, Join, Pause, Refresh, Serve, TransientAuthError
from vision_grpc.auth.token import Token, clock
from vision_grpc.cloud.single_flight import Flight, SingleFlight
from vision_grpc.errors import Advice, AuthError, MachineError
from vision_grpc.network.deadline import Deadline

_LOG = logging.getLogger("vision_grpc.auth")
# One exchange: gRPC and REST together.
_EXCHANGE_S = 10.0


class _Rest(NamedTuple):
    """What a caller has to do before it can go on: wait for an exchange, or for the time alone."""

    exchange: Flight[None] | None
    seconds: float


class ExchangedCredentials(Secretive, ABC):
    """A cached token, exchanged in a thread of its own, so that nobody waits while one lives."""

    def __init__(self) -> None:
        self._refresh = Refresh(random.Random())  # noqa: S311 - spreads refreshes
        self._flights: SingleFlight[None] = SingleFlight("vision-grpc-token", clock)
        # Exchanges by number: one that hung, so that another took its place, may end yet.
        self._latest = self._taken = 0

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return `Bearer <token>`; blocks only while there is no token that can be used.

        Raises:
            AuthError: no token came within the time-out; says what was tried.
        """
        held = self._refresh.held
        if held is not None and held.authorization != refused and clock() < held.refresh_at:
            return held.authorization
        flow = self._flow(timeout_s, refused=refused)
        while True:
            try:
                rest = next(flow)
            except StopIteration as end:
                return str(end.value)
            if rest.exchange is None:
                time.sleep(rest.seconds)
            else:
                rest.exchange.wait(rest.seconds)

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return what `authorization` does; awaits where that blocks."""
        held = self._refresh.held
        if held is not None and held.authorization != refused and clock() < held.refresh_at:
            return held.authorization
        flow = self._flow(timeout_s, refused=refused)
        while True:
            try:
                rest = next(flow)
            except StopIteration as end:
                return str(end.value)
            if rest.exchange is None:
                await asyncio.sleep(rest.seconds)
            else:
                await rest.exchange.wait_async(rest.seconds)

    @property
    @abstractmethod
    def _origin(self) -> str:
        """Where the tokens come from, for people."""

    @abstractmethod
    def _exchange(self, deadline: Deadline) -> Token:
        """Return a new token.

        Raises:
            AuthError: no token could be obtained; `TransientAuthError` where a later try may get one.
        """

    def _flow(self, timeout_s: float, *, refused: str | None) -> Generator[_Rest, None, str]:
        """Yield what to wait for, return the authorization."""
        deadline = clock() + timeout_s
        last = AuthError(
            f"no token from {self._origin} within {round(timeout_s, 2):g} s: it has not answered yet",
            advice=[Advice("check the network, the proxy and the firewall"), Advice("allow the call more time")],
        )
        while True:
            now = clock()
            with self._flights.lock:
                exchange = self._flights.under_way
                step = self._refresh.ask(now, refused=refused, exchanging=exchange is not None)
                if isinstance(step, Serve | Join) and step.start:
                    exchange = self._start()
                left_s = min(deadline - now, self._flights.left_s)
            if isinstance(step, Serve):
                return step.authorization
            if isinstance(step, Fail | Pause):
                last = step.error
            if isinstance(step, Fail) or now >= deadline or (isinstance(step, Pause) and step.until >= deadline):
                # A copy: each caller's traceback and notes are its own.
                raise AuthError(last.problem, advice=last.advice) from last.__cause__
            if isinstance(step, Pause):
                yield _Rest(None, step.until - now)
            elif exchange is not None:
                yield _Rest(exchange, max(0.0, left_s))
                if exchange.done:
                    exchange.result()  # Raises what is a bug.

    def _start(self) -> Flight[None] | None:
        self._latest += 1
        try:
            return self._flights.start(partial(self._run, self._latest))
        except MachineError as error:
            problem = f"no token can be asked for: {error.problem}"
            self._refresh.failed(TransientAuthError(problem, advice=error.advice), clock())
            return None

    def _run(self, number: int) -> None:
        try:
            token = self._exchange(Deadline.after(_EXCHANGE_S))
        except AuthError as error:
            with self._flights.lock:
                is_urgent = self._refresh.held is None
                self._failed(error, number)
            if not is_urgent:
                _LOG.warning("the token could not be refreshed, going on with the old one: %s", error)
        except BaseException as error:
            with self._flights.lock:
                self._failed(AuthError(f"getting a token failed: {type(error).__name__}"), number)
            raise
        else:
            with self._flights.lock:
                if number > self._taken:
                    self._taken = number
                    self._refresh.succeeded(token, clock())
            _LOG.debug("got a token from %s, good for %.0f s", self._origin, token.lifetime_s)

    def _failed(self, error: AuthError, number: int) -> None:
        if number == self._latest:
            self._refresh.failed(error, clock())
