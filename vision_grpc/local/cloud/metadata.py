"""The metadata service of a virtual machine, which gives tokens of the machine's service account."""

import json
import time
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.local.addresses import is_same_machine
from vision_grpc.local.cloud.iam import Identities

PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


_OF_PROXIES = ("forwarded", "via", "x-forwarded-for")


def metadata_route(identities: Identities) -> Route:
    """Return the route of tokens, for programs on this machine, as the cloud's is for programs on the virtual machine.

    As in the cloud, requests without the Metadata-Flavor header and requests that a proxy has forwarded get 403.
    """

    async def token(request: Request) -> Response:
        if problem := _problem(request):
            return Response(problem, HTTPStatus.FORBIDDEN)
        value, ends_at = identities.issue()
        # Whole seconds, because clients in languages with types read nothing else.
        answer = {"access_token": value, "expires_in": max(0, int(ends_at - time.time())), "token_type": "Bearer"}
        return Response(json.dumps(answer), media_type="application/json")

    return Route(PATH, token, methods=["GET"])


def _problem(request: Request) -> str | None:
    """Return what is against giving a token, None if nothing is."""
    if request.headers.get("metadata-flavor") != "Google":
        return "the header Metadata-Flavor: Google is missing"
    if any(name in request.headers for name in _OF_PROXIES):
        return "tokens are not given through proxies"
    if "origin" in request.headers:
        return "tokens are not given to web pages"
    peer, reached = request.client, request.scope["server"]
    if peer is None or reached is None or not is_same_machine(peer.host, reached[0]):
        return "tokens are given to programs on the same machine only: use the API key or the authorized key"
    return None
