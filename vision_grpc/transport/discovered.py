"""A service whose address is asked for at the first call: transports that find it before they connect."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from vision_grpc.core.requests import Ask
from vision_grpc.errors import DeadlineError, PathError, VisionError
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer
from vision_grpc.transport import AsyncCall, AsyncTransport, Call, Transport
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.task_call import TaskCall

_SERVICE_ID = "ai-vision"


class Directory(Protocol):
    """Who knows where services are: `vision_grpc.discovery.ApiEndpoints`."""

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


class DiscoveringTransport:
    """For threads. Nothing is asked again once the service was found."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], Transport]) -> None:
        self._lookup = lookup
        self._open_at = open_at
        self._found: Transport | None = None
        self._opening = threading.Lock()

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
            return _FailedCall(contents, error)
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
        if self._found is not None:
            self._found.close()

    def _find(self, timeout_s: float) -> Transport:
        if self._found is None:
            endpoint = self._lookup.find(timeout_s)
            with self._opening:
                if self._found is None:
                    self._found = self._open_at(endpoint)
        return self._found


class AsyncDiscoveringTransport:
    """For an event loop; as `DiscoveringTransport`, but that nothing waits for the first call to be started."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], AsyncTransport]) -> None:
        self._lookup = lookup
        self._open_at = open_at
        self._found: AsyncTransport | None = None
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
        if self._found is not None:
            return self._found.start(contents, ask, authorization, timeout_s=timeout_s, on_done=on_done)
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
        if self._found is not None:
            await self._found.aclose()

    async def _find(self, timeout_s: float) -> AsyncTransport:
        if self._found is None:
            endpoint = await self._lookup.find_async(timeout_s)
            if self._found is None:  # Another call may have been faster.
                self._found = self._open_at(endpoint)
        return self._found


class _FailedCall:
    def __init__(self, contents: Sequence[bytes], error: VisionError) -> None:
        self._contents = contents
        self._error = error

    def answer(self) -> Answer:
        raise self._error

    def contents(self) -> Sequence[bytes]:
        return self._contents

    def cancel(self) -> None:
        pass


def _nothing() -> None:
    pass
