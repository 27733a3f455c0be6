"""What each kind does to a call and to its reply."""

import asyncio
import math
from hashlib import sha256
from typing import cast

import pytest

from vision_grpc.codec.json import from_json
from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call, FaceName
from vision_grpc.local.calls.fate import Fate
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.reading import parse_rules
from vision_grpc.local.faults.strike import Strike
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureResult,
    Operation,
    RetryInfo,
    Status,
    TextAnnotation,
)

_IMAGES = (b"zero", b"one", b"two")
_ANSWER = BatchAnalyzeResponse(
    results=[
        AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation()), FeatureResult()]),
        AnalyzeResult(error=Status(code=3, message="one")),
        AnalyzeResult(results=[FeatureResult()]),
    ]
)


class _Line:
    def __init__(self) -> None:
        self.done: list[str] = []

    def reset(self) -> None:
        self.done.append("reset")

    def close(self) -> None:
        self.done.append("close")

    def reset_call(self) -> None:
        self.done.append("reset_call")

    def go_away(self) -> None:
        self.done.append("go_away")

    def freeze(self) -> None:
        self.done.append("freeze")


def _call(face: FaceName = "grpc") -> Call:
    made = Call(face=face, method="/a/B", peer="", metadata={}, line=_Line())
    features = [Feature(type=Feature.TEXT_DETECTION)] * 2
    made.request = BatchAnalyzeRequest(
        analyze_specs=[AnalyzeSpec(content=image, features=features) for image in _IMAGES]
    )
    return made


def _before(text: str, call: Call) -> Reply | None:
    return asyncio.run(asyncio.wait_for(Strike(parse_rules(text)).before(call), 60))


def _after(text: str, face: FaceName = "grpc", reply: Reply | None = None) -> Reply:
    return Strike(parse_rules(text)).after(_call(face), Reply(message=_ANSWER) if reply is None else reply)


def _results(text: str) -> list[AnalyzeResult]:
    before = _ANSWER.SerializeToString()
    results = cast("BatchAnalyzeResponse", _after(text).message).results
    assert _ANSWER.SerializeToString() == before, "the service's own answer was changed"
    return list(results)


def test_a_code_ends_the_call() -> None:
    reply = _before("code=ABORTED; message=no", _call())
    assert reply is not None
    assert reply.status is not None
    assert (reply.status.code, reply.status.message, dict(reply.headers)) == (Code.ABORTED, "no", {})


@pytest.mark.parametrize(
    ("text", "code", "nanoseconds"),
    [
        ("code=UNAVAILABLE; retry-after=0.25", Code.UNAVAILABLE, 250_000_000),
        ("code=UNAVAILABLE; retry-after=0", Code.UNAVAILABLE, 0),
        ("quota", Code.RESOURCE_EXHAUSTED, 1_000_000_000),
        ("quota=2.5", Code.RESOURCE_EXHAUSTED, 2_500_000_000),
    ],
)
def test_a_refusal_asks_for_a_wait(text: str, code: Code, nanoseconds: int) -> None:
    reply = _before(text, _call())
    assert reply is not None
    assert reply.status is not None
    assert reply.status.code == code
    [info] = [RetryInfo.FromString(each.value) for each in reply.status.details if each.Is(RetryInfo.DESCRIPTOR)]
    assert info.retry_delay.ToNanoseconds() == nanoseconds


def test_a_token_expires() -> None:
    reply = _before("token-expiry", _call())
    assert reply is not None
    assert reply.status is not None
    assert reply.status.code == Code.UNAUTHENTICATED


def test_a_gateway_answers_in_html() -> None:
    reply = _before("gateway=504", _call())
    assert reply is not None
    assert reply.raw is not None
    assert reply.raw.http_status == 504
    assert reply.raw.headers == {"content-type": "text/html", "server": "nginx"}
    assert b"<title>504 Gateway Timeout</title>" in reply.raw.body
    other = _before("gateway=599; content-type=text/plain; server=x; body=y", _call())
    assert other is not None
    assert other.raw is not None
    assert (dict(other.raw.headers), other.raw.body) == ({"content-type": "text/plain", "server": "x"}, b"y")


@pytest.mark.parametrize(("face", "status", "kind"), [("grpc", 200, "application/grpc"), ("rest", 503, "text/plain")])
def test_a_gateway_without_upstream_speaks_the_protocol(face: FaceName, status: int, kind: str) -> None:
    reply = _before("no-upstream", _call(face))
    assert reply is not None
    assert reply.raw is not None
    assert (reply.raw.http_status, reply.raw.headers["content-type"]) == (status, kind)
    assert reply.raw.headers.get("grpc-status") == ("14" if face == "grpc" else None)


@pytest.mark.parametrize(
    ("text", "done", "passes"),
    [
        ("close", "close", False),
        ("reset", "reset", False),
        ("reset-call", "reset_call", False),
        ("half-open", "freeze", False),
        ("goaway", "go_away", True),
    ],
)
def test_the_connection_is_broken(text: str, done: str, *, passes: bool) -> None:
    call = _call()
    reply = _before(text, call)
    assert cast("_Line", call.line).done == [done]
    assert (reply is None) is passes


