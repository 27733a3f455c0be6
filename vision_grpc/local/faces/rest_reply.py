"""HTTP responses: answers and failures as JSON."""

from starlette.responses import Response

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code
from vision_grpc.local.failure import CallIds, describe


def reply(http_status: int, body: bytes, ids: CallIds) -> Response:
    """Return a response with a JSON body and the ids of its call as headers."""
    return Response(body, http_status, headers=dict(ids.metadata), media_type="application/json")


def failure(error: Exception, ids: CallIds, http_status: int | None = None) -> Response:
    """Return the response of a failed call; the HTTP status is that of the error's code unless it is given."""
    status = describe(error, ids)
    return reply(Code(status.code).http_status if http_status is None else http_status, to_json(status), ids)
