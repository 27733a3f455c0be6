"""Transports: each sends a batch and returns an answer, and no code above knows which one it was.

None blocks: a call reports its end by a callback, and its answer is there by then. So both clients use the same ones.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from vision_grpc.api.api import Reply, RequestTemplate
from vision_grpc.network.deadline import Deadline
from vision_grpc.results import Answer

T_co = TypeVar("T_co", covariant=True)

OnDone = Callable[[], None]
"""Is called once, from any thread, when the answer or the failure of a call is there."""


class Call(Protocol[T_co]):
    """A call under way."""

    def answer(self) -> T_co:
        """Return the answer; does not block once the call is done.

        Raises:
            DeadlineError: no answer before the deadline.
            TransportError: the service was not reached, or the connection broke.
            ServiceError: the service refused or failed the call.
            ProtocolError: the answer breaks the contract.
        """
        ...

    def cancel(self) -> None:
        """Give the call up; it ends soon."""
        ...


class BatchCall(Call[Answer], Protocol):
    """A batch under way."""

    def contents(self) -> Sequence[bytes]:
        """Return the images again: the sender need not keep them meanwhile."""
        ...


class Transport(Protocol):
    """A connection to a service, usable from several threads."""

    def start(
        self,
        contents: Sequence[bytes],
        template: RequestTemplate,
        authorization: str | None,
        deadline: Deadline,
        on_done: OnDone,
    ) -> BatchCall:
        """Send a batch.

        Raises:
            TransportError: the transport is closed.
        """
        ...

    def send(self, request: Message, authorization: str | None, deadline: Deadline, on_done: OnDone) -> Call[Reply]:
        """Send a request as it is; the answer comes as it is. Raises as `start`."""
        ...

    def close(self) -> None:
        """End the connection; calls under way fail. It may block for two seconds."""
        ...

    async def aclose(self) -> None:
        """End the connection without blocking the event loop; calls under way fail."""
        ...
