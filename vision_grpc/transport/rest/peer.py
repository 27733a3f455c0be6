"""What REST calls need and bring: headers, bodies, answers, errors."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from vision_grpc.codec.json import find_error, from_json, read_error, split_results
from vision_grpc.contract.method import Headers
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.http.body import GZIP
from vision_grpc.network.http.message import HttpAnswer
from vision_grpc.network.secrets.quoting import quote_peer
from vision_grpc.results import Answer
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, error_of
from vision_grpc.stream.batching import BATCH_IMAGES
from vision_grpc.transport.refusal import service_error
from vision_grpc.transport.request_id import make_request_id
from vision_grpc.version import USER_AGENT

_T = TypeVar("_T")

_OK = 200
_TOO_LARGE = 413
_CODINGS = GZIP | {"", "identity"}


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
    return Answer(outcomes, None if answer.request_id is None else attempt.hide(answer.request_id), "rest")


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
