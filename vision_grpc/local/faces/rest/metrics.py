"""The metrics over HTTP, where Prometheus looks for them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.local.calls.metrics import CONTENT_TYPE, Metrics


def metrics_route(metrics: Metrics) -> Route:
    """Return the route `/metrics`. It needs no credentials: there is nothing of clients in it but counts."""

    async def show(_: Request) -> Response:
        return Response(metrics.render(), headers={"content-type": CONTENT_TYPE})

    return Route("/metrics", show)
