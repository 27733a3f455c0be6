"""HTTP responses: answers and failures as JSON."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from google.protobuf.message import Message
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vision_grpc.codec.json import to_json
from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call, CallIds, Line
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faces.rest.body import InThread
from vision_grpc.messages import Status  # noqa: TC001

# A slow body is sent in pieces, this many a second.
_PIECES_PER_S = 10


def reply(http_status: int, body: bytes, ids: CallIds) -> Response:
    """Return a response with a JSON body and the ids of its call as headers."""
    return Response(body, http_status, headers=dict(ids.metadata), media_type="application/json")


def failure(error: Exception, ids: CallIds, http_status: int | None = None) -> Response:
    """Return the response of a failed call; the HTTP status is that of the error unless it is given."""
    told = Reply.to_error(error, ids)
    return _failure(told if http_status is None else told._replace(http_status=http_status), ids)


def write(sent: Reply, call: Call, *, is_stream: bool = False) -> Response:
    """Return the response of a reply; megabytes of JSON are made here. A stream is a line of JSON for each message."""
    if sent.raw is not None:
        response = Response(sent.raw.body, sent.raw.http_status, headers=dict(sent.raw.headers))
    elif sent.status is None or sent.stream:
        response = reply(HTTPStatus.OK, _answer_of(sent) if sent.body is None else sent.body, call.ids)
        response.headers.update(sent.headers)
    elif is_stream and sent.body is None:
        response = _failure(sent._replace(body=_error_line(sent)), call.ids)
    else:
        response = _failure(sent, call.ids)
    if sent.bytes_per_s is None and sent.cut_after is None:
        return response
    return _BrokenResponse(response, call.line, bytes_per_s=sent.bytes_per_s, cut_after=sent.cut_after)


def _answer_of(sent: Reply) -> bytes:
    return to_json(cast("Message", sent.message)) if sent.stream is None else json_lines(sent)


def json_lines(sent: Reply) -> bytes:
    """Return the JSON of a stream: a line for each message, and one for the error that it ends with."""
    lines = [_line_of(sent.messages, number) for number in range(len(sent.messages))]
    return b"".join(lines if sent.status is None else [*lines, _error_line(sent)])


async def lines_of(sent: Reply, in_thread: InThread) -> AsyncIterator[bytes]:
    """Yield the lines of a long stream as they are sent; each is made in another thread when its turn has come."""
    for number in range(len(sent.messages)):
        yield await in_thread(partial(_line_of, sent.messages, number))
    if sent.status is not None:
        yield _error_line(sent)


def _line_of(messages: Sequence[Message], number: int) -> bytes:
    return b'{"result":%b}\n' % to_json(messages[number])


def _error_line(sent: Reply) -> bytes:
    """Return the error of a stream, in the words of the gateways that make JSON of streams."""
    status = cast("Status", sent.status)
    code = Code.from_number(status.code)
    http_status = code.http_status if sent.http_status is None else sent.http_status
    error: dict[str, Any] = {
        "grpcCode": status.code,
        "httpCode": http_status,
        "message": status.message,
        "httpStatus": _phrase(http_status),
        "details": json.loads(to_json(status)).get("details", []),
    }
    return json.dumps({"error": error}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _phrase(http_status: int) -> str:
    try:
        return HTTPStatus(http_status).phrase
    except ValueError:
        return ""


def _failure(sent: Reply, ids: CallIds) -> Response:
    status = cast("Status", sent.status)
    http_status = Code(status.code).http_status if sent.http_status is None else sent.http_status
    response = reply(http_status, to_json(status) if sent.body is None else sent.body, ids)
    if (wait_s := asked_wait_s(status.details)) is not None:
        # The header takes whole seconds; the RetryInfo in the body is exact.
        response.headers["retry-after"] = str(math.ceil(wait_s))
    response.headers.update(sent.headers)
    return response


class _BrokenResponse(Response):
    """A response that comes slowly, or not whole, on command."""

    def __init__(self, whole: Response, line: Line, *, bytes_per_s: float | None, cut_after: int | None) -> None:
        super().__init__(whole.body, whole.status_code, headers=dict(whole.headers))
        self._line = line
        self._bytes_per_s = bytes_per_s
        self._cut_after = cut_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the head, whose Content-Length is that of the whole body, and then as much as is to come."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for index, piece in enumerate(self._pieces()):
            if index and self._bytes_per_s is not None:
                await asyncio.sleep(len(piece) / self._bytes_per_s)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self._cut_after is None or self._cut_after >= len(self.body):
            await send({"type": "http.response.body"})
        else:
            self._line.close()

    def _pieces(self) -> Iterator[bytes]:
        body = bytes(self.body)[: self._cut_after]
        size = len(body) if self._bytes_per_s is None else max(1, int(self._bytes_per_s / _PIECES_PER_S))
        return (body[start : start + size] for start in range(0, max(1, len(body)), max(1, size)))
