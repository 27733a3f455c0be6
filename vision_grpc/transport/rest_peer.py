"""What REST calls need and bring: headers, bodies, answers, errors. Shared by both shells."""

import ssl
import time
from collections.abc import Mapping

import httpx2

from vision_grpc.core.retry import asked_wait_s
from vision_grpc.errors import (
    Code,
    DeadlineError,
    PathError,
    ProtocolError,
    RequestTooLargeError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.json import from_json, read_error_body
from vision_grpc.messages import BatchAnalyzeResponse
from vision_grpc.outcomes import MessageOutcome
from vision_grpc.results import Answer
from vision_grpc.transport.endpoint import Endpoint, tls_hint
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.version import USER_AGENT

_OK = 200
_TOO_LARGE = 413
# The JSON of eight densely printed pages is about 20 MB. The cap protects memory from a lying peer.
_BODY_BYTES = 256 * 1024 * 1024


def tls_of(roots: bytes | None) -> ssl.SSLContext | bool:
    """Return what httpx2 is to verify certificates with."""
    return True if roots is None else ssl.create_default_context(cadata=roots.decode("ascii", errors="ignore"))


def headers_of(authorization: str | None) -> dict[str, str]:
    """Return what goes with one attempt; each has an id of its own."""
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "x-client-request-id": make_request_id(),
    }
    if authorization is not None:
        headers["authorization"] = authorization
    return headers


class Body:
    """The body of an answer as it comes, within its bounds of time and size.

    The time-outs of the HTTP client bound each read by itself; a peer that sends a byte now
    and then would keep it for ever.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self._late = late(endpoint, timeout_s)
        self._deadline = time.monotonic() + timeout_s
        self._bytes = bytearray()

    def add(self, piece: bytes) -> None:
        """Take what was read.

        Raises:
            DeadlineError: the time is over.
            ProtocolError: this is more than an answer can be.
        """
        self._bytes += piece
        if time.monotonic() > self._deadline:
            raise self._late
        if len(self._bytes) > _BODY_BYTES:
            message = f"the answer is longer than {_BODY_BYTES} bytes"
            raise ProtocolError(message)

    def whole(self) -> bytes:
        """Return everything."""
        return bytes(self._bytes)


def read_response(http_status: int, headers: Mapping[str, str], body: bytes) -> BatchAnalyzeResponse:
    """Return the message that an HTTP answer holds.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    if http_status == _OK:
        return from_json(body, BatchAnalyzeResponse)
    status = read_error_body(body, http_status)
    kind = RequestTooLargeError if http_status == _TOO_LARGE else ServiceError
    raise kind(
        Code.from_number(status.code),
        status.message,
        details=tuple(status.details),
        request_id=headers.get("x-request-id"),
        retry_after_s=asked_wait_s(status.details),
    )


def to_answer(response: BatchAnalyzeResponse, headers: Mapping[str, str]) -> Answer:
    """Return the answer, cut per image."""
    return Answer([MessageOutcome(result) for result in response.results], headers.get("x-request-id"), "rest")


def translate(error: httpx2.TransportError, endpoint: Endpoint, timeout_s: float) -> VisionError:
    """Return our exception for what the HTTP client raised."""
    if isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        hint = tls_hint(_describe(error))
        return PathError(f"{endpoint.target} was not reached: {_describe(error)}{hint}", lasting=bool(hint))
    if isinstance(error, httpx2.TimeoutException):
        return late(endpoint, timeout_s)
    return TransportError(f"the connection to {endpoint.target} broke: {_describe(error)}")


def late(endpoint: Endpoint, timeout_s: float) -> DeadlineError:
    """Return the error of a call that took too long."""
    return DeadlineError(f"no answer from {endpoint.target} within {round(timeout_s, 3):g} s")


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
