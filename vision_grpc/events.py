"""What happens inside a client, as values for hooks, metrics and logs. They hold no secrets and no image bytes.

`keys` are the keys of the images that an event is about, as results have them.
"""

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
    keys: tuple[str, ...] = ()
    method: str = ""
    """The method's name with its service's, such as `yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze`."""
    server_address: str | None = None
    """The host that the client was told to call; None where it does not know it: with a transport of the caller's
    own, and while the address is looked up."""
    server_port: int | None = None
    transport: TransportName | None = None
    """None where the client tries gRPC, and takes REST if that does not get through."""
    previous_call_id: int | None = None
    """The call with the last attempt; None for the first one."""


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
    keys: tuple[str, ...] = ()
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class OperationAccepted:
    """The service has accepted a file, whose result is fetched later, perhaps by another process.

    It comes from the thread that reads the stream, before anything else is done with the operation.
    """

    call_id: int
    """The call that sent the file."""
    key: str
    operation_id: str
    content_bytes: int
    """The size of the file; its bytes are released now."""


@dataclass(frozen=True, slots=True)
class OperationPolled:
    """The service was asked for the result of an operation, or for its status, and answered or did not.

    A question that is under way when its stream ends has no event.
    """

    call_id: int
    """Unique within the client, also among the calls that send files."""
    key: str
    operation_id: str
    polls: int
    """How often the service was asked about it, this time included."""
    is_pending: bool
    """Whether the service says that the operation is still under way: a question for the result has the code NOT_FOUND
    then, and one for the status OK."""
    latency_s: float
    transport: TransportName | None
    """What brought the answer. Where none came, the transport that was chosen: None where it may be either."""
    request_id: str | None
    code: Code
    message: str
    method: str = ""
    """The method's name with its service's: it says what was asked for."""
    server_address: str | None = None
    """As in `CallStarted`; the cloud has results and statuses at hosts of their own."""
    server_port: int | None = None


@dataclass(frozen=True, slots=True)
class OperationEnded:
    """An operation has got its result, good or bad, or nothing waits for it any more."""

    key: str
    operation_id: str
    waited_s: float
    """Since the file was accepted, or the stream began to ask for the result of a `PendingOperation`."""
    polls: int
    """How often the service was asked for the result."""
    code: Code
    """OK when the result came, even if it has an error of its own; CANCELLED when the stream ended before it."""
    message: str


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """Images wait to be sent again."""

    images: int
    wait_s: float
    code: Code
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaLearned:
    """Calls were refused for a quota, so that they leave more slowly now; or the rate has changed by half since."""

    requests_per_s: float
    """The rate from now on, of all streams of the client together."""


@dataclass(frozen=True, slots=True)
class QuotaSwitched:
    """The client goes on alone, without the service of the quota that it shares; or no longer, as that is back.

    It comes from a thread of the client's own. It comes as well when a client that goes on alone is closed.
    """

    is_alone: bool
    """Whether the client goes on without the service."""
    requests_per_s: float
    """The client's share from now on."""


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """Why an image has no text."""

    key: str
    code: Code
    message: str
    attempts: int
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImagesFinished:
    """Images have got their results."""

    succeeded: int
    failed: int
    keys: tuple[str, ...] = ()
    """Of all of them, in the order of their results."""
    failures: tuple[ImageFailure, ...] = ()
    from_tape: int = 0
    """How many of them the tape had: they were not sent."""


Event = (
    CallStarted
    | CallEnded
    | OperationAccepted
    | OperationPolled
    | OperationEnded
    | RetryScheduled
    | QuotaLearned
    | QuotaSwitched
    | ImagesFinished
)
