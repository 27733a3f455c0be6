"""What REST calls need and bring: headers, bodies, answers, errors."""

import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import httpx2

from vision_grpc.core.batching import BATCH_IMAGES
from vision_grpc.errors import Code, PathError, ProtocolError, RequestTooLargeError, TransportError, VisionError
from vision_grpc.json import find_error, from_json, read_error, split_results
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse
from vision_grpc.outcomes import JsonOutcome, MessageOutcome, error_of
from vision_grpc.results import Answer
from vision_grpc.transport.attempt import Attempt
from vision_grpc.transport.http_message import HttpAnswer
from vision_grpc.transport.method import Headers
from vision_grpc.transport.refusal import service_error
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.transport.tls import Tls, early_end_hint, tls_hint
from vision_grpc.version import USER_AGENT

_T = TypeVar("_T")

_OK = 200
_TOO_LARGE = 413
# The JSON of eight densely printed pages is about 20 MB. The cap protects memory from a lying peer, whose answer
# may be a thousand times shorter on its way.
MAX_BODY_BYTES = 64 * 1024 * 1024


def verification_of(tls: Tls) -> ssl.SSLContext:
    """Return what httpx2 is to verify certificates with, and to present to services that ask."""
    if tls.roots is None:
        context = httpx2.create_ssl_context()
    else:
        context = ssl.create_default_context(cadata=tls.roots.decode("ascii", errors="ignore"))
    if tls.client_certificate is not None:
        tls.client_certificate.load_into(context)
    return context


@contextmanager
def proxies_known() -> Generator[None]:
    """Let an HTTP client be made with the proxies of the environment.

    Raises:
        PathError: one is named in a way that cannot be used.
    """
    try:
        yield
    except (ImportError, ValueError) as error:
        raise unusable_proxy(error) from error


def unusable_proxy(error: Exception) -> PathError:
    """Return our exception for what the HTTP client, whose words leave the password out, says of a proxy."""
    message = f"a proxy that the environment names (https_proxy, all_proxy) cannot be used: {error}"
    return PathError(message, lasting=True)


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

    def __init__(self, limit: int = MAX_BODY_BYTES) -> None:
        self._pieces: list[bytes] = []
        self._limit = self._left = limit

    def add(self, piece: bytes) -> None:
        """Take what was read.

        Raises:
            RequestTooLargeError: this is more than an answer may be; to fewer images it would be shorter.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise RequestTooLargeError(Code.RESOURCE_EXHAUSTED, f"the answer is longer than {self._limit} bytes")
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return everything."""
        return b"".join(self._pieces)


def read_response(answer: HttpAnswer, attempt: Attempt) -> BatchAnalyzeResponse:
    """Return the message that an HTTP answer holds.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer, attempt)
    response = _read(partial(from_json, message_class=BatchAnalyzeResponse), answer.body, attempt)
    if not response.results:
        _raise_disguised_error(answer, attempt)
    return response


def read_answer(answer: HttpAnswer, attempt: Attempt) -> Answer:
    """Return the answer, cut per image and not parsed further; errors in it are without the secret.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer, attempt)
    results = _read(partial(split_results, most=BATCH_IMAGES), answer.body, attempt)
    if not results:
        _raise_disguised_error(answer, attempt)
    outcomes = [
        JsonOutcome(item, attempt.hide_bytes) if isinstance(item, bytes) else _parsed_outcome(item, attempt)
        for item in results.items
    ]
    request_id = answer.headers.get("x-request-id")
    return Answer(outcomes, None if request_id is None else attempt.hide(request_id), "rest")


def _parsed_outcome(result: AnalyzeResult, attempt: Attempt) -> MessageOutcome:
    if error_of(result) is not None:
        result = AnalyzeResult.FromString(attempt.hide_bytes(result.SerializeToString()))
    return MessageOutcome(result)


def _read(parse: Callable[[bytes], _T], body: bytes, attempt: Attempt) -> _T:
    with suppress(ProtocolError):
        return parse(body)
    # The error quotes what is wrong: once more without the secret.
    return parse(attempt.hide_bytes(body))


def _raise_error(answer: HttpAnswer, attempt: Attempt) -> None:
    # A proxy that takes the call for one of gRPC gives its errors a good HTTP status.
    if answer.status != _OK or answer.headers.get("content-type", "").lower().startswith("application/grpc"):
        status = read_error(answer.status, answer.headers, answer.body, datetime.now(UTC))
        request_id = answer.headers.get("x-request-id")
        raise service_error(status, attempt, "rest", request_id=request_id, too_large=answer.status == _TOO_LARGE)


def _raise_disguised_error(answer: HttpAnswer, attempt: Attempt) -> None:
    """Raise the error in an answer that has a good status and no results."""
    if (status := find_error(answer.body)) is not None:
        raise service_error(status, attempt, "rest", request_id=answer.headers.get("x-request-id"))


def translate(error: httpx2.RequestError, attempt: Attempt, *, is_early: bool = False) -> VisionError:
    """Return our exception for what the HTTP client raised.

    `is_early` tells that the connection was there and had not answered anything yet.
    """
    target = attempt.endpoint.target
    if isinstance(error, httpx2.ProxyError):
        # A proxy may quote what it was told, its own password with it.
        hint = "see https_proxy and NO_PROXY in the environment"
        return PathError(f"{target} was not reached: the proxy answered HTTP {str(error)[:3]} ({hint})")
    told = attempt.hide(str(error) or type(error).__name__)
    hint = tls_hint(told)
    # TLS 1.3 refuses a client's certificate after the handshake, while the answer is read.
    if hint or isinstance(error, httpx2.ConnectTimeout | httpx2.ConnectError):
        return PathError(f"{target} was not reached: {told}{hint}", lasting=bool(hint))
    if isinstance(error, httpx2.DecodingError):
        return ProtocolError(f"the answer of {target} is not encoded as it says: {told}")
    if isinstance(error, httpx2.TimeoutException):
        return attempt.late()
    advice = early_end_hint(plaintext=attempt.endpoint.plaintext) if is_early else ""
    return TransportError(f"the connection to {target} broke: {told}{advice}")
