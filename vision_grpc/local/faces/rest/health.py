"""Whether the service lives, and whether it takes calls, for what starts and watches it."""

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vision_grpc.local.faces.rest.exchange import exchange_of

_HEADERS = {"cache-control": "no-store"}


def health_routes(trouble: Callable[[], str | None] = lambda: None) -> list[Route]:
    """Return the routes: `/livez` and `/healthz` are always 200, `/readyz` is 503 while there is trouble.

    There is once the service is stopping, and where `trouble` returns what is wrong.
    Only connections that were open before see the 503: new ones are refused then. A service whose queue is full is
    ready: its refusals tell clients when to come again, while a balancer that took it out would leave them with
    nobody to ask.
    """

    async def live(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_HEADERS)

    async def ready(request: Request) -> Response:
        reason = "the service is stopping" if exchange_of(request.scope).is_stopping else trouble()
        if reason is not None:
            return PlainTextResponse(f"{reason}\n", HTTPStatus.SERVICE_UNAVAILABLE, headers=_HEADERS)
        return PlainTextResponse("ok\n", headers=_HEADERS)

    return [Route("/healthz", live), Route("/livez", live), Route("/readyz", ready)]
