"""What goes over gRPC: the metadata of requests, the answers and errors of responses."""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError

from vision_grpc.api.api import Api
from vision_grpc.errors import Code, MachineError, PathError, TransportError, VisionError
from vision_grpc.messages import Status
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import proxy_of
from vision_grpc.network.tls import Hint, early_end_hint, tls_hint
from vision_grpc.results import Answer
from vision_grpc.transport.grpc.liveness import Sign
from vision_grpc.transport.grpc.options import METADATA_BYTES
from vision_grpc.transport.headers import Headers
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.transport.service_error import service_error

Metadata = tuple[tuple[str, str | bytes], ...]

# What gRPC says when no connection came about, or when what answered is no gRPC server.
_CLOSED_PATH = (
    "failed to connect to all addresses",
    "DNS resolution failed",
    "errors resolving",
    "Handshake",
    "call host does not match",
    "ALPN",
    "http1.x server",
    "Received http2 header with status",
)
# What it says, beside that, of this machine: the system's words for the numbers.
_SHORTAGES = {os.strerror(number): number for number in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)}
# What it says, beside that, of a connection that came about and ended before HTTP/2 began.
_EARLY_ENDS = ("Socket closed", "Connection reset by peer")
# What it says of a call whose channel was closed here.
_CLOSED_HERE = "Channel closed!"
# What gRPC on either side says of a message over its limit, and how newer releases tell the sides apart.
_TOO_LARGE = "message larger than max"
_OWN_LIMIT = "CLIENT: "
# What it says on either side of metadata over its limit, and what then shows that the limit is ours.
_METADATA_TOO_LARGE = "metadata size exceeds"
_OWN_METADATA_LIMIT = f"vs. {METADATA_BYTES})"

# By so much the peer may measure the time of a call shorter than we do.
_CLOCKS_APART_S = 0.05

_SIGNS = {
    grpc.StatusCode.DEADLINE_EXCEEDED: Sign.LATE,
    grpc.StatusCode.CANCELLED: Sign.CANCELLED,
    grpc.StatusCode.UNAVAILABLE: Sign.BROKEN,
}


class Failure(Protocol):
    """What every error of a gRPC call offers."""

    def code(self) -> grpc.StatusCode: ...  # noqa: D102
    def details(self) -> str | None: ...  # noqa: D102
    def initial_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...  # noqa: D102
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...  # noqa: D102


def metadata_of(authorization: str | None, *headers: Headers) -> Metadata:
    """Return the metadata of one attempt; each attempt has a new id."""
    metadata = (("x-client-request-id", make_request_id()), *chain.from_iterable(headers))
    return metadata if authorization is None else (*metadata, ("authorization", authorization))


def read_answer(wire: bytes, metadata: Iterable[tuple[str, str | bytes]] | None, attempt: Attempt, api: Api) -> Answer:
    """Return the answer, cut per image; the errors in it are without the secret.

    Raises:
        ProtocolError: the bytes are not an answer of this API.
    """
    outcomes = api.read_wire(wire, attempt.hide_bytes)
    request_id = _text(dict(metadata or ()).get("x-request-id"))
    return Answer(outcomes, None if request_id is None else attempt.hide(request_id), "grpc")


def sign_of(call: Failure, deadline: Deadline) -> Sign:
    """Return what the end of a call, which has just come, says about its connection."""
    sign = _SIGNS.get(call.code(), Sign.HEARD)
    # What has metadata has begun to come from the service.
    if sign is Sign.HEARD or not _metadata_of(call):
        return sign
    if sign is not Sign.LATE or not _is_over(deadline):
        return Sign.HEARD
    # What gRPC itself says has no trailers.
    return Sign.SLOW if call.trailing_metadata() else Sign.BEGUN


def translate(failure: Failure, attempt: Attempt) -> VisionError:
    """Return our exception for what a gRPC call ended with."""
    endpoint = attempt.endpoint
    code = Code.from_number(failure.code().value[0])
    message = attempt.hide(failure.details() or "no message")
    # What comes from the service carries its metadata; what gRPC itself says of the way there has none.
    metadata = _metadata_of(failure)
    # The service knows the deadline too, and may be the first to say so. With time left, another one was its own.
    if code is Code.DEADLINE_EXCEEDED and (not metadata or _is_over(attempt.deadline)):
        return attempt.late()
    if not metadata and any(sign in message for sign in _CLOSED_PATH):
        return _unreached(message, attempt)
    if code is Code.CANCELLED and (not metadata or _CLOSED_HERE in message):
        return TransportError(
            f"the call to {endpoint.target} was cancelled, the client may have been closed: {message}"
        )
    if not metadata and code is Code.UNAVAILABLE:
        return attempt.broken(message)
    details = _read_status(metadata.get("grpc-status-details-bin")).details
    too_large = False
    if code is Code.RESOURCE_EXHAUSTED:
        code, message, too_large = _explain_limit(code, message)
    status = Status(code=code, message=message, details=details)
    request_id = _text(metadata.get("x-request-id"))
    return service_error(status, attempt, "grpc", request_id=request_id, too_large=too_large)


def _is_over(deadline: Deadline) -> bool:
    return deadline.left_s <= _CLOCKS_APART_S


def _by_way_of(endpoint: Endpoint, message: str) -> str:
    """Return what gRPC says of a connection that did not come about, and the proxy that it was to go through."""
    with suppress(PathError):  # The environment is another one than when the channel was opened.
        if (proxy := proxy_of(endpoint)) is not None:
            return f"{proxy}: {message}"
    return message


def _explain_limit(code: Code, message: str) -> tuple[Code, str, bool]:
    """Return the code and the message of an exhausted resource, and whether fewer images would help."""
    if _METADATA_TOO_LARGE in message:
        if _OWN_METADATA_LIMIT in message:
            return code, f"the answer has more than {METADATA_BYTES} bytes of metadata ({message})", True
        # No quota, so that to wait does not help. Over REST, the status 431 comes to the same code.
        return Code.FAILED_PRECONDITION, f"the request has more metadata than the service takes ({message})", False
    if _TOO_LARGE not in message:
        return code, message, False
    side = "the answer is larger than this client takes: " if _OWN_LIMIT in message else ""
    return code, f"{side}{message}", True


def _metadata_of(failure: Failure) -> dict[str, str | bytes]:
    return dict([*(failure.initial_metadata() or ()), *(failure.trailing_metadata() or ())])


def _unreached(message: str, attempt: Attempt) -> VisionError:
    endpoint = attempt.endpoint
    for words, number in _SHORTAGES.items():
        if words in message and (
            shortage := MachineError.of(OSError(number, words), f"{endpoint.target} was not reached")
        ):
            return shortage
    if (hint := tls_hint(f"{attempt.note}: {message}")) is not None:
        return attempt.unreached(message, hint)
    return attempt.unreached(_by_way_of(endpoint, message), _hint_of_early_end(message, endpoint))


def _hint_of_early_end(message: str, endpoint: Endpoint) -> Hint | None:
    # Within the handshake, a firewall may have ended it.
    is_early = "andshake" not in message and any(sign in message for sign in _EARLY_ENDS)
    return early_end_hint(plaintext=endpoint.plaintext) if is_early else None


def _text(value: str | bytes | None) -> str | None:
    return value if isinstance(value, str) else None


def _read_status(wire: str | bytes | None) -> Status:
    try:
        return Status.FromString(wire) if isinstance(wire, bytes) else Status()
    except DecodeError:
        return Status()
