"""Methods over REST: proto3 JSON at the path that the method's http option names."""

import asyncio
import contextlib
import logging
from concurrent.futures import Executor
from functools import partial

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vision_grpc.codec.json import Skipped, from_json, read_as_gateway
from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faces.rest.address import read_address
from vision_grpc.local.faces.rest.body import check_values, decode_body, read_body
from vision_grpc.local.faces.rest.exchange import exchange_of
from vision_grpc.local.faces.rest.reply import lines_of, write
from vision_grpc.local.listening import join_address
from vision_grpc.local.service import ServiceStoppingError

# Converting more JSON than this would hold up the event loop; for less, another thread would cost more than it saves.
_SMALL_BYTES = 16 * 1024
# Reading JSON takes about three times its own memory for a moment, which is no gain in parallel: Python does it one by
# one. A batch of eight images of 1 MB is below.
_LARGE_BYTES = 12 * 1024 * 1024

_log = logging.getLogger(__name__)


def method_route(desk: Desk, method: Method, threads: Executor, *, strict: bool) -> Route:
    """Return the route of a method; it converts JSON on `threads`."""
    large_bodies = asyncio.Lock()

    async def answer(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        exchange = exchange_of(request.scope)
        exchange.is_call = True
        call = _call_of(request, method)

        async def read() -> Message:
            if method.http_verb == "GET":
                return read_address(request, method.request_class, strict=strict)
            body = await read_body(request)
            call.request_bytes = len(body)
            encoding = ", ".join(request.headers.getlist("content-encoding"))
            text = await decode_body(body, encoding, exchange.account, lambda work: loop.run_in_executor(threads, work))
            del body
            if len(text) <= _SMALL_BYTES:
                return _parse(text, method, call.ids, strict)
            async with large_bodies if len(text) > _LARGE_BYTES else contextlib.nullcontext():
                return await loop.run_in_executor(threads, _parse, text, method, call.ids, strict)

        try:
            sent = await desk.answer(call, method, read)
            if sent.is_long_stream:
                return StreamingResponse(
                    lines_of(sent, lambda work: loop.run_in_executor(threads, work)),
                    headers=dict(call.ids.metadata),
                    media_type="application/json",
                )
            if sum(message.ByteSize() for message in sent.messages) <= _SMALL_BYTES:
                return write(sent, call, is_stream=method.is_stream)
            return await loop.run_in_executor(threads, partial(write, sent, call, is_stream=method.is_stream))
        except asyncio.CancelledError:
            # The client has left, and gets nothing; or the service stops.
            return write(Reply.to_error(ServiceStoppingError(), call.ids), call, is_stream=method.is_stream)

    return Route(method.http_path, answer, methods=[method.http_verb])


def _call_of(request: Request, method: Method) -> Call:
    exchange = exchange_of(request.scope)
    names = dict.fromkeys(name.lower() for name in request.headers)
    client = request.client
    return Call(
        face="rest",
        method=method.path,
        peer="" if client is None else join_address(client.host, client.port),
        metadata={name: ", ".join(request.headers.getlist(name)) for name in names},
        line=exchange.line,
        left=exchange.left,
    )


def _parse(text: bytes, method: Method, ids: CallIds, strict: bool) -> Message:  # noqa: FBT001 - by run_in_executor
    check_values(text)
    try:
        if strict:
            return from_json(text, method.request_class, ignore_unknown=False)
        request, skipped = read_as_gateway(text, method.request_class)
    except ProtocolError as error:
        message = f"the body is not a {method.request_class.DESCRIPTOR.name}: {error}"
        raise ServiceError(Code.INVALID_ARGUMENT, message) from error
    _log_skipped(skipped, ids)
    return request


def _log_skipped(fields: Skipped, ids: CallIds) -> None:
    """Log the fields that were skipped, so that users find misspelled names."""
    if fields.count:
        shown = ", ".join(fields.paths)
        more = f" and {left} more" if (left := fields.count - len(fields.paths)) else ""
        _log.warning("request %s: skipped %s%s, which the contract does not have", ids.request_id, shown, more)
