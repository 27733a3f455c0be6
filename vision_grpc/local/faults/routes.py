"""`/_vision/faults` and `/_vision/reset`: rules over HTTP."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError, VisionError
from vision_grpc.local.calls.call import TEST_ID, CallIds
from vision_grpc.local.calls.failure import describe
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.faults.fault import Fault, Match
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.reading import MOST_BYTES, checks_of
from vision_grpc.local.faults.rule import Rule
from vision_grpc.local.faults.store import Counted, FaultStore

Forget = Callable[[str | None], object]
"""Forgets what is kept for a test id, or all of it."""

_Answer = Callable[[Request], Awaitable[Response]]


def fault_routes(store: FaultStore, identities: Identities | None = None, forget: Sequence[Forget] = ()) -> list[Route]:
    """Return the routes for the rules of a store; a reset forgets them and calls `forget`.

    With `identities`, callers must authenticate as one of them.
    """
    routes = _Routes(store, forget)

    def guarded(answer: _Answer) -> _Answer:
        return _guarded(answer, identities)

    return [
        Route("/_vision/faults", guarded(routes.show), methods=["GET"]),
        Route("/_vision/faults", guarded(routes.put), methods=["PUT"]),
        Route("/_vision/faults", guarded(routes.add), methods=["POST"]),
        Route("/_vision/faults", guarded(routes.clear), methods=["DELETE"]),
        Route("/_vision/faults/{id}", guarded(routes.show_one), methods=["GET"]),
        Route("/_vision/faults/{id}", guarded(routes.remove), methods=["DELETE"]),
        Route("/_vision/fault-kinds", guarded(_kinds), methods=["GET"]),
        Route("/_vision/reset", guarded(routes.reset), methods=["POST"]),
    ]


class _Routes:
    def __init__(self, store: FaultStore, forget: Sequence[Forget]) -> None:
        self._store = store
        self._forget = (store.forget, *forget)

    async def show(self, request: Request) -> Response:
        return _listed(self._store.rules(test_id=_given_test_id(request)))

    async def put(self, request: Request) -> Response:
        return _listed(self._store.put(await _body(request), test_id=_test_id(request)))

    async def add(self, request: Request) -> Response:
        return _listed(self._store.add(await _body(request), test_id=_test_id(request)), status=201)

    async def clear(self, request: Request) -> Response:
        self._store.clear(test_id=_test_id(request))
        return Response(status_code=204)

    async def show_one(self, request: Request) -> Response:
        name = request.path_params["id"]
        for counted in self._store.rules(test_id=_test_id(request)):
            if counted.rule.id == name:
                return JSONResponse(counted.to_json())
        raise _missing(name)

    async def remove(self, request: Request) -> Response:
        name = request.path_params["id"]
        try:
            self._store.remove(name, test_id=_test_id(request))
        except KeyError as error:
            raise _missing(name) from error
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        for forget in self._forget:
            forget(_given_test_id(request))
        return Response(status_code=204)


async def _kinds(_: Request) -> Response:
    of_rule = [each for each in _describe(Rule) if each["name"] != "id"]
    kinds = [
        {"kind": name, "does": kind.__doc__, "main": kind.main, "fields": _describe(kind)}
        for name, kind in KINDS.items()
    ]
    return JSONResponse({"kinds": kinds, "match": _describe(Match), "counts": of_rule})


def _guarded(answer: _Answer, identities: Identities | None) -> _Answer:
    """Return a route that checks credentials, and answers our errors in JSON."""

    async def check_and_answer(request: Request) -> Response:
        try:
            if identities is not None:
                identities.check(request.headers.get("authorization"))
            return await answer(request)
        except VisionError as error:
            status = describe(error, CallIds.make())
            return Response(to_json(status), Code(status.code).http_status, media_type="application/json")

    return check_and_answer


def _listed(rules: Sequence[Counted], *, status: int = 200) -> Response:
    return JSONResponse({"rules": [each.to_json() for each in rules]}, status)


def _given_test_id(request: Request) -> str | None:
    """Return the test id of the query, else that of the header; None if there is neither."""
    return request.query_params.get("test_id", request.headers.get(TEST_ID))


def _test_id(request: Request) -> str:
    return _given_test_id(request) or ""


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            message = f"the body is longer than {MOST_BYTES:,} bytes"
            raise ServiceError(Code.INVALID_ARGUMENT, message)
    return bytes(body)


def _missing(rule_id: str) -> ServiceError:
    return ServiceError(Code.NOT_FOUND, f"the test has no rule {json.dumps(rule_id[:100])}")


def _describe(owner: type[Rule | Match | Fault]) -> list[dict[str, Any]]:
    checks = checks_of(owner)
    return [
        {
            "name": each.name,
            "allowed": checks[each.name].words,
            "required": each.default is MISSING,
            "default": None if each.default is MISSING else each.default,
        }
        for each in fields(owner)
        if each.name in checks
    ]
