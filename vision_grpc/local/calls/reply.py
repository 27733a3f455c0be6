"""The reply to a call, which a face writes."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from google.protobuf.message import Message

from vision_grpc.errors import ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.calls.failure import describe
from vision_grpc.messages import Status

# A page of words is some hundred kilobytes of JSON.
_MANY = 4


class RefusedError(ServiceError):
    """The call is refused by a rule of HTTP: `http_status` and `headers` say more than the code does."""

    http_status: int
    headers: Mapping[str, str]


class CutStreamError(ServiceError):
    """A stream ends with this error, after the messages that could be had."""

    messages: Sequence[Message]


class RawAnswer(NamedTuple):
    """An HTTP answer that is sent as it is, without ids, over either face; in gRPC without trailers."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer, or the status of a failed call: `message`, `stream` or `status`.

    Both `stream` and `status` are set where a stream ends with an error.
    """

    message: Message | None = None
    stream: Sequence[Message] | None = None
    """The messages of a stream."""
    status: Status | None = None
    http_status: int | None = None
    """The HTTP status over REST, where it is not that of the status's code."""
    headers: Mapping[str, str] = {}
    """More headers over REST."""
    body: bytes | None = None
    """What is sent in place of the serialised message, or of the whole stream."""
    bytes_per_s: float | None = None
    """How fast the body is sent; None means at once."""
    cut_after: int | None = None
    """How many bytes of the body are sent before `Line.close`; None means all of it, and no close."""
    raw: RawAnswer | None = None
    """What is sent in place of all the rest, as by a gateway."""

    @classmethod
    def of(cls, answer: Message | Sequence[Message]) -> Self:
        """Return the reply of a method's answer."""
        return cls(message=answer) if isinstance(answer, Message) else cls(stream=answer)

    @property
    def messages(self) -> Sequence[Message]:
        """The messages of the answer, however many there are."""
        if self.stream is not None:
            return self.stream
        return () if self.message is None else (self.message,)

    @property
    def is_long_stream(self) -> bool:
        """Whether the answer is a stream of so many messages that all of them at once would take much memory."""
        is_whole = (self.body, self.bytes_per_s, self.cut_after, self.raw) == (None,) * 4
        return is_whole and self.stream is not None and len(self.stream) > _MANY

    @classmethod
    def to_error(cls, error: Exception, ids: CallIds) -> Self:
        """Return the reply to a call that failed; errors which are not ours are logged as bugs."""
        status = describe(error, ids)
        if isinstance(error, CutStreamError):
            return cls(status=status, stream=error.messages)
        if isinstance(error, RefusedError):
            return cls(status=status, http_status=error.http_status, headers=error.headers)
        if isinstance(error, ServiceError) and error.retry_after_s is not None:
            # The header takes whole seconds; the RetryInfo in the body is exact.
            return cls(status=status, headers={"retry-after": str(math.ceil(error.retry_after_s))})
        return cls(status=status)
