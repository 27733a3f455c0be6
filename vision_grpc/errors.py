"""What can go wrong, and the codes that say so.

    VisionError
    ├── InvalidRequestError   refused here, before anything was sent (also a ValueError)
    ├── AuthError             no usable credentials
    ├── TransportError        the service was not reached, or the connection broke
    │   ├── DeadlineError     the time allowed for the call is over
    │   └── PathError         the protocol cannot get through to the service
    │       └── ReroutedError     and another one will be used; seen by transports only
    ├── ServiceError          the service answered with an error
    │   └── RequestTooLargeError   the request or its answer has more bytes than the other side takes
    ├── ProtocolError         the answer breaks the contract
    └── ImageFailedError      an image has no result; raised by `ImageResult.raise_for_error` alone

A bad image inside a good answer raises nothing: it is an `ImageError` on its result.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeAlias, cast

if TYPE_CHECKING:
    from vision_grpc.messages import Any

TransportName: TypeAlias = Literal["grpc", "rest", "memory"]
"""What brings answers, errors among them."""


class Code(IntEnum):
    """Status codes of google.rpc.Code, the same in gRPC statuses and in answers."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with the code (google/rpc/code.proto)."""
        return _HTTP_STATUS[self]

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self in _RETRYABLE

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Return the code of a number; one that google.rpc.Code does not know is UNKNOWN."""
        try:
            return cls(number)
        except ValueError:
            return cls(Code.UNKNOWN)

    @classmethod
    def from_http(cls, status: int) -> Self:
        """Return the code of an HTTP status whose body tells nothing."""
        code = _CODE_OF_HTTP.get(status)
        if code is None:
            code = _CODE_OF_HTTP_CLASS.get(status // 100, Code.UNKNOWN)
        return cls(code)


_HTTP_STATUS = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
# Where several codes share a status, the one a gateway means by it: 502 is "no good
# answer from behind me", so it is the service that is unavailable.
_CODE_OF_HTTP = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    409: Code.ABORTED,
    413: Code.RESOURCE_EXHAUSTED,
    425: Code.UNAVAILABLE,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
_CODE_OF_HTTP_CLASS = {4: Code.FAILED_PRECONDITION, 5: Code.INTERNAL}
_RETRYABLE = frozenset({Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.INTERNAL, Code.UNAVAILABLE})


class VisionError(Exception):
    """Anything that this package raises on purpose.

    `fallback_reason` is why `transport="auto"` took REST for the call, if it did.
    """

    code: Code
    fallback_reason: str | None = None


class Violation(NamedTuple):
    """One broken constraint: where, as `analyze_specs[3].features`, and what is wrong."""

    path: str
    message: str


class InvalidRequestError(VisionError, ValueError):
    """The request breaks the contract; nothing was sent.

    `violations` holds all of them, not only the first.
    """

    code = Code.INVALID_ARGUMENT

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{path}: {message}" for path, message in violations))
        self.violations = tuple(violations)

    def __reduce__(self) -> tuple[type[Self], tuple[Sequence[Violation]]]:
        return type(self), (self.violations,)


class AuthError(VisionError):
    """No usable credentials: the message says what was tried and what to set."""

    code = Code.UNAUTHENTICATED


class TransportError(VisionError):
    """The service was not reached, or the connection broke before an answer came."""

    code = Code.UNAVAILABLE


class DeadlineError(TransportError):
    """The time allowed for the call ended first; the service may still be working on it."""

    code = Code.DEADLINE_EXCEEDED


class PathError(TransportError):
    """The protocol cannot get through: an unreachable port, a refused TLS handshake, a proxy without HTTP/2.

    `lasting` tells that time will not heal it, as with a certificate that is not trusted.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class ReroutedError(PathError):
    """As `PathError`, and the next attempt goes over another protocol. It stays inside the client."""


class ServiceError(VisionError):
    """The service refused or failed the whole call.

    `details` are google.protobuf.Any messages; `request_id` is what support asks for;
    `retry_after_s` is how many seconds the service asks to wait, None when it does not;
    `transport` is what brought it.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        details: Sequence["Any"] = (),
        request_id: str | None = None,
        retry_after_s: float | None = None,
        transport: TransportName | None = None,
    ) -> None:
        suffix = f" (request id {request_id})" if request_id else ""
        super().__init__(f"{code.name}: {message}{suffix}")
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.transport: TransportName | None = transport

    def __reduce__(self) -> tuple[object, ...]:
        return _service_error, (type(self), self.code, self.message, vars(self))


def _service_error(
    error_class: type[ServiceError], code: Code, message: str, attributes: Mapping[str, object]
) -> ServiceError:
    error = error_class(code, message, request_id=cast("str | None", attributes["request_id"]))
    vars(error).update(attributes)
    return error


class RequestTooLargeError(ServiceError):
    """The request has more bytes than the service, or a gateway before it, takes; or its answer, than the client.

    The code is RESOURCE_EXHAUSTED, as for a quota; here, sending less at once helps and waiting does not.
    """


class ImageFailedError(VisionError):
    """An image has no result. Raised by `ImageResult.raise_for_error` alone.

    `key`, `code`, `message`, `details` and `retryable` are those of the result and its `ImageError`; `__cause__` is
    what ended the call, where the call failed as a whole.
    """

    def __init__(
        self, key: str, code: Code, message: str, *, details: Sequence["Any"] = (), retryable: bool = False
    ) -> None:
        super().__init__(f"{code.name}: {message}" if key in message else f"{key}: {code.name}: {message}")
        self.key = key
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        return _image_failed_error, (self.key, self.code, self.message, vars(self))


def _image_failed_error(key: str, code: Code, message: str, attributes: Mapping[str, object]) -> ImageFailedError:
    error = ImageFailedError(key, code, message)
    vars(error).update(attributes)
    return error


class ProtocolError(VisionError):
    """The peer's bytes are no answer of this contract."""

    code = Code.DATA_LOSS
