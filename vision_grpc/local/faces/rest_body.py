"""The body of a REST request, read and decompressed; never more than the longest valid request is in memory."""

import gzip
import io
import zlib
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request

from vision_grpc.contract.sizes import JSON_REQUEST_BYTES
from vision_grpc.errors import Code
from vision_grpc.local.calls.reply import RefusedError
from vision_grpc.texts.quoting import show

# RFC 9110 section 8.4.1.3: x-gzip is the same.
_GZIP = {"gzip", "x-gzip"}
_PLAIN = {"", "identity"}


class RefusedBodyError(RefusedError):
    """The body was not parsed; the HTTP status and headers of the response say why."""

    def __init__(
        self, http_status: HTTPStatus, code: Code, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.http_status = http_status
        self.headers = {} if headers is None else headers


async def read_body(request: Request) -> bytes:
    """Return the body as it was sent.

    Raises:
        RefusedBodyError: the body is too long. If Content-Length says so, it is not read at all.
    """
    if int(request.headers.get("content-length", "0")) > JSON_REQUEST_BYTES:
        raise _too_long()
    chunks: list[bytes] = []
    left = JSON_REQUEST_BYTES
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise _too_long()
        chunks.append(chunk)
    return b"".join(chunks)


def decode_body(body: bytes, content_encoding: str) -> bytes:
    """Return the body without its content encoding. A long body takes too much time for an event loop.

    Raises:
        RefusedBodyError: the encoding is not gzip, the body is not valid gzip, or it is too long.
    """
    encodings = [name for part in content_encoding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if not encodings:
        return body
    if len(encodings) > 1 or encodings[0] not in _GZIP:
        message = f"the content encoding {show(content_encoding)} is not supported: send gzip or none"
        # RFC 9110 section 15.5.16 asks for the header. gRPC's code for an unsupported compression is UNIMPLEMENTED.
        headers = {"accept-encoding": "gzip"}
        raise RefusedBodyError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Code.UNIMPLEMENTED, message, headers=headers)
    try:
        with gzip.open(io.BytesIO(body)) as file:
            inflated = file.read(JSON_REQUEST_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        message = f"the content encoding says gzip, but the body is not valid gzip: {error}"
        raise RefusedBodyError(HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT, message) from error
    if len(inflated) > JSON_REQUEST_BYTES:
        raise _too_long()
    return inflated


def _too_long() -> RefusedBodyError:
    message = f"the body is longer than any valid request, {JSON_REQUEST_BYTES:,} bytes"
    return RefusedBodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.RESOURCE_EXHAUSTED, message)
