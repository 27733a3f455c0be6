"""What happens inside a client, as values for hooks, metrics and logs. They hold no secrets and no image bytes."""

from dataclasses import dataclass

from vision_grpc.errors import Code, TransportName


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A batch was sent."""

    call_id: int
    """Unique within the client."""
    images: int
    content_bytes: int
    attempt: int
    """1 for the first sending of the batch's images."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A batch was answered or failed; it comes after the `CallStarted` of the same id."""

    call_id: int
    images: int
    latency_s: float
    transport: TransportName | None
    """None when no answer came."""
    request_id: str | None
    code: Code
    """OK when the batch was answered, even if single images failed."""
    message: str
    may_be_billed: bool = False
    """Whether a call without an answer may have been carried out all the same, and be billed."""


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Images wait to be sent again."""

    images: int
    wait_s: float
    code: Code


@dataclass(frozen=True, slots=True)
class ImagesFinished:
    """Images have got their results."""

    succeeded: int
    failed: int


Event = CallStarted | CallEnded | RetryScheduled | ImagesFinished
