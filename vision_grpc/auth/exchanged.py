"""Credentials whose token is exchanged for something else, cached and replaced in time."""

import asyncio
import logging
import os
import random
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Generator
from concurrent.futures import Future, wait
from typing import NamedTuple

from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S, Secretive
from vision_grpc.auth.refresh import Fail, Join, Pause, Refresh, Serve
from vision_grpc.auth.token import Token, clock
from vision_grpc.errors import AuthError

_LOG = logging.getLogger("vision_grpc.auth")
# One exchange: gRPC and REST together.
_EXCHANGE_S = 10.0


class _Rest(NamedTuple):
    """What a caller has to do before it can go on: wait for an exchange, or for the time alone."""

    exchange: Future[BaseException | None] | None
    seconds: float


class ExchangedCredentials(Secretive, ABC):
    """A cached token, exchanged in a thread of its own, so that neither threads nor event loops wait while one lives.

    The thread is what lets callers in any threads and any event loops share one exchange, which
    goes on when the caller that started it gives up.
    """

    def __init__(self) -> None:
        self._refresh = Refresh(random.Random())  # noqa: S311 - spreads refreshes
        self._lock = threading.Lock()
        self._exchange_under_way: Future[BaseException | None] = Future()
        _ALL.add(self)

    def authorization(self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """Return `Bearer <token>`; blocks only while there is no token that can be used.

        Raises:
            AuthError: there is none within the time-out; says what was tried.
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
                wait([rest.exchange], rest.seconds)

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
                await _arrival(rest.exchange, rest.seconds)

    def forked(self) -> None:
        """Let go of what stayed in the parent process: its threads, and a lock that one may have held."""
        self._lock = threading.Lock()
        self._refresh.forked()

    @property
    @abstractmethod
    def _origin(self) -> str:
        """Where the tokens come from, for people."""

    @abstractmethod
    def _exchange(self, timeout_s: float) -> Token:
        """Return a new token.

        Raises:
            AuthError: there is none; `TransientAuthError` where there may be one later.
        """

    def _flow(self, timeout_s: float, *, refused: str | None) -> Generator[_Rest, None, str]:
        """Yield what to wait for, return the authorization."""
        deadline = clock() + timeout_s
        last = AuthError(f"no token from {self._origin} within {timeout_s:g} s: it has not answered yet")
        while True:
            now = clock()
            with self._lock:
                step = self._refresh.ask(now, refused=refused)
                if isinstance(step, Serve | Join) and step.start:
                    self._start()
                exchange = self._exchange_under_way
            if isinstance(step, Serve):
                return step.authorization
            if isinstance(step, Fail | Pause):
                last = step.error
            if isinstance(step, Fail) or now >= deadline or (isinstance(step, Pause) and step.until >= deadline):
                # A copy: each caller's traceback and notes are its own.
                raise AuthError(str(last)) from last.__cause__
            if isinstance(step, Pause):
                yield _Rest(None, step.until - now)
                continue
            yield _Rest(exchange, deadline - now)
            if exchange.done() and (bug := exchange.result()) is not None:
                raise bug

    def _start(self) -> None:
        exchange: Future[BaseException | None] = Future()
        # From now on nobody can cancel it: an impatient caller leaves the others their token.
        exchange.set_running_or_notify_cancel()
        self._exchange_under_way = exchange
        thread = threading.Thread(target=self._run, args=(exchange,), name="vision-grpc-token", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # The system has no thread left, or the interpreter shuts down.
            self._refresh.failed(AuthError(f"no thread could be started to get a token: {error}"), clock())
            exchange.set_result(None)

    def _run(self, exchange: Future[BaseException | None]) -> None:
        bug: BaseException | None = None
        try:
            token = self._exchange(_EXCHANGE_S)
        except AuthError as error:
            with self._lock:
                is_urgent = self._refresh.held is None
                self._refresh.failed(error, clock())
            if not is_urgent:
                _LOG.warning("the token could not be refreshed, going on with the old one: %s", error)
        except BaseException as error:
            bug = error
            with self._lock:
                self._refresh.failed(AuthError(f"getting a token failed: {type(error).__name__}"), clock())
            raise
        else:
            with self._lock:
                self._refresh.succeeded(token, clock())
            _LOG.debug("got a token from %s, good for %.0f s", self._origin, token.lifetime_s)
        finally:
            exchange.set_result(bug)


async def _arrival(exchange: Future[BaseException | None], timeout_s: float) -> None:
    arrival = asyncio.wrap_future(exchange)
    try:
        await asyncio.wait([arrival], timeout=timeout_s)
    finally:
        # Else it would be told of an arrival on an event loop that may be closed by then.
        arrival.cancel()


_ALL: "weakref.WeakSet[ExchangedCredentials]" = weakref.WeakSet()


def _mend_after_fork() -> None:
    for credentials in _ALL:
        credentials.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mend_after_fork)
