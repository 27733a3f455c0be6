"""The metadata service of a virtual machine, which gives tokens of the machine's service account."""

import json
import time
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.local.cloud.iam import Identities

PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


def metadata_route(identities: Identities) -> Route:
    """Return the route of tokens; requests without the Metadata-Flavor header get 403, as in the cloud."""

    async def token(request: Request) -> Response:
        if request.headers.get("metadata-flavor") != "Google":
            return Response("the header Metadata-Flavor: Google is missing", HTTPStatus.FORBIDDEN)
        value, ends_at = identities.issue()
        answer = {"access_token": value, "expires_in": ends_at - time.time(), "token_type": "Bearer"}
        return Response(json.dumps(answer), media_type="application/json")

    return Route(PATH, token)
