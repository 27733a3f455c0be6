"""gRPC first, REST where it does not get through: two transports that look like one."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from google.protobuf.message import Message

from vision_grpc.api.api import Reply, RequestTemplate
from vision_grpc.errors import (
    DeadlineError,
    MachineError,
    PathError,
    ProtocolError,
    ReroutedError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.network.deadline import Deadline
from vision_grpc.results import Answer
from vision_grpc.transport import BatchCall, Call, OnDone, Transport
from vision_grpc.transport.protocol_choice import ProtocolChoice

_T = TypeVar("_T")
Clock = Callable[[], float]


class FallbackTransport:
    """A call that gRPC could not carry fails with `ReroutedError`: sent again, it goes over REST."""

    def __init__(self, grpc: Transport, open_rest: Callable[[], Transport], *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._choice = ProtocolChoice()
        self._grpc = grpc
        self._open_rest = open_rest
        self._rest: Transport | None = None
        self._closed = False
        # Reentrant: garbage collection and signal handlers, which may close clients, run in any thread.
        self._opening = threading.RLock()

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,
        deadline: Deadline,
        on_done: OnDone,
    ) -> "_BatchCall":
        """Send a batch; see `Transport`."""
        transport, reason = self._choose()
        call = transport.start(contents, template, authorization, deadline, on_done)
        return _BatchCall(call, self._choice, reason, self._clock)

    def send(self, request: Message, authorization: str | None, deadline: Deadline, on_done: OnDone) -> "_Call[Reply]":
        """Send a request as it is; see `Transport`."""
        transport, reason = self._choose()
        return _Call(transport.send(request, authorization, deadline, on_done), self._choice, reason, self._clock)

    def close(self) -> None:
        """Close both."""
        for transport in self._end():
            transport.close()

    async def aclose(self) -> None:
        """Close both."""
        for transport in self._end():
            await transport.aclose()

    def _end(self) -> list[Transport]:
        """Open no more; return what is to be closed."""
        with self._opening:
            self._closed = True
            return [self._grpc] if self._rest is None else [self._grpc, self._rest]

    def _choose(self) -> tuple[Transport, str | None]:
        reason = self._choice.fallback_reason(self._clock())
        if reason is None:
            return self._grpc, None
        with self._opening:
            if self._closed and self._rest is None:
                return self._grpc, None  # It refuses the call.
            if self._rest is None:
                self._rest = self._open_rest()
            return self._rest, reason


class _Call(Generic[_T]):
    """A call over either protocol, whose end says which one the next calls take."""

    def __init__(self, call: Call[_T], choice: ProtocolChoice, reason: str | None, clock: Clock) -> None:
        self._call = call
        self._choice = choice
        self._reason = reason
        self._clock = clock
        self.cancel: Callable[[], None] = call.cancel

    def answer(self) -> _T:
        """Return the answer; see `Call`.

        Raises:
            ReroutedError: gRPC did not get through.
        """
        try:
            answer = self._call.answer()
        except VisionError as error:
            error.fallback_reason = self._reason
            (self._grpc_failed if self._reason is None else self._rest_failed)(error)
            raise
        if self._reason is None:
            self._choice.grpc_worked()
        else:
            self._choice.rest_worked()
        return answer

    def _grpc_failed(self, error: VisionError) -> None:
        if isinstance(error, PathError):
            self._choice.grpc_failed(error, self._clock())
            raise ReroutedError(error.problem, advice=error.advice) from error
        if isinstance(error, DeadlineError) and error.silent:
            # The service may have got the call all the same, so this was an attempt.
            self._choice.grpc_failed(error, self._clock())
        elif isinstance(error, ServiceError | ProtocolError):
            self._choice.grpc_worked()

    def _rest_failed(self, error: VisionError) -> None:
        # A slow answer, or what this machine lacks, says nothing of the way.
        if isinstance(error, TransportError) and not isinstance(error, DeadlineError | MachineError):
            self._choice.rest_failed(self._clock())
        elif isinstance(error, ServiceError):
            self._choice.rest_worked()


class _BatchCall(_Call[Answer]):
    """The same for a batch: its answer says why REST brought it."""

    def __init__(self, call: BatchCall, choice: ProtocolChoice, reason: str | None, clock: Clock) -> None:
        super().__init__(call, choice, reason, clock)
        self.contents: Callable[[], Sequence[bytes]] = call.contents

    def answer(self) -> Answer:
        """Return the answer; see `Call`."""
        answer = super().answer()
        return answer if self._reason is None else answer._replace(fallback_reason=self._reason)
