"""What the page and tests ask for over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.faces.rest.reply import failure
from vision_grpc.local.listening import join_address
from vision_grpc.local.page.choice import Choice, one_test, read_number
from vision_grpc.local.page.details import details, image_of, kind_of
from vision_grpc.local.page.document import document
from vision_grpc.local.page.events import stream
from vision_grpc.local.page.history import History
from vision_grpc.local.page.record import Record
from vision_grpc.local.page.replay import Replays
from vision_grpc.local.page.state import State
from vision_grpc.texts.quoting import show

_CALLS = "/_vision/requests"
# What a call contains is data, whatever a browser would make of it.
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_MOST_LISTENERS = 32

_Answer = Callable[[Request], Awaitable[Response]]


class PageRoutes:
    """The page, which needs no credentials, and its data, which needs those of calls where there are any."""

    def __init__(
        self, history: History, replays: Replays, state: State, *, threads: Executor, identities: Identities | None
    ) -> None:
        self._history = history
        self._replays = replays
        self._state = state
        self._threads = threads
        self._identities = identities

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", _show_page),
            Route("/_vision/state", self._guarded(self._show_state)),
            Route("/_vision/events", self._guarded(self._show_events)),
            Route(_CALLS, self._guarded(self._list), methods=["GET"]),
            Route(_CALLS, self._guarded(self._clear), methods=["DELETE"]),
            Route(f"{_CALLS}/{{id}}", self._guarded(self._show_call)),
            Route(f"{_CALLS}/{{id}}/request", self._guarded(self._show_request)),
            Route(f"{_CALLS}/{{id}}/images/{{number}}", self._guarded(self._show_image)),
            Route(f"{_CALLS}/{{id}}/replay", self._guarded(self._replay), methods=["POST"]),
        ]

    async def _show_state(self, _: Request) -> Response:
        return _data(self._state())

    async def _show_events(self, _: Request) -> Response:
        if self._history.watchers >= _MOST_LISTENERS:
            message = f"{_MOST_LISTENERS} pages are open already: close one"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message)
        events = stream(self._history, self._state)
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def _list(self, request: Request) -> Response:
        chosen = self._history.chosen(Choice.parse(request.query_params.multi_items()))
        return _data({"requests": [record.row for record in chosen]})

    async def _clear(self, request: Request) -> Response:
        return _data({"removed": self._history.clear(one_test(request.query_params.multi_items()))})

    async def _show_call(self, request: Request) -> Response:
        # A page of many words is megabytes of JSON.
        record = self._find(request)
        return await self._in_thread(lambda: details(record, self._replays.method_of(record)))

    async def _show_request(self, request: Request) -> Response:
        kept = self._find(request).request
        if kept is None:
            message = "the request is not remembered"
            raise ServiceError(Code.NOT_FOUND, message)
        return await self._in_thread(kept.to_json)

    async def _show_image(self, request: Request) -> Response:
        content = image_of(self._find(request), read_number(request.path_params["number"]))
        return Response(content, media_type=kind_of(content), headers=_HEADERS)

    async def _replay(self, request: Request) -> Response:
        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        client = request.client
        peer = "" if client is None else join_address(client.host, client.port)
        authorization = request.headers.get("authorization")
        call, reply = await self._replays.send(self._find(request), peer=peer, authorization=authorization, gone=gone)
        code, message = None, "a fault broke the connection off"
        if reply is not None:
            status = reply.status
            code, message = (Code.OK, "") if status is None else (Code.from_number(status.code), status.message)
        return _data({"id": call.ids.request_id, "code": None if code is None else code.name, "message": message})

    def _find(self, request: Request) -> Record:
        request_id = request.path_params["id"]
        record = self._history.find(request_id)
        if record is None:
            message = f"no call {show(request_id)} is remembered: it was removed, or later ones took its place"
            raise ServiceError(Code.NOT_FOUND, message)
        return record

    async def _in_thread(self, make: Callable[[], bytes]) -> Response:
        content = await asyncio.get_running_loop().run_in_executor(self._threads, make)
        return Response(content, media_type="application/json", headers=_HEADERS)

    def _guarded(self, answer: _Answer) -> _Answer:
        async def check_and_answer(request: Request) -> Response:
            try:
                if self._identities is not None:
                    self._identities.check(request.headers.get("authorization"))
                return await answer(request)
            except ServiceError as error:
                return failure(error, CallIds.make())

        return check_and_answer


async def _show_page(_: Request) -> Response:
    page = document()
    return Response(page.content, media_type="text/html", headers=page.headers)


def _data(value: Any) -> Response:  # noqa: ANN401 - any JSON
    return JSONResponse(value, HTTPStatus.OK, headers=_HEADERS)
