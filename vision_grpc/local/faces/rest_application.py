"""Calls over REST: proto3 JSON at the path that the method's http option names."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.codec.json import Skipped, from_json, read_as_gateway
from vision_grpc.contract.method import BATCH_ANALYZE, http_rule_of
from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.failure import BUG
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.cloud.rest import cloud_routes
from vision_grpc.local.faces.rest_body import decode_body, read_body
from vision_grpc.local.faces.rest_reply import failure, write
from vision_grpc.local.listening import join_address
from vision_grpc.local.service import ServiceStoppingError

_log = logging.getLogger(__name__)


def application(
    desk: Desk,
    method: Method,
    calls: ThreadPoolExecutor,
    identities: Identities | None,
    *,
    strict: bool,
    more_routes: Sequence[Route] = (),
) -> Starlette:
    """Return the ASGI application; it converts JSON on the threads of `calls`."""

    def parse(sent: bytes, content_encoding: str, ids: CallIds) -> Message:
        body = decode_body(sent, content_encoding)
        try:
            if strict:
                return from_json(body, method.request_class, ignore_unknown=False)
            request, skipped = read_as_gateway(body, method.request_class)
        except ProtocolError as error:
            message = f"the body is not a {method.request_class.DESCRIPTOR.name}: {error}"
            raise ServiceError(Code.INVALID_ARGUMENT, message) from error
        _log_skipped(skipped, ids)
        return request

    async def answer(request: Request) -> Response:
        loop = asyncio.get_running_loop()
        call = _call_of(request, method)
        watches: list[asyncio.Task[None]] = []

        async def read() -> Message:
            try:
                body = await read_body(request)
            except ClientDisconnect as error:
                message = "the client left before its request was there"
                raise ServiceError(Code.CANCELLED, message) from error
            call.request_bytes = len(body)
            watches.append(asyncio.create_task(_watch(request, call.left)))
            # Parsing megabytes of JSON would block the event loop.
            encoding = ", ".join(request.headers.getlist("content-encoding"))
            return await loop.run_in_executor(calls, parse, body, encoding, call.ids)

        try:
            sent = await desk.answer(call, method, read)
            return await loop.run_in_executor(calls, write, sent, call.ids)
        except asyncio.CancelledError:
            # Only the server cancels tasks, when it stops.
            return write(Reply.to_error(ServiceStoppingError(), call.ids), call.ids)
        finally:
            for watch in watches:
                watch.cancel()

    routed = Starlette(
        routes=[
            Route(method.http_path, answer, methods=["POST"]),
            *([] if identities is None else cloud_routes(identities)),
            *more_routes,
        ],
        exception_handlers={HTTPException: _no_such_route, ClientDisconnect: _disconnected, Exception: _bug},
    )
    routed.router.redirect_slashes = False
    return routed


def _call_of(request: Request, method: Method) -> Call:
    names = dict.fromkeys(name.lower() for name in request.headers)
    client = request.client
    return Call(
        face="rest",
        method=method.path,
        peer="" if client is None else join_address(client.host, client.port),
        metadata={name: ", ".join(request.headers.getlist(name)) for name in names},
        line=_Line(),
    )


class _Line:
    """A connection of uvicorn's, which cannot be broken on command."""

    def reset(self) -> None: ...

    def close(self) -> None: ...

    def reset_call(self) -> None: ...

    def go_away(self) -> None: ...

    def freeze(self) -> None: ...


def _log_skipped(fields: Skipped, ids: CallIds) -> None:
    """Log the fields that were skipped, so that users find misspelled names."""
    if fields.count:
        shown = ", ".join(fields.paths)
        more = f" and {left} more" if (left := fields.count - len(fields.paths)) else ""
        _log.warning("request %s: skipped %s%s, which the contract does not have", ids.request_id, shown, more)


async def _watch(request: Request, left: threading.Event) -> None:
    """Set the event when the client closes the connection. The body must have been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    left.set()


async def _no_such_route(_: Request, error: Exception) -> Response:
    http_error = cast("HTTPException", error)
    message = f"{http_error.detail}: this service takes POST {http_rule_of(BATCH_ANALYZE).post}"
    service_error = ServiceError(Code.from_http(http_error.status_code), message)
    response = failure(service_error, CallIds.make(), http_error.status_code)
    response.headers.update(http_error.headers or {})
    return response


async def _disconnected(_: Request, __: Exception) -> Response:
    return Response(status_code=Code.CANCELLED.http_status)


async def _bug(_: Request, __: Exception) -> Response:
    # Some route did not handle its own exception. After this response Starlette raises it again, so it is logged and
    # the connection is closed.
    response = failure(ServiceError(Code.INTERNAL, BUG), CallIds.make())
    response.headers["connection"] = "close"
    return response
