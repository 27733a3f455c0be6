"""Ways to the service: each sends a batch and gives an answer, and nobody above knows which it was."""

from collections.abc import Callable, Sequence
from typing import Protocol

from vision_grpc.codec.request import Ask
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import Answer


class Call(Protocol):
    """A batch under way."""

    def answer(self) -> Answer:
        """Return the answer, once the call is done.

        Raises:
            DeadlineError: no answer within the time-out.
            TransportError: the service was not reached, or the connection broke.
            ServiceError: the service refused or failed the call.
            ProtocolError: the answer breaks the contract.
        """
        ...

    def contents(self) -> Sequence[bytes]:
        """Return the images again: whoever sent them need not keep them meanwhile."""
        ...

    def cancel(self) -> None:
        """Give the call up; it ends soon."""
        ...


class Transport(Protocol):
    """A connection to a service, usable from several threads."""

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> Call:
        """Send a batch; `on_done` is called once, from any thread, when its answer or failure is there."""
        ...

    def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is and return the answer as it is; raises as `Call.answer`."""
        ...

    def close(self) -> None:
        """End the connection; calls under way fail."""
        ...


class AsyncCall(Protocol):
    """A batch under way on an event loop."""

    async def answer(self) -> Answer:
        """Return the answer, or raise as `Call.answer`."""
        ...

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `Call.contents`."""
        ...

    def cancel(self) -> None:
        """Give the call up; it ends soon."""
        ...


class AsyncTransport(Protocol):
    """A connection to a service, for one event loop."""

    def start(
        self,
        contents: Sequence[bytes],
        ask: Ask,
        authorization: str | None,
        *,
        timeout_s: float,
        on_done: Callable[[], None],
    ) -> AsyncCall:
        """Send a batch; `on_done` is called once, on the loop, when its answer or failure is there."""
        ...

    async def call(
        self, request: BatchAnalyzeRequest, authorization: str | None, *, timeout_s: float
    ) -> BatchAnalyzeResponse:
        """Send a request as it is and return the answer as it is; raises as `Call.answer`."""
        ...

    async def aclose(self) -> None:
        """End the connection; calls under way fail."""
        ...