def test_a_hanging_call_ends_when_it_is_cancelled() -> None:
    async def main() -> None:
        hanging = asyncio.ensure_future(Strike(parse_rules("hang")).before(_call()))
        done, _ = await asyncio.wait([hanging], timeout=0.05)
        assert not done
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging

    asyncio.run(main())


def test_latency_waits_and_lets_the_call_go_on() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await Strike(parse_rules("latency=0.05")).before(_call()) is None
        assert loop.time() - began >= 0.045

    asyncio.run(main())


def test_a_slow_refusal_is_both() -> None:
    reply = _before("trickle=10, latency=0, code=INTERNAL", _call())
    assert reply is not None
    assert reply.status is not None
    assert (reply.status.code, reply.bytes_per_s) == (Code.INTERNAL, 10.0)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("short", [0, 1]),
        ("short=2", [0]),
        ("short=9", []),
        ("extra", [0, 1, 2, 2]),
        ("extra=2", [0, 1, 2, 2, 2]),
        ("swapped", [1, 0, 2]),
    ],
)
def test_results_are_missing_or_too_many_or_in_other_places(text: str, kept: list[int]) -> None:
    assert _results(text) == [_ANSWER.results[number] for number in kept]


@pytest.mark.parametrize(
    ("more", "struck"),
    [("", [0, 1, 2]), ("; index=1", [1]), (f"; digest={sha256(b'two').hexdigest()[:8]}", [2])],
)
def test_images_and_features_have_errors(more: str, struck: list[int]) -> None:
    of_images = _results(f"image-error=INTERNAL; message=no{more}")
    assert [number for number, each in enumerate(of_images) if each.error.message == "no"] == struck
    of_features = _results(f"feature-error=INTERNAL; message=no{more}")
    texts = [[part.error.message for part in each.results] for each in of_features]
    assert [number for number, each in enumerate(texts) if each == ["no", "no"]] == struck
    for results in (of_images, of_features):
        assert [n for n, each in enumerate(results) if each == _ANSWER.results[n]] == sorted({0, 1, 2} - {*struck})


@pytest.mark.parametrize(
    ("more", "struck"),
    [("; feature=1", [(0, 1)]), ("; feature=0", [(0, 0), (2, 0)]), ("; feature=0; index=2", [(2, 0)])],
)
def test_one_feature_has_an_error(more: str, struck: list[tuple[int, int]]) -> None:
    results = _results(f"feature-error=INTERNAL; message=no{more}")
    found = [(n, m) for n, each in enumerate(results) for m, part in enumerate(each.results) if part.error.message]
    assert found == struck
    assert results[1] == _ANSWER.results[1], "of an image that has an error there are no features"
    assert [len(each.results) for each in results] == [len(each.results) for each in _ANSWER.results]


@pytest.mark.parametrize("status", [204, 304])
async def test_a_gateway_sends_no_body_where_http_has_none(status: int) -> None:
    reply = await Strike(parse_rules(f"gateway={status}; body=x")).before(_call("rest"))
    assert reply is not None
    assert reply.raw is not None
    assert (reply.raw.http_status, reply.raw.body) == (status, b"")


def test_garbage_and_cuts_and_pace_are_for_the_face() -> None:
    assert _after("garbage=nonsense").body == b"nonsense"
    assert _after("cut=7").cut_after == 7
    assert _after("trickle=100").bytes_per_s == 100.0


def test_an_oversized_answer_is_still_the_answer() -> None:
    over_grpc, over_rest = _after("oversized=5000").body, _after("oversized=5000", "rest").body
    assert over_grpc is not None
    assert over_rest is not None
    assert len(over_grpc) >= 5_000
    assert len(over_rest) == 5_000
    read = BatchAnalyzeResponse.FromString(over_grpc)
    read.DiscardUnknownFields()
    assert read == from_json(over_rest, BatchAnalyzeResponse) == _ANSWER


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("late-operation=2.5", Fate(ready_after_s=2.5)),
        ("stuck-operation", Fate(ready_after_s=math.inf)),
        ("failed-operation=ABORTED; message=no", Fate(error=Status(code=Code.ABORTED, message="no"))),
        ("image-error=ABORTED; message=no", Fate(error=Status(code=Code.ABORTED, message="no"))),
        ("feature-error=ABORTED; message=no", Fate(error=Status(code=Code.ABORTED, message="no"))),
        ("expired-operation", Fate(kept_s=0)),
        ("expired-operation=3", Fate(kept_s=3)),
        ("lost-operation", Fate(is_lost=True)),
        ("late-operation=1, expired-operation", Fate(ready_after_s=1, kept_s=0)),
    ],
)
def test_operations_go_on_as_they_are_told(text: str, fate: Fate) -> None:
    made = _call()
    assert _before(text, made) is None
    assert made.fate == fate
    operation = Operation(id="x")
    reply = Strike(parse_rules(text)).after(made, Reply(message=operation))
    assert (reply.message, reply.status) == (operation, None)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_call_that_the_service_itself_refuses_stays_refused(kind: str) -> None:
    refused = Reply(status=Status(code=3, message="its own"))
    main = KINDS[kind].main
    value = {"code": "INTERNAL"}.get(str(main), 1)
    text = kind if main in (None, "retry_after", "status") else f"{kind}={value}"
    reply = _after(text, reply=refused)
    assert reply.status == refused.status
    assert reply.body is None
