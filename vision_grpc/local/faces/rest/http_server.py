"""What all HTTP/1.1 connections of a service share: the application, the limits, and the end."""

import asyncio
from collections.abc import Coroutine
from typing import NamedTuple, Self

from starlette.types import ASGIApp

from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.faces.rest.connection import HttpConnection


class HttpTimes(NamedTuple):
    """How long each step of a connection may take, in seconds."""

    head_s: float
    """From the first byte of a head to its last, and from the connection to its first byte."""
    body_pause_s: float
    """Between two bytes of a body."""
    body_s: float
    """The whole body."""
    idle_s: float = 75.0
    """Between two requests. Longer than clients keep idle connections: a server that closes one first may lose a
    request that was just sent."""
    stall_s: float = 30.0
    """Between two bytes of a response that the client takes."""
    drain_s: float = 30.0
    """For the rest of a body whose request has been answered already."""
    farewell_s: float = 5.0
    """For the rest of a response once the connection is closed."""
    last_answer_s: float = 60.0
    """For an answer whose client sends nothing more, as it has said by `Connection: close`."""
    unsure_s: float = 1.0
    """For an answer whose client sends nothing more and has not said so: most such clients have gone."""
    cut_s: float = 0.5
    """For all responses once the service cuts its calls short."""

    @classmethod
    def of(cls, config: ServiceConfig) -> Self:
        """Return the times of a configuration."""
        return cls(config.head_s, config.body_pause_s, config.body_s)


class HttpServer:
    """Makes the protocols of accepted connections. It belongs to one event loop, and does not listen itself."""

    def __init__(self, application: ASGIApp, *, budget: BodyBudget, times: HttpTimes) -> None:
        self.application = application
        self.budget = budget
        self.times = times
        self.is_stopping = False
        self._connections: set[HttpConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._ended.set()

    def protocol(self) -> HttpConnection:
        """Return the protocol of one more connection."""
        return HttpConnection(self)

    def stop(self) -> None:
        """Close idle connections now and the others with their answers, which then say `Connection: close`.

        Connections that are made later get one answer each.
        """
        self.is_stopping = True
        for connection in list(self._connections):
            connection.finish()

    def cut_short(self) -> None:
        """Cancel the requests under way, which the application answers with UNAVAILABLE, and wait for no others."""
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections):
            connection.finish()
        asyncio.get_running_loop().call_later(self.times.cut_s, self._abort)

    async def wait_closed(self) -> None:
        """Wait until no connection and no request is left."""
        await self._ended.wait()

    def add(self, connection: HttpConnection) -> None:
        """Take note of a connection that was made."""
        self._connections.add(connection)
        self._ended.clear()

    def remove(self, connection: HttpConnection) -> None:
        """Take note of a connection that is gone."""
        self._connections.discard(connection)
        self._check_ended()

    def run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Return the task that answers a request."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        self._ended.clear()
        task.add_done_callback(self._done)
        return task

    def _abort(self) -> None:
        for connection in list(self._connections):
            connection.transport.abort()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._check_ended()

    def _check_ended(self) -> None:
        if not self._connections and not self._tasks:
            self._ended.set()
