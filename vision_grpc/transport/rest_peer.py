"""What REST calls need and bring: headers, bodies, answers, errors."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime

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
from vision_grpc.json import find_error, from_json, read_error, split_results
from vision_grpc.messages import BatchAnalyzeResponse, Status
from vision_grpc.outcomes import JsonOutcome, MessageOutcome
from vision_grpc.results import Answer
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.http_message import HttpAnswer
from vision_grpc.transport.method import Headers
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.transport.tls import Tls, tls_hint
from vision_grpc.version import USER_AGENT

_OK = 200
_TOO_LARGE = 413
# The JSON of eight densely printed pages is about 20 MB. The cap protects memory from a lying peer.
_BODY_BYTES = 256 * 1024 * 1024


def verification_of(tls: Tls) -> ssl.SSLContext:
    """Return what httpx2 is to verify certificates with, and to present to services that ask."""
    if tls.roots is None:
        context = httpx2.create_ssl_context()
    else:
        context = ssl.create_default_context(cadata=tls.roots.decode("ascii", errors="ignore"))
    if tls.client_certificate is not None:
        tls.client_certificate.load_into(context)
    return context


def headers_of(authorization: str | None, content_length: int | None = None, more: Headers = ()) -> dict[str, str]:
    """Return what goes with one attempt; each has an id of its own."""
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "x-client-request-id": make_request_id(),
        **dict(more),
    }
    if content_length is not None:
        # Without it a body that is generated would go in chunks, which some gateways refuse.
        headers["content-length"] = str(content_length)
    if authorization is not None:
        headers["authorization"] = authorization
    return headers


class Body:
    """The body of an answer as it comes, within its bounds."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._left = _BODY_BYTES

    def add(self, piece: bytes) -> None:
        """Take what was read.

        Raises:
            ProtocolError: this is more than an answer can be.
        """
        self._left -= len(piece)
        if self._left < 0:
            message = f"the answer is longer than {_BODY_BYTES} bytes"
            raise ProtocolError(message)
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return everything."""
        return b"".join(self._pieces)


def read_response(answer: HttpAnswer) -> BatchAnalyzeResponse:
    """Return the message that an HTTP answer holds.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer)
    response = from_json(answer.body, BatchAnalyzeResponse)
    if not response.results:
        _raise_disguised_error(answer)
    return response


def read_answer(answer: HttpAnswer) -> Answer:
    """Return the answer, cut per image and not parsed further.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer)
    results = split_results(answer.body)
    if not results:
        _raise_disguised_error(answer)
    outcomes = [JsonOutcome(item) if isinstance(item, bytes) else MessageOutcome(item) for item in results.items]
    return Answer(outcomes, answer.headers.get("x-request-id"), "rest")


def _raise_error(answer: HttpAnswer) -> None:
    # A proxy that takes the call for one of gRPC gives its errors a good HTTP status.
    if answer.status != _OK or answer.headers.get("content-type", "").startswith("application/grpc"):
        status = read_error(answer.status, answer.headers, answer.body, datetime.now(UTC))
        raise _service_error(status, answer.headers, too_large=answer.status == _TOO_LARGE)


def _raise_disguised_error(answer: HttpAnswer) -> None:
    """Raise the error in an answer that has a good status and no results."""
    if (status := find_error(answer.body)) is not None:
        raise _service_error(status, answer.headers, too_large=False)


def _service_error(status: Status, headers: Mapping[str, str], *, too_large: bool) -> ServiceError:
    return (RequestTooLargeError if too_large else ServiceError)(
        Code.from_number(status.code),
        status.message,
        details=tuple(status.details),
        request_id=headers.get("x-request-id"),
        retry_after_s=asked_wait_s(status.details),
    )


def translate(error: httpx2.RequestError, endpoint: Endpoint, timeout_s: float) -> VisionError:
    """Return our exception for what the HTTP client raised."""
    hint = tls_hint(_describe(error))
    # TLS 1.3 refuses a client's certificate after the handshake, while the answer is read.
    if hint or isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        return PathError(f"{endpoint.target} was not reached: {_describe(error)}{hint}", lasting=bool(hint))
    if isinstance(error, httpx2.DecodingError):
        return ProtocolError(f"the answer of {endpoint.target} is not encoded as it says: {error}")
    if isinstance(error, httpx2.TimeoutException):
        return late(endpoint, timeout_s)
    return TransportError(f"the connection to {endpoint.target} broke: {_describe(error)}")


def late(endpoint: Endpoint, timeout_s: float) -> DeadlineError:
    """Return the error of a call that took too long."""
    return DeadlineError(f"no answer from {endpoint.target} within {round(timeout_s, 3):g} s")


def _describe(error: Exception) -> str:
    return str(error) or type(error).__name__
