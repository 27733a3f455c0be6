"""Ways to the service. Each takes a request and gives an answer; nobody above knows which it was."""

from typing import NamedTuple, Protocol

from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import TransportName


class Answer(NamedTuple):
    """A response with as many results as the request had specs, and the service's id of the call."""

    response: BatchAnalyzeResponse
    request_id: str | None


class Transport(Protocol):
    """One connection to one service, usable from several threads."""

    @property
    def name(self) -> TransportName:
        """What results tell about the way they came."""
        ...

    def call(self, request: BatchAnalyzeRequest, *, timeout_s: float) -> Answer:
        """Return the service's answer.

        Raises:
            DeadlineError: no answer within `timeout_s` seconds.
            TransportError: the service was not reached, or the connection broke.
            ServiceError: the service refused or failed the call.
            ProtocolError: the answer breaks the contract.
        """
        ...

    def close(self) -> None:
        """End the connection; calls under way fail."""
        ...
