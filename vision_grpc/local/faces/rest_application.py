"""Calls over REST: proto3 JSON at the path that the method's http option names."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import cast

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.codec.json import Skipped, from_json, read_as_gateway, to_json
from vision_grpc.contract.method import BATCH_ANALYZE, http_rule_of
from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.cloud.rest import cloud_routes
from vision_grpc.local.faces.rest_body import RefusedBodyError, decode_body, read_body
from vision_grpc.local.faces.rest_reply import failure, reply
from vision_grpc.local.failure import BUG, CallIds
from vision_grpc.local.service import ServiceStoppingError, VisionService
from vision_grpc.messages import BatchAnalyzeRequest

_PATH: str = http_rule_of(BATCH_ANALYZE).post

_log = logging.getLogger(__name__)


def application(
    service: VisionService, calls: ThreadPoolExecutor, identities: Identities | None, *, strict: bool
) -> Starlette:
    """Return the ASGI application; it does its work on the threads of `calls`."""

    def answer(sent: bytes, headers: Headers, ids: CallIds, abandoned: Callable[[], bool]) -> Response:
        try:
            service.check_open()
            if identities is not None:
                identities.check(headers.get("authorization"))
            body = decode_body(sent, ", ".join(headers.getlist("content-encoding")))
            if strict:
                request = from_json(body, BatchAnalyzeRequest, ignore_unknown=False)
            else:
                request, skipped = read_as_gateway(body, BatchAnalyzeRequest)
                _log_skipped(skipped, ids)
            return reply(HTTPStatus.OK, to_json(service.batch_analyze(request, abandoned=abandoned)), ids)
        except ProtocolError as error:
            message = f"the body is not a BatchAnalyzeRequest: {error}"
            return failure(ServiceError(Code.INVALID_ARGUMENT, message), ids)
        except RefusedBodyError as error:
            return _refuse_body(error, ids)
        except Exception as error:  # noqa: BLE001 - Starlette would answer too, but close the connection unannounced
            return failure(error, ids)

    async def batch_analyze(request: Request) -> Response:
        ids = CallIds.make()
        left = threading.Event()
        try:
            # The body is read even if the call fails anyway: some clients lose a response that comes while they send.
            body = await read_body(request)
            watch = asyncio.create_task(_watch(request, left))
            try:
                # Parsing megabytes of JSON and waiting for OCR would block the event loop.
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(calls, answer, body, request.headers, ids, left.is_set)
            finally:
                watch.cancel()
        except RefusedBodyError as error:
            return _refuse_body(error, ids)
        except asyncio.CancelledError:
            # Only the server cancels tasks, when it stops.
            return failure(ServiceStoppingError(), ids)

    routed = Starlette(
        routes=[
            Route(_PATH, batch_analyze, methods=["POST"]),
            *([] if identities is None else cloud_routes(identities)),
        ],
        exception_handlers={HTTPException: _no_such_route, ClientDisconnect: _disconnected, Exception: _bug},
    )
    routed.router.redirect_slashes = False
    return routed


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


def _refuse_body(error: RefusedBodyError, ids: CallIds) -> Response:
    response = failure(error, ids, error.http_status)
    response.headers.update(error.headers)
    return response


async def _no_such_route(_: Request, error: Exception) -> Response:
    http_error = cast("HTTPException", error)
    message = f"{http_error.detail}: this service takes POST {_PATH}"
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
