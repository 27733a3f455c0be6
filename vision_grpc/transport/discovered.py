"""A service whose address is asked for: found at the first call, and again when it has moved."""

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

from google.protobuf.message import Message

from vision_grpc.api.api import Reply, RequestTemplate
from vision_grpc.errors import DeadlineError, MachineError, PathError, VisionError
from vision_grpc.network.attempt import not_started
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.results import Answer
from vision_grpc.threads import start_thread
from vision_grpc.transport import BatchCall, Call, OnDone, Transport
from vision_grpc.transport.deferred_call import DeferredCall

_T = TypeVar("_T")


class Directory(Protocol):
    """Who knows where services are: `vision_grpc.cloud.discovery.ApiEndpoints`."""

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the directory itself."""
        ...

    def address(self, service_id: str, *, timeout_s: float) -> str:
        """Return where a service answers, as `host:port`."""
        ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """The Vision service, wherever a directory says that it is."""

    directory: Directory
    insecure: bool
    """Whether it is called without TLS."""

    service_id: str
    """What the directory calls it."""

    def find(self, deadline: Deadline) -> Endpoint:
        """Return where the service is.

        Raises:
            TransportError: the directory did not say.
            MachineError: this machine lacks what it takes to ask.
        """
        try:
            return self._endpoint(self.directory.address(self.service_id, timeout_s=deadline.left_s))
        except MachineError:
            raise  # It says nothing about the endpoint service.
        except VisionError as error:
            self._fail(error)

    def _endpoint(self, address: str) -> Endpoint:
        return Endpoint.parse(address, insecure=self.insecure)

    def _fail(self, error: VisionError) -> NoReturn:
        message = (
            f"the endpoint service at {self.directory.endpoint.target} did not say where Vision is: {error.problem}"
        )
        if isinstance(error, DeadlineError):
            raise DeadlineError(message, advice=error.advice) from error
        lasting = error.lasting if isinstance(error, PathError) else not error.code.retryable
        raise PathError(message, lasting=lasting, advice=error.advice) from error


class _Connections:
    """Connections to wherever the service was found; one that it moved away from is kept for the calls under way."""

    def __init__(self, lookup: Lookup, open_at: Callable[[Endpoint], Transport]) -> None:
        self._lookup = lookup
        self._open_at = open_at
        self._opened: dict[Endpoint, Transport] = {}
        self._latest: Transport | None = None
        # Reentrant: garbage collection and signal handlers, which may close clients, run in any thread.
        self._opening = threading.RLock()
        self._closed = False

    def known(self) -> Transport | None:
        """Return the connection to where the service is, None where it was never found. Does not wait."""
        if self._latest is None:
            return None
        try:
            endpoint = self._lookup.find(Deadline.after(0.0))
        except VisionError:
            # Whatever the directory says by now, the service was there.
            return self._latest
        return self.at(endpoint)

    def at(self, endpoint: Endpoint) -> Transport:
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

    @property
    def is_closed(self) -> bool:
        """Whether no more connections are opened."""
        return self._closed

    def close(self) -> Sequence[Transport]:
        """Open no more, and return what is to be closed."""
        with self._opening:
            self._closed = True
            return [*self._opened.values()]


class DiscoveringTransport:
    """Finds the service without blocking: calls before that wait, each in a thread, and start when it is found.

    They start on the `loop`, where the transports belong to one.

    The directory is asked for each call. That costs nothing: it asks its service about once an hour.
    """

    def __init__(
        self, lookup: Lookup, open_at: Callable[[Endpoint], Transport], *, loop: AbstractEventLoop | None = None
    ) -> None:
        self._lookup = lookup
        self._connections = _Connections(lookup, open_at)
        self._loop = loop
        self._waiting: set[DeferredCall[Any]] = set()

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,
        deadline: Deadline,
        on_done: OnDone,
    ) -> BatchCall:
        """Send a batch; see `Transport`."""
        if (known := self._connections.known()) is not None:
            return known.start(contents, template, authorization, deadline, on_done)
        call = DeferredCall[Answer](on_done, contents)
        self._find(call, deadline, lambda found, done: found.start(contents, template, authorization, deadline, done))
        return call

    def send(self, request: Message, authorization: str | None, deadline: Deadline, on_done: OnDone) -> Call[Reply]:
        """Send a request as it is; see `Transport`."""
        if (known := self._connections.known()) is not None:
            return known.send(request, authorization, deadline, on_done)
        call = DeferredCall[Reply](on_done)
        self._find(call, deadline, lambda found, done: found.send(request, authorization, deadline, done))
        return call

    def close(self) -> None:
        """Close the connection, if there is one; calls that wait for the address fail."""
        for transport in self._end():
            transport.close()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        for transport in self._end():
            await transport.aclose()

    def _end(self) -> Sequence[Transport]:
        """Let no more calls start; return what is to be closed."""
        transports = self._connections.close()
        for call in self._waiting.copy():
            call.fail(not_started(self._lookup.directory.endpoint))
        return transports

    def _find(self, call: DeferredCall[_T], deadline: Deadline, start: Callable[[Transport, OnDone], Call[_T]]) -> None:
        """Start a call as soon as the service is found."""

        def begin(endpoint: Endpoint) -> None:
            try:
                call.begin(partial(start, self._connections.at(endpoint)))
            except Exception as error:  # noqa: BLE001 - raised again by the call's `answer`
                call.fail(error)

        def work() -> None:
            try:
                endpoint = self._lookup.find(deadline)
                if self._loop is None:
                    begin(endpoint)
                else:
                    self._loop.call_soon_threadsafe(begin, endpoint)
            except Exception as error:  # noqa: BLE001 - raised again by the call's `answer`
                call.fail(error)
            finally:
                self._waiting.discard(call)

        self._waiting.add(call)
        if self._connections.is_closed:
            self._waiting.discard(call)
            call.fail(not_started(self._lookup.directory.endpoint))
            return
        try:
            start_thread(work, "vision-grpc-discovery")
        except MachineError as error:
            self._waiting.discard(call)
            call.fail(error)
