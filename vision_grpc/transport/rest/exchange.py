"""What goes over REST: the headers of requests, the answers and errors of responses."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message

from vision_grpc.api.api import Api
from vision_grpc.codec.json import find_error, read_error
from vision_grpc.errors import ProtocolError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.http.body import GZIP
from vision_grpc.network.http.message import HttpAnswer
from vision_grpc.network.secrets.quoting import quote_peer
from vision_grpc.results import Answer
from vision_grpc.transport.headers import Headers
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.transport.service_error import service_error
from vision_grpc.version import USER_AGENT

_T = TypeVar("_T")

_OK = 200
_TOO_LARGE = 413
_CODINGS = GZIP | {"", "identity"}


def headers_of(authorization: str | None, content_length: int | None = None, more: Headers = ()) -> dict[str, str]:
    """Return the headers of one attempt; each attempt has a new id."""
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


def read_response(answer: HttpAnswer, attempt: Attempt, api: Api) -> Message:
    """Return the message that an HTTP answer holds.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer, attempt)
    response = _read(api.parse_json, answer.body, attempt)
    if not api.read_message(response):
        _raise_disguised_error(answer, attempt)
    return response


def read_answer(answer: HttpAnswer, attempt: Attempt, api: Api) -> Answer:
    """Return the answer, cut per image and not parsed further; the errors in it are without the secret.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    _raise_error(answer, attempt)
    outcomes = _read(partial(api.read_json, hide=attempt.hide_bytes), answer.body, attempt)
    if not outcomes:
        _raise_disguised_error(answer, attempt)
    return Answer(outcomes, None if answer.request_id is None else attempt.hide(answer.request_id), "rest")


def _read(parse: Callable[[bytes], _T], body: bytes, attempt: Attempt) -> _T:
    with suppress(ProtocolError):
        return parse(body)
    # The error quotes what is wrong: once more without the secret.
    return parse(attempt.hide_bytes(body))


def _raise_error(answer: HttpAnswer, attempt: Attempt) -> None:
    # A proxy that takes the call for one of gRPC gives its errors a good HTTP status.
    if answer.status != _OK or answer.headers.get("content-type", "").lower().startswith("application/grpc"):
        status = read_error(answer.status, answer.headers, answer.body, datetime.now(UTC))
        too_large = answer.status == _TOO_LARGE
        raise service_error(status, attempt, "rest", request_id=answer.request_id, too_large=too_large)
    coding = answer.headers.get("content-encoding", "")
    if coding.lower() not in _CODINGS:
        message = f"the answer is encoded as {attempt.hide(quote_peer(coding))}, which was not asked for"
        raise ProtocolError(message)


def _raise_disguised_error(answer: HttpAnswer, attempt: Attempt) -> None:
    """Raise the error in an answer that has a good status and no results."""
    if (status := find_error(answer.body)) is not None:
        raise service_error(status, attempt, "rest", request_id=answer.request_id)
