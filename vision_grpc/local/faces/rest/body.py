"""The body of a REST request, read and decompressed; never more than the longest valid request is in memory."""

import gzip
import io
import zlib
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeAlias

from starlette.requests import Request

from vision_grpc.contract.sizes import JSON_REQUEST_BYTES
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.budget import Account
from vision_grpc.local.calls.reply import RefusedError
from vision_grpc.texts.quoting import show

# RFC 9110 section 8.4.1.3: x-gzip is the same.
_GZIP = {"gzip", "x-gzip"}
_PLAIN = {"", "identity"}
_STEP_BYTES = 4 * 1024 * 1024
# Each member costs as much time as some kilobytes. By chance, the mark is in random bytes once in 16 million.
_MEMBER = b"\x1f\x8b\x08"
_MOST_MEMBERS = 1000
# Images hold neither brackets nor commas, so that a valid request has a few hundred. A value takes a kilobyte or so of
# memory while JSON is read, however short it is in the text.
_MOST_VALUES = 50_000

InThread: TypeAlias = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Returns what a function returns in another thread."""


class RefusedBodyError(RefusedError):
    """The body was not parsed; the HTTP status and headers of the response say why."""

    def __init__(
        self, http_status: HTTPStatus, code: Code, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.http_status = http_status
        self.headers = {} if headers is None else headers


def check_length(length: int) -> None:
    """Check the length of a body, or of as much of it as there is.

    Raises:
        RefusedBodyError: the body is longer than any valid request.
    """
    if length > JSON_REQUEST_BYTES:
        message = f"the body is longer than any valid request, {JSON_REQUEST_BYTES:,} bytes"
        raise RefusedBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.RESOURCE_EXHAUSTED, message)


async def read_body(request: Request) -> bytes:
    """Return the body as it was sent; the connection bounds its length, its time and its memory.

    Raises:
        ServiceError: the body is too long, came too slowly, or there is no memory for it now.
    """
    return b"".join([chunk async for chunk in request.stream()])


async def decode_body(body: bytes, content_encoding: str, account: Account, in_thread: InThread) -> bytes:
    """Return the body without its content encoding, whose bytes are then in the account in place of those of `body`.

    Raises:
        RefusedBodyError: the encoding is not gzip, the body is not valid gzip, or it is too long.
        ServiceError: there is no memory for the body now.
    """
    encodings = [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if not encodings:
        return body
    if len(encodings) > 1 or encodings[0] not in _GZIP:
        message = f"the content encoding {show(content_encoding)} is not supported: send gzip or none"
        # RFC 9110 section 15.5.16 asks for the header. gRPC's code for an unsupported compression is UNIMPLEMENTED.
        headers = {"accept-encoding": "gzip"}
        raise RefusedBodyError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Code.UNIMPLEMENTED, message, headers=headers)
    if body.count(_MEMBER) > _MOST_MEMBERS:
        too_many = f"it has more than {_MOST_MEMBERS:,} members"
        raise _not_gzip(too_many)
    parts: list[bytes] = []
    length = 0
    with gzip.open(io.BytesIO(body)) as file:
        while part := await in_thread(lambda: _inflate(file)):
            length += len(part)
            check_length(length)
            await account.take(len(part))
            parts.append(part)
    account.give_back(len(body))
    return b"".join(parts)


def check_values(body: bytes) -> None:
    """Check that a JSON text has not many times the values of any valid request, before it is read.

    Raises:
        ServiceError: it has.
    """
    values = 0
    for mark in (b",", b"[", b"{"):
        # This is many times as fast as bytes.count where there are few (CPython 3.11 to 3.14).
        at = body.find(mark)
        while at >= 0:
            values += 1
            if values > _MOST_VALUES:
                message = f"the body has more than {_MOST_VALUES:,} values, and so more than any valid request"
                raise ServiceError(Code.INVALID_ARGUMENT, message)
            at = body.find(mark, at + 1)


def _inflate(file: gzip.GzipFile) -> bytes:
    try:
        return file.read(_STEP_BYTES)
    except (EOFError, OSError, zlib.error) as error:
        raise _not_gzip(str(error)) from error


def _not_gzip(reason: str) -> RefusedBodyError:
    message = f"the content encoding says gzip, but the body is not valid gzip: {reason}"
    return RefusedBodyError(HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT, message)
