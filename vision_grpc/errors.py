"""Everything that this package raises on purpose, its codes, and its advice.

    SettingError              a setting is malformed or contradicts another one (also a ValueError)
    VisionError
    ├── InvalidRequestError   the request was refused here, before anything was sent (also a ValueError)
    ├── AuthError             no usable credentials
    ├── TransportError        the service was not reached, or the connection broke
    │   ├── DeadlineError     the time that was allowed for the call is over
    │   ├── MachineError      this machine has no open files, threads, memory or disk space left
    │   └── PathError         the protocol cannot get through to the service
    │       └── ReroutedError     likewise, and the next attempt takes another protocol; it stays inside the client
    ├── ServiceError          the service answered with an error
    │   └── RequestTooLargeError   the request or its answer has more bytes than allowed
    ├── ProtocolError         the answer breaks the contract
    │   └── MalformedAnswerError   it is not even HTTP (also a TransportError)
    └── ImageFailedError      an image has no result; raised by `ImageResult.raise_for_error` alone

A bad image in a good answer raises nothing: its result has an `ImageError`.
"""

import errno
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeAlias

from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.messages import Any

TransportName: TypeAlias = Literal["grpc", "rest", "memory", "tape"]
"""What brings answers and errors: a transport, or a tape."""


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
        """Return the code of a number; UNKNOWN for numbers that google.rpc.Code does not have."""
        try:
            return cls(number)
        except ValueError:
            return cls(Code.UNKNOWN)

    @classmethod
    def from_http(cls, status: int) -> Self:
        """Return the code of an HTTP status whose body has no code."""
        return cls(_CODE_OF_HTTP.get(status, _CODE_OF_HTTP_CLASS.get(status // 100, Code.UNKNOWN)))


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
# Where several codes share a status, this is the one that a gateway means: 502 says that
# there was no good answer from the service behind it, so the service is unavailable.
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
    # Cloudflare's, in the place of 502 and 504: https://developers.cloudflare.com/support/troubleshooting/http-status-codes
    521: Code.UNAVAILABLE,
    522: Code.UNAVAILABLE,
    523: Code.UNAVAILABLE,
    524: Code.DEADLINE_EXCEEDED,
}
_CODE_OF_HTTP_CLASS = {4: Code.FAILED_PRECONDITION, 5: Code.INTERNAL}
_RETRYABLE = frozenset({Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED, Code.INTERNAL, Code.UNAVAILABLE})


Setting: TypeAlias = Literal[
    "api", "client_certificate", "credentials", "endpoint", "folder_id", "insecure", "root_certificates", "server_name",
    "transport",
]  # fmt: skip
"""The settings of a client, by the names of its arguments."""

RunSetting: TypeAlias = Literal[
    "deferred", "fit", "image_column", "key_column", "member_keys", "nul_separated", "restart"
]
"""Likewise those of a stream or a bulk run. `fit` is a step before the client, and its value the function for that."""

NameOf: TypeAlias = Callable[[Setting | RunSetting, str], str | None]
"""Returns the name of a setting with a value, which may be empty; None if the setting has no name here."""


class Advice(NamedTuple):
    """What to do about an error. It is data, for not all readers know a setting by the same name."""

    action: str
    """A verb, which the name of the setting follows; the whole advice if there is no setting."""

    setting: Setting | RunSetting | None = None

    value: str = ""
    """The value that is meant, as Python code; empty if it is for the reader to choose."""

    rest: str = ""
    """The words that follow the name of the setting, such as a condition."""

    variables: tuple[str, ...] = ()
    """The environment variables that set the same."""

    def text(self, name_of: NameOf) -> str:
        """Return the advice in words; where the setting has no name, only the environment variables or nothing."""
        name = "" if self.setting is None else name_of(self.setting, self.value)
        words: list[str] = []
        if self.setting is None or name:
            words.append(f"{self.action} {name}".rstrip())
        if self.variables:
            words.append(f"set {'one of ' if len(self.variables) > 1 else ''}{', '.join(self.variables)}")
        return f"{' or '.join(words)} {self.rest}".rstrip() if words else ""


def argument_of(setting: Setting | RunSetting, value: str) -> str:
    """Return a setting as an argument in Python, or a step as the function to call."""
    if setting == "fit":
        return f"a call of {value}"
    if setting == "deferred":
        return f"analyze_many(..., deferred={value})"
    return f"{setting}={value}" if value else setting


def advice_text(advice: Iterable[Advice], name_of: NameOf = argument_of) -> str:
    """Return all the advice in words; empty if there is none."""
    return ", or ".join(filter(None, (each.text(name_of) for each in advice)))


USE_TLS = Advice("drop", "insecure", "True", "or http://")
"""The advice for a service that is called in plaintext and should not be."""


class AdvisedError(Exception):
    """An error with advice; its text is the problem and then the advice, which names the client's arguments."""

    def __init__(self, problem: str = "", *, advice: Iterable[Advice] = ()) -> None:
        super().__init__(problem)
        self.advice: tuple[Advice, ...] = tuple(advice)

    @property
    def problem(self) -> str:
        """What is wrong, without the advice."""
        return str(self.args[0])

    def text(self, name_of: NameOf = argument_of) -> str:
        """Return the problem and the advice in words."""
        advice = advice_text(self.advice, name_of)
        return f"{self.problem}; {advice}" if advice else self.problem

    def __str__(self) -> str:
        return self.text()

    def __reduce__(self) -> tuple[object, ...]:
        # Exception itself would call the class with `args`, which is not what the classes below take.
        return type(self).__new__, (type(self), *self.args), vars(self)


class SettingError(AdvisedError, ValueError):
    """A setting of a client is malformed or contradicts another one."""


class VisionError(AdvisedError):
    """The base of all errors of calls; `code` is one of google.rpc.Code.

    `fallback_reason` is why `transport="auto"` took REST for the call, if it did; `retry_after_s` is how many seconds
    the service asks to wait, None when it does not.
    """

    code: Code
    fallback_reason: str | None = None
    retry_after_s: float | None = None


class Violation(NamedTuple):
    """One broken constraint: the path of the field, such as `analyze_specs[3].features`, and what is wrong."""

    path: str
    message: str


class InvalidRequestError(VisionError, ValueError):
    """The request breaks the contract; nothing was sent. `violations` has everything that is wrong with it."""

    code = Code.INVALID_ARGUMENT

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{path}: {message}" for path, message in violations))
        self.violations: tuple[Violation, ...] = tuple(violations)


class AuthError(VisionError):
    """There are no usable credentials; the message says what was tried and what to set."""

    code = Code.UNAUTHENTICATED

    @classmethod
    def about(cls, subject: str, error: Exception) -> Self:
        """Return an error of this class that says what another says of a subject, with its advice."""
        if isinstance(error, AdvisedError):
            return cls(f"{subject}: {error.problem}", advice=error.advice)
        return cls(f"{subject}: {error}")


class TransportError(VisionError):
    """The service was not reached, or the connection broke before an answer came."""

    code = Code.UNAVAILABLE


class DeadlineError(TransportError):
    """The time that was allowed for the call is over; the service may still be working on it.

    `silent` says that nothing at all comes by this protocol, on new connections either.
    """

    code = Code.DEADLINE_EXCEEDED
    silent: bool = False


class MachineError(TransportError):
    """This machine lacks what a call needs, such as open files or threads; a little later it may have it again.

    Of such a call, nothing was sent. An image that cannot be read for this reason has the same code.
    """

    @classmethod
    def of(cls, error: BaseException, subject: str) -> Self | None:
        """Return what an exception says that the machine lacks for the subject, None if it says something else."""
        number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
        if not isinstance(error, OSError | MemoryError) or number not in _SHORTAGES:
            return None
        problem, advice = _SHORTAGES[number]
        return cls(f"{subject}: {problem}", advice=[Advice(advice)])

    @classmethod
    @contextmanager
    def in_place(cls, subject: str) -> Generator[None]:
        """Raise what the machine lacks for the subject in place of the system's error."""
        try:
            yield
        except (OSError, MemoryError) as error:
            if (shortage := cls.of(error, subject)) is None:
                raise
            raise shortage from error


_NO_MEMORY = ("this machine has no memory left", "free some, or raise the limit")
_NO_SPACE = ("the disk is full", "free some space")
_SHORTAGES = {
    errno.EMFILE: ("this process may open no more files", "close some, or raise the limit (ulimit -n)"),
    errno.ENFILE: ("this machine can open no more files", "end programs that have many open"),
    errno.ENOMEM: _NO_MEMORY,
    errno.ENOBUFS: _NO_MEMORY,
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: ("the file may not become any larger", "raise the limit (ulimit -f)"),
    errno.EIO: ("a disk or device of this machine failed", "look into the system's log"),
    errno.ESTALE: ("a network disk has lost the file", "look at its server"),
}


class PathError(TransportError):
    """The protocol cannot get through: an unreachable port, a refused TLS handshake, a proxy without HTTP/2.

    `lasting` says that a later attempt will fail too, as with a certificate that is not trusted.
    """

    def __init__(self, problem: str = "", *, lasting: bool = False, advice: Iterable[Advice] = ()) -> None:
        super().__init__(problem, advice=advice)
        self.lasting = lasting


class ReroutedError(PathError):
    """A `PathError` after which the next attempt takes another protocol. It stays inside the client."""


class ServiceError(VisionError):
    """The service refused or failed the whole call.

    `details` are google.protobuf.Any messages; `request_id` is what the service's support asks for;
    `retry_after_s` is how many seconds the service asks to wait, None when it does not;
    `transport` is the one by which the error came.
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
        wait = "" if retry_after_s is None else f", to be sent again after {retry_after_s:.15g} s"
        suffix = f" (request id {request_id})" if request_id else ""
        super().__init__(f"{code.name}: {message}{wait}{suffix}")
        self.code = code
        self.message = message
        self.details: tuple[Any, ...] = tuple(details)
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.transport: TransportName | None = transport


class RequestTooLargeError(ServiceError):
    """The request is larger than the service or a gateway before it allows, or the answer than the client allows.

    The code is RESOURCE_EXHAUSTED, as for a quota; but here smaller requests help, and waiting does not.
    """


class ImageFailedError(VisionError):
    """An image has no result. Raised by `ImageResult.raise_for_error` alone.

    `key`, `code`, `message`, `details` and `retryable` are those of the result and its `ImageError`; `__cause__` is
    what ended the call, where the call failed as a whole.
    """

    def __init__(
        self, key: str, code: Code, message: str, *, details: Sequence["Any"] = (), retryable: bool = False
    ) -> None:
        name = quote_name(key)
        super().__init__(f"{code.name}: {message}" if name in message else f"{name}: {code.name}: {message}")
        self.key = key
        self.code = code
        self.message = message
        self.details: tuple[Any, ...] = tuple(details)
        self.retryable = retryable


class ProtocolError(VisionError):
    """The bytes that came back are not an answer of this contract."""

    code = Code.DATA_LOSS


class MalformedAnswerError(TransportError, ProtocolError):
    """The bytes that came back are not HTTP/1.1."""

    code = Code.DATA_LOSS
