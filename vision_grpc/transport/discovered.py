"""A service whose address is asked for: transports that find it at the first call, and again when it moved."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

from vision_grpc.codec.request import Ask
from vision_grpc.errors import DeadlineError, PathError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.network.attempt import not_started
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.results import Answer
from vision_grpc.transport import AsyncCall, AsyncTransport, Call, Transport
from vision_grpc.transport.ended_call import EndedCall
from vision_grpc.transport.task_call import TaskCall

_SERVICE_ID = "ai-vision"
_T = TypeVar("_T")


class Directory(Protocol):
    """Who knows where services are: `vision_grpc.cloud.discovery.ApiEndpoints`."""

    @property
    def place(self) -> Endpoint:
        """Where it is asked."""
        ...

    def address(self, service_id: str, *, timeout_s: float) -> str:
        """Return where a service answers, as `host:port`."""
        ...

    async def address_async(self, service_id: str, *, timeout_s: float) -> str:
        """Return what `address` does, without blocking the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """The Vision service, wherever a directory says that it is."""

    directory: Directory
    insecure: bool
    """Whether it is called without TLS."""

    def find(self, timeout_s: float) -> Endpoint:
        """Return where the service is.

        Raises:
            TransportError: the directory did not say.
        """
        try:
            return self._endpoint(self.directory.address(_SERVICE_ID, timeout_s=timeout_s))
        except VisionError as error:
            self._fail(error)

    async def find_async(self, timeout_s: float) -> Endpoint:
        """Return what `find` does, without blocking the event loop."""
        try:
            return self._endpoint(await self.directory.address_async(_SERVICE_ID, timeout_s=timeout_s))
        except VisionError as error:
            self._fail(error)

    def _endpoint(self, address: str) -> Endpoint:
        return Endpoint.parse(address, insecure=self.insecure)

    def _fail(self, error: VisionError) -> NoReturn:
        message = f"the endpoint service at {self.directory.place.target} did not tell where Vision is: {error}"
        if isinstance(error, DeadlineError):
            raise DeadlineError(message) from error
        lasting = error.lasting if isinstance(error, PathError) else not error.code.retryable
        raise PathError(message, lasting=lasting) from error


class _Connections(Generic[_T]):
    """Connections to wherever the service was found; one that it moved away from is kept for the calls under way."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], _T]) -> None:
        self._lookup = lookup
        self._open_at = open_at
        self._opened: dict[Endpoint, _T] = {}
        self._latest: _T | None = None
        # Reentrant: garbage collection and signal handlers, which may close clients, run in any thread.
        self._opening = threading.RLock()
        self._closed = False

    def known(self) -> _T | None:
        """Return the connection to where the service is, None where it was never found. Does not wait."""
        if self._latest is None:
            return None
        try:
            endpoint = self._lookup.find(0.0)
        except VisionError:
            # Whatever the directory says by now, the service was there.
            return self._latest
        return self.at(endpoint)

    def at(self, endpoint: Endpoint) -> _T:
        """Return the connection to a place, opened if need be.

        Raises:
            TransportError: the client was closed meanwhile.
        """
        with self._opening:
            if endpoint not in self._opened and not self._closed:
                self._opened[endpoint] = self._open_at(endpoint)
            # A signal handler may have closed meanwhile: what was opened never connects, as it gets no call.
            if self._closed:
                raise not_started(endpoint)
            self._latest = self._opened[endpoint]
            return self._latest

    def close(self) -> Sequence[_T]:
        """Open no more, and return what is to be closed."""
        with self._opening:
            self._closed = True
            return [*self._opened.values()]


class DiscoveringTransport:
    """For threads. The directory is asked for each call, and knows: it asks its service about hourly."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], Transport]) -> None:
        self._lookup = lookup
        self._connections = _Connections(lookup, open_at)

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> Call:
        """Send a batch; see `Transport`. The first waits here until the service is found."""
        deadline = time.monotonic() + timeout_s
        try:
            transport = self._find(timeout_s)
        except VisionError as error:
            on_done()
            return EndedCall(contents, error)
        left_s = max(0.0, deadline - time.monotonic())
        return transport.start(contents, ask, authorization, timeout_s=left_s, on_done=on_done)

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `Transport`."""
        deadline = time.monotonic() + timeout_s
        transport = self._find(timeout_s)
        return transport.call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Close the connection, if there is one."""
        for transport in self._connections.close():
            transport.close()

    def _find(self, timeout_s: float) -> Transport:
        known = self._connections.known()
        return self._connections.at(self._lookup.find(timeout_s)) if known is None else known


class AsyncDiscoveringTransport:
    """For an event loop; as `DiscoveringTransport`, but that nothing waits for the first call to be started."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], AsyncTransport]) -> None:
        self._lookup = lookup
        self._connections = _Connections(lookup, open_at)
        self._early: set[asyncio.Task[Answer]] = set()

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> AsyncCall:
        """Send a batch; see `AsyncTransport`."""
        if (known := self._connections.known()) is not None:
            return known.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
        deadline = time.monotonic() + timeout_s

        async def exchange() -> Answer:
            transport = await self._find(timeout_s)
            left_s = max(0.0, deadline - time.monotonic())
            call = transport.start(contents, ask, authorization, timeout_s=left_s, on_done=_nothing)
            try:
                return await call.answer()
            except asyncio.CancelledError:
                call.cancel()
                raise

        task = asyncio.create_task(exchange())
        self._early.add(task)
        task.add_done_callback(self._early.discard)
        task.add_done_callback(lambda _: on_done())
        return TaskCall(contents, task)

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is; see `AsyncTransport`."""
        deadline = time.monotonic() + timeout_s
        transport = await self._find(timeout_s)
        return await transport.call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    async def aclose(self) -> None:
        """Close the connection, if there is one; calls that wait for the address fail."""
        for task in self._early:
            task.cancel()
        for transport in self._connections.close():
            await transport.aclose()

    async def _find(self, timeout_s: float) -> AsyncTransport:
        known = self._connections.known()
        return self._connections.at(await self._lookup.find_async(timeout_s)) if known is None else known


def _nothing() -> None:
    pass
