"""HTTP responses: answers and failures as JSON."""

from http import HTTPStatus
from typing import cast

from google.protobuf.message import Message  # noqa: TC002
from starlette.responses import Response

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.calls.failure import describe
from vision_grpc.local.calls.reply import Reply


def reply(http_status: int, body: bytes, ids: CallIds) -> Response:
    """Return a response with a JSON body and the ids of its call as headers."""
    return Response(body, http_status, headers=dict(ids.metadata), media_type="application/json")


def failure(error: Exception, ids: CallIds, http_status: int | None = None) -> Response:
    """Return the response of a failed call; the HTTP status is that of the error's code unless it is given."""
    status = describe(error, ids)
    return reply(Code(status.code).http_status if http_status is None else http_status, to_json(status), ids)


def write(sent: Reply, ids: CallIds) -> Response:
    """Return the response of a reply; megabytes of JSON are made here."""
    if sent.status is None:
        message = cast("Message", sent.message)
        response = reply(HTTPStatus.OK, to_json(message) if sent.body is None else sent.body, ids)
    else:
        status = sent.status
        http_status = Code(status.code).http_status if sent.http_status is None else sent.http_status
        response = reply(http_status, to_json(status) if sent.body is None else sent.body, ids)
    response.headers.update(sent.headers)
    return response
