"""Rules over HTTP, without a socket."""

import asyncio
import json
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message

from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.reading import MOST_BYTES
from vision_grpc.local.faults.routes import fault_routes
from vision_grpc.local.faults.store import FaultStore


class _Caller:
    """Calls the routes of a store, as an HTTP server does."""

    def __init__(self, identities: Identities | None = None) -> None:
        self.forgotten: list[str | None] = []
        self.store = FaultStore()
        self._app = Starlette(routes=fault_routes(self.store, identities, [self.forgotten.append]))

    def __call__(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        }
        sent: list[Message] = []
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def receive() -> Message:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(answer) if answer else None


def test_rules_are_put_added_shown_and_removed() -> None:
    call = _Caller()
    status, told = call("PUT", "/_vision/faults", ["code=UNAVAILABLE; times=1", {"kind": "hang", "id": "still"}])
    assert status == 200
    assert told["rules"][0] == {
        "id": "fault-1",
        "kind": "code",
        "code": "UNAVAILABLE",
        "times": 1,
        "test_id": "",
        "seen": 0,
        "hits": 0,
        "ordered_by_call": False,
    }
    assert call("GET", "/_vision/faults") == (200, told)
    status, added = call("POST", "/_vision/faults", b"reset; transport=grpc")
    assert (status, [each["id"] for each in added["rules"]]) == (201, ["fault-2"])
    assert call("GET", "/_vision/faults/fault-2")[1]["match"] == {"transport": "grpc"}
    assert call("DELETE", "/_vision/faults/still") == (204, None)
    assert call("DELETE", "/_vision/faults/still")[0] == 404
    assert call("GET", "/_vision/faults/still")[0] == 404
    assert call("DELETE", "/_vision/faults") == (204, None)
    assert call("GET", "/_vision/faults") == (200, {"rules": []})


def test_the_test_is_named_by_the_query_or_the_header() -> None:
    call = _Caller()
    assert call("PUT", "/_vision/faults?test_id=a", ["hang"])[0] == 200
    assert call("PUT", "/_vision/faults", ["reset"], headers={"x-test-id": "b"})[0] == 200
    assert call("PUT", "/_vision/faults", ["close"])[0] == 200
    assert [each["kind"] for each in call("GET", "/_vision/faults?test_id=a")[1]["rules"]] == ["hang"]
    assert [each["test_id"] for each in call("GET", "/_vision/faults")[1]["rules"]] == ["a", "b", ""]
    assert call("DELETE", "/_vision/faults")[0] == 204
    assert [each["test_id"] for each in call("GET", "/_vision/faults")[1]["rules"]] == ["a", "b"]
    assert call("POST", "/_vision/reset?test_id=a")[0] == 204
    assert [each["test_id"] for each in call("GET", "/_vision/faults")[1]["rules"]] == ["b"]
    assert call("POST", "/_vision/reset")[0] == 204
    assert call("GET", "/_vision/faults")[1] == {"rules": []}
    assert call.forgotten == ["a", None]


def test_a_rule_that_is_no_rule_is_refused_and_changes_nothing() -> None:
    call = _Caller()
    call("PUT", "/_vision/faults", ["hang"])
    status, told = call("PUT", "/_vision/faults", ["reset", {"kind": "code", "code": "BUSY"}])
    assert status == 400
    assert told["code"] == 3
    [violations] = [each["fieldViolations"] for each in told["details"] if "fieldViolations" in each]
    assert [each["field"] for each in violations] == ["rules[1].code"]
    assert "UNAVAILABLE" in violations[0]["description"]
    for bad in (b"", b"{", b"\xff", b" " * (MOST_BYTES + 1)):
        assert call("POST", "/_vision/faults", bad)[0] == 400
    assert [each["kind"] for each in call("GET", "/_vision/faults")[1]["rules"]] == ["hang"]


def test_where_calls_need_credentials_rules_do_too() -> None:
    identities = Identities()
    call = _Caller(identities)
    for method, path in (("GET", "/_vision/faults"), ("PUT", "/_vision/faults"), ("POST", "/_vision/reset")):
        assert call(method, path, [])[0] == 401
    assert call("PUT", "/_vision/faults", [], headers={"authorization": f"Api-Key {identities.api_key}"})[0] == 200


def test_the_kinds_are_told_with_their_fields() -> None:
    status, told = _Caller()("GET", "/_vision/fault-kinds")
    assert status == 200
    assert [each["kind"] for each in told["kinds"]] == list(KINDS)
    [code] = [each for each in told["kinds"] if each["kind"] == "code"]
    assert [(each["name"], each["required"]) for each in code["fields"]] == [
        ("code", True),
        ("message", False),
        ("retry_after", False),
        ("pages", False),
    ]
    assert {each["name"] for each in told["match"]} == {
        "method", "transport", "digest", "key_digest", "images", "test_id"
    }  # fmt: skip
    assert {each["name"] for each in told["counts"]} == {"after", "every", "times"}
