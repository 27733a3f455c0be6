"""The routes of the REST face, behind its guard, and how errors of any route are answered."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.failure import BUG
from vision_grpc.local.calls.method import Method
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.cloud.rest import cloud_routes
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.faces.rest.analyze import method_route
from vision_grpc.local.faces.rest.guard import Guard
from vision_grpc.local.faces.rest.health import health_routes
from vision_grpc.local.faces.rest.hosts import OwnHosts
from vision_grpc.local.faces.rest.reply import failure
from vision_grpc.local.faces.rest.request_log import RequestLog


def application(
    desk: Desk,
    methods: Sequence[Method],
    threads: Executor,
    identities: Identities | None,
    *,
    host: str,
    config: ServiceConfig,
    strict: bool,
    trouble: Callable[[], str | None] = lambda: None,
    more_routes: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """Return the ASGI application of a service which listens at `host`; it converts JSON on `threads`.

    `trouble` returns why a service that runs is not ready, None if it is.
    `more_routes` are those of other rooms.
    """
    routed = Starlette(
        routes=[
            *(method_route(desk, method, threads, strict=strict) for method in _in_order(methods)),
            *health_routes(trouble),
            *([] if identities is None else cloud_routes(identities)),
            *more_routes,
        ],
        exception_handlers={
            HTTPException: _no_such_route(methods),
            ServiceError: _refused,
            Exception: _bug,
        },
    )
    routed.router.redirect_slashes = False
    guarded = Guard(routed, hosts=OwnHosts(host, config.hosts), cors_origins=config.cors_origins)
    return RequestLog(guarded)


def _in_order(methods: Iterable[Method]) -> list[Method]:
    """Return the methods so that the first path which fits is the right one: `/{id}:cancel` before `/{id}`."""
    return sorted(methods, key=lambda method: len(method.http_path), reverse=True)


def _no_such_route(methods: Iterable[Method]) -> Callable[[Request, Exception], Awaitable[Response]]:
    taken = ", ".join(f"{method.http_verb} {method.http_path}" for method in methods)

    async def answer(_: Request, error: Exception) -> Response:
        http_error = cast("HTTPException", error)
        message = f"{http_error.detail}: this service takes {taken}"
        service_error = ServiceError(Code.from_http(http_error.status_code), message)
        response = failure(service_error, CallIds.make(), http_error.status_code)
        response.headers.update(http_error.headers or {})
        return response

    return answer


async def _refused(_: Request, error: Exception) -> Response:
    return failure(error, CallIds.make())


async def _bug(_: Request, __: Exception) -> Response:
    # Some route did not handle its own exception. After this response Starlette raises it again, so it is logged and
    # the connection is closed.
    response = failure(ServiceError(Code.INTERNAL, BUG), CallIds.make())
    response.headers["connection"] = "close"
    return response
