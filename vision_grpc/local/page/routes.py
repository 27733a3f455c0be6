"""What the page and tests ask for over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.faces.rest_reply import failure
from vision_grpc.local.listening import join_address
from vision_grpc.local.page.choice import Choice
from vision_grpc.local.page.details import details, image_of, kind_of
from vision_grpc.local.page.document import document
from vision_grpc.local.page.events import State, stream
from vision_grpc.local.page.history import History
from vision_grpc.local.page.record import Record
from vision_grpc.local.page.replay import replay
from vision_grpc.texts.quoting import show

_CALLS = "/_vision/requests"
# What a call contains is data, whatever a browser is told to do with it.
_DATA_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_MOST_LISTENERS = 32

_Answer = Callable[[Request], Awaitable[Response]]


def page_routes(
    history: History, desk: Desk, method: Method, threads: Executor, identities: Identities | None, state: State
) -> list[Route]:
    """Return the routes of the page, which needs no credentials, and of its data, which needs those of calls."""

    async def show_page(_: Request) -> Response:
        return Response(document().content, media_type="text/html", headers=document().headers)

    async def show_state(_: Request) -> Response:
        return _data(state())

    async def events(_: Request) -> Response:
        if history.watchers >= _MOST_LISTENERS:
            message = f"{_MOST_LISTENERS} pages are open already: close one"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message)
        return StreamingResponse(stream(history, state), media_type="text/event-stream", headers=_DATA_HEADERS)

    async def list_calls(request: Request) -> Response:
        chosen = history.chosen(Choice.parse(request.query_params.multi_items()))
        return _data({"requests": [record.row for record in chosen]})

    async def clear(request: Request) -> Response:
        return _data({"removed": history.clear(_one_test(request))})

    async def show_call(request: Request) -> Response:
        record = _find(request)
        # A page of many words is megabytes of JSON.
        content = await asyncio.get_running_loop().run_in_executor(threads, details, record)
        return Response(content, media_type="application/json", headers=_DATA_HEADERS)

    async def show_request(request: Request) -> Response:
        kept = _find(request).request
        if kept is None:
            message = "the request is not remembered"
            raise ServiceError(Code.NOT_FOUND, message)
        content = await asyncio.get_running_loop().run_in_executor(threads, lambda: to_json(kept.message()))
        return Response(content, media_type="application/json", headers=_DATA_HEADERS)

    async def show_image(request: Request) -> Response:
        content = image_of(_find(request), request.path_params["number"])
        return Response(content, media_type=kind_of(content), headers=_DATA_HEADERS)

    async def send_again(request: Request) -> Response:
        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        client = request.client
        call, reply = await replay(
            _find(request),
            desk,
            method,
            authorization=request.headers.get("authorization"),
            peer="" if client is None else join_address(client.host, client.port),
            gone=gone,
        )
        if reply is None:
            answer = {"code": None, "message": "a fault broke the connection off"}
        elif reply.status is None:
            answer = {"code": Code.OK.name, "message": ""}
        else:
            answer = {"code": Code.from_number(reply.status.code).name, "message": reply.status.message}
        return _data({"id": call.ids.request_id, **answer})

    def _find(request: Request) -> Record:
        request_id = request.path_params["id"]
        record = history.find(request_id)
        if record is None:
            message = f"no call with the id {show(request_id)} is remembered: it was removed, or later ones took its place"
            raise ServiceError(Code.NOT_FOUND, message)
        return record

    def guarded(answer: _Answer) -> _Answer:
        async def check_and_answer(request: Request) -> Response:
            try:
                if identities is not None:
                    identities.check(request.headers.get("authorization"))
                return await answer(request)
            except ServiceError as error:
                return failure(error, CallIds.make())

        return check_and_answer

    return [
        Route("/", show_page),
        Route("/_vision/state", guarded(show_state)),
        Route("/_vision/events", guarded(events)),
        Route(_CALLS, guarded(list_calls), methods=["GET"]),
        Route(_CALLS, guarded(clear), methods=["DELETE"]),
        Route(f"{_CALLS}/{{id}}", guarded(show_call)),
        Route(f"{_CALLS}/{{id}}/request", guarded(show_request)),
        Route(f"{_CALLS}/{{id}}/images/{{number:int}}", guarded(show_image)),
        Route(f"{_CALLS}/{{id}}/replay", guarded(send_again), methods=["POST"]),
    ]


def _one_test(request: Request) -> str | None:
    names = set(request.query_params)
    if names - {"test_id"}:
        message = "the query may have test_id alone"
        raise ServiceError(Code.INVALID_ARGUMENT, message)
    return request.query_params.get("test_id")


def _data(value: Any) -> Response:  # noqa: ANN401 - any JSON
    return JSONResponse(value, HTTPStatus.OK, headers=_DATA_HEADERS)
