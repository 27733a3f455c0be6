"""The cloud's IAM, endpoint and metadata services over REST, as far as clients of Vision need them."""

from collections.abc import Callable
from http import HTTPStatus

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.cloud.endpoints import get_endpoint, list_endpoints
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.cloud.metadata import metadata_route
from vision_grpc.local.faces.rest.reply import failure, reply
from vision_grpc.messages import CreateIamTokenRequest

# The longest request that the constraints of the protos allow is shorter.
_BODY_BYTES = 64 * 1024


def cloud_routes(identities: Identities) -> list[Route]:
    """Return the routes of all three services; the paths are those of the protos' http options."""

    async def create_token(request: Request) -> Response:
        body = await _read(request)
        return _answer(lambda: identities.create_token(_parse(body)))

    async def list_all(request: Request) -> Response:
        return _answer(lambda: list_endpoints(request.url.netloc))

    async def get_one(request: Request) -> Response:
        return _answer(lambda: get_endpoint(request.path_params["service_id"], request.url.netloc))

    return [
        Route("/iam/v1/tokens", create_token, methods=["POST"]),
        Route("/endpoints", list_all),
        Route("/endpoints/{service_id}", get_one),
        metadata_route(identities),
    ]


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            break
    return bytes(body)


def _parse(body: bytes) -> CreateIamTokenRequest:
    if len(body) > _BODY_BYTES:
        message = f"the body is longer than any valid request, {_BODY_BYTES:,} bytes"
        raise ServiceError(Code.INVALID_ARGUMENT, message)
    try:
        return from_json(body, CreateIamTokenRequest)
    except ProtocolError:
        # The parser's message quotes the body, which holds secrets.
        message = "the body is not a CreateIamTokenRequest"
        raise ServiceError(Code.INVALID_ARGUMENT, message) from None


def _answer(work: Callable[[], Message]) -> Response:
    ids = CallIds.make()
    try:
        return reply(HTTPStatus.OK, to_json(work()), ids)
    except Exception as error:  # noqa: BLE001 - bugs are answered too, and the connection stays open
        return failure(error, ids)
