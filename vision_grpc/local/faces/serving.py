"""Both faces on their sockets, from start to close."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from vision_grpc.local.faces.first_bytes import Makers
from vision_grpc.local.faces.front import Front, Listener
from vision_grpc.local.faces.grpc.face import GrpcFace
from vision_grpc.local.faces.loop_thread import LoopThread
from vision_grpc.local.faces.rest import HttpServer

# Clients keep one connection or a few; the descriptors of a process are often limited to 1024.
_MOST_CONNECTIONS = 800
# How long after the grace period the failed calls may take to deliver their status.
_FAREWELL_S = 0.5


class Faces:
    """Serves from its creation until `close`, on an event loop of its own. Each socket takes both protocols.

    Raises:
        LocalServiceError, MachineError: the system has no descriptor or thread left.
    """

    def __init__(self, listeners: Iterable[Listener], grpc: GrpcFace, http: HttpServer) -> None:
        self._grpc = grpc
        self._http = http
        makers = Makers(http1=http.protocol, http2=grpc.protocol, look=grpc.look)
        self._front = Front(listeners, makers, most=_MOST_CONNECTIONS)
        self._loop = LoopThread()
        try:
            self._loop.call(self._front.start)
        except BaseException:
            self._loop.stop()
            raise

    def close(
        self,
        *,
        grace_s: float,
        give_up: Callable[[], object],
        began: Callable[[], object] = lambda: None,
        last: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """Accept no more calls, let those in flight end, and stop.

        `began` is called first, on the loop: it ends answers that would go on as long as the service does. When all
        have ended, or after `grace_s` seconds, `give_up` is called. It ends calls with UNAVAILABLE. `last` is what
        runs on the loop after that.
        """
        have_ended = self._loop.run(self._drain(grace_s, began))
        give_up()
        if not have_ended:
            self._loop.run(self._cut_short())
        if last is not None:
            self._loop.run(last())
        self._loop.stop()

    async def _drain(self, grace_s: float, began: Callable[[], object]) -> bool:
        began()
        self._front.stop()
        self._grpc.stop()
        self._http.stop()
        return await _within(grace_s, self._wait_closed())

    async def _cut_short(self) -> None:
        self._grpc.cut_short()
        self._http.cut_short()
        if not await _within(_FAREWELL_S, self._wait_closed()):
            self._front.abort()

    async def _wait_closed(self) -> None:
        await self._grpc.wait_closed()
        await self._http.wait_closed()


async def _within(seconds: float, work: Awaitable[object]) -> bool:
    """Return whether the work ends within some seconds."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        return False
    return True
