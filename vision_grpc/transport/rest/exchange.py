"""What goes over REST: the headers of requests, the answers and errors of responses."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from vision_grpc.api.api import Api, Reply
from vision_grpc.codec.json import read_error, read_error_body, to_json, to_utf8, whole_values
from vision_grpc.errors import ProtocolError, ServiceError, TransportError, VisionError
from vision_grpc.messages import Status
from vision_grpc.network.attempt import Attempt
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
_MAY_BE_JSON = re.compile(rb"\s*[{\[]")


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


def read_response(answer: HttpAnswer, attempt: Attempt, api: Api) -> Reply:
    """Return what an HTTP answer holds.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    body = _json_of(answer, attempt)
    response = _read(api.parse_json, body, attempt)
    _raise_disguised_error(answer, _read(api.error_in, body, attempt), attempt)
    return response


def read_answer(answer: HttpAnswer, attempt: Attempt, api: Api) -> Answer:
    """Return the answer, cut per image and not parsed further; the errors in it are without the secret.

    Raises:
        ServiceError: it holds an error.
        ProtocolError: it holds neither.
    """
    body = _json_of(answer, attempt)
    outcomes = _read(partial(api.read_json, hide=attempt.hide_bytes), body, attempt)
    if not outcomes:
        _raise_disguised_error(answer, _read(api.error_in, body, attempt), attempt)
    return Answer(outcomes, None if answer.request_id is None else attempt.hide(answer.request_id), "rest")


def read_beginning(answer: HttpAnswer, error: VisionError, attempt: Attempt, api: Api) -> Answer:
    """Return what came of a stream before its connection broke or its time was over, and that error as its end.

    Raises:
        VisionError: the error itself, if there is no whole page, or if the answer cannot be relied on.
    """
    if isinstance(error, TransportError) and not isinstance(error, ProtocolError):
        with suppress(ProtocolError, ServiceError):
            last = to_json(Status(code=error.code, message=str(error)))
            body = b'%b{"error":%b}' % (whole_values(_json_of(answer, attempt)), last)
            return read_answer(answer._replace(body=body), attempt, api)
    raise error


def _read(parse: Callable[[bytes], _T], body: bytes, attempt: Attempt) -> _T:
    with suppress(ProtocolError):
        return parse(body)
    # The error quotes what is wrong: once more without the secret.
    return parse(attempt.hide_bytes(body))


def _json_of(answer: HttpAnswer, attempt: Attempt) -> bytes:
    """Return the JSON of a good answer, in UTF-8.

    Raises:
        ServiceError: the answer is an error.
        ProtocolError: it is something else.
    """
    # A proxy that takes the call for one of gRPC gives its errors a good HTTP status.
    if answer.status != _OK or answer.headers.get("content-type", "").lower().startswith("application/grpc"):
        status = read_error(answer.status, answer.headers, answer.body, datetime.now(UTC))
        too_large = answer.status == _TOO_LARGE
        raise service_error(status, attempt, "rest", request_id=answer.request_id, too_large=too_large)
    if coding := answer.headers.get("content-encoding"):
        message = f"the answer is encoded as {attempt.hide(quote_peer(coding))}, which was not asked for"
        raise ProtocolError(message)
    body = to_utf8(answer.body, answer.headers.get("content-type", ""))
    if not _MAY_BE_JSON.match(body):
        # A page to sign in at, for example.
        page = read_error_body(body, answer.status)
        message = f"the answer is not JSON: {attempt.hide(page.message)}"
        raise ProtocolError(message)
    return body


def _raise_disguised_error(answer: HttpAnswer, status: Status | None, attempt: Attempt) -> None:
    """Raise the error in an answer that has a good status."""
    if status is not None:
        raise service_error(status, attempt, "rest", request_id=answer.request_id)
