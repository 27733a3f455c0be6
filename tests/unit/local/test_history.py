"""What the service remembers of calls: how many, how much, and never a secret."""

import json
import time
from collections.abc import Mapping
from itertools import count

import pytest

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.page.choice import Choice
from vision_grpc.local.page.details import details, image_of
from vision_grpc.local.page.history import History
from vision_grpc.local.page.masking import MASK, mask, mask_text
from vision_grpc.local.page.replay import _NoLine
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    CreateIamTokenRequest,
    CreateIamTokenResponse,
    Feature,
    FeatureTextDetectionConfig,
    Status,
)

_METHOD = "/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"
_numbers = count()


def call(*, images: int = 1, size: int = 1000, metadata: Mapping[str, str] | None = None, face: str = "grpc") -> Call:
    """Return a call whose request was read."""
    made = Call(
        face="grpc" if face == "grpc" else "rest",
        method=_METHOD,
        peer="127.0.0.1:1",
        metadata={} if metadata is None else metadata,
        line=_NoLine(),
        ids=CallIds(f"id-{next(_numbers)}", "trace"),
        arrived_at=1000.0,
    )
    specs = [AnalyzeSpec(content=bytes(size), features=[Feature()])] * images
    made.request = BatchAnalyzeRequest(analyze_specs=specs)
    made.request_bytes = made.request.ByteSize()
    return made


def answered(history: History, made: Call, reply: Reply | None = None) -> str:
    history.began(made)
    history.ended(made, Reply(message=BatchAnalyzeResponse(results=[AnalyzeResult()])) if reply is None else reply)
    return made.ids.request_id


def refused(code: Code, message: str = "no") -> Reply:
    return Reply(status=Status(code=code, message=message))


def test_the_latest_calls_are_kept() -> None:
    history = History(most_calls=3, most_bytes=10**9)
    ids = [answered(history, call()) for _ in range(5)]
    assert [record.id for record in history.chosen()] == ids[2:]
    assert [record.number for record in history.chosen()] == [3, 4, 5]
    assert history.find(ids[0]) is None
    assert history.clear() == 3
    assert history.bytes == 0


@pytest.mark.parametrize(
    ("value", "keeps"), [("false", False), ("False ", False), ("true", True), ("", True), (None, True)]
)
def test_no_content_is_kept_of_calls_that_forbid_it(value: str | None, keeps: bool) -> None:  # noqa: FBT001
    history = History(most_calls=3, most_bytes=10**9)
    metadata = {} if value is None else {"x-data-logging-enabled": value}
    made = call(metadata=metadata)
    record = history.find(answered(history, made, Reply(message=BatchAnalyzeResponse(), body=b"{}")))
    assert record is not None
    kept = [part is not None for part in (record.request, record.answer, record.sent)]
    assert (kept, record.images, record.code) == ([keeps] * 3, 1, Code.OK)
    assert (history.bytes > 0) == keeps


def test_bytes_are_bounded_and_the_oldest_calls_stay_without_content() -> None:
    history = History(most_calls=100, most_bytes=100_000)
    ids = [answered(history, call(size=20_000)) for _ in range(20)]
    assert history.bytes <= 100_000
    kept = [record.row["kept"] for record in history.chosen()]
    assert len(kept) == 20
    assert kept == sorted(kept)
    assert sum(kept) == 4
    newest = history.find(ids[-1])
    assert newest is not None
    assert newest.request is not None
    assert image_of(newest, 0) == bytes(20_000)


def test_a_call_larger_than_the_memory_is_a_row_alone() -> None:
    history = History(most_calls=100, most_bytes=100_000)
    small = answered(history, call(size=10))
    answered(history, call(size=200_000))
    assert history.bytes == 0
    after = answered(history, call(size=10))
    assert [record.row["kept"] for record in history.chosen()] == [False, False, True]
    assert [history.find(small) is None, history.find(after) is None] == [False, False]


def test_many_calls_that_are_cleared_leave_nothing() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    for _ in range(300):
        answered(history, call(size=10))
        history.clear()
    assert history.bytes == 0
    assert len(history._with_content) <= 1


def test_calls_that_are_cleared_leave_nothing_behind_one_that_stays() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    answered(history, call(size=10, metadata={"x-test-id": "stays"}))
    alone = history.bytes
    for _ in range(300):
        answered(history, call(size=10, metadata={"x-test-id": "goes"}))
        history.clear("goes")
    assert history.bytes == alone
    assert len(history._with_content) == 1


def test_what_a_fault_sends_instead_is_told_beside_the_answer() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    answer = BatchAnalyzeResponse(results=[AnalyzeResult()])
    plain = history.find(answered(history, call(), Reply(message=answer)))
    struck = history.find(answered(history, call(), Reply(message=answer, body=b"no\xff" + b"x" * 1000)))
    assert plain is not None
    assert struck is not None
    assert (plain.sent, plain.answer_bytes) == (None, answer.ByteSize())
    assert struck.sent is not None
    assert (struck.sent.bytes, struck.sent.beginning[:8]) == (1003, "no\\xffxx")
    assert len(struck.sent.beginning) < 300
    assert struck.answer_bytes == 1003
    assert json.loads(details(struck))["sent_instead"]["bytes"] == 1003


def test_inflated_bodies_count_with_their_true_size() -> None:
    history = History(most_calls=100, most_bytes=100_000)
    packed = call(size=90_000, metadata={"content-encoding": "gzip"})
    packed.request_bytes = 100
    answered(history, packed)
    assert history.bytes > 90_000


def test_calls_that_end_after_they_were_forgotten_are_forgotten() -> None:
    history = History(most_calls=1, most_bytes=10**9)
    first = call()
    history.began(first)
    second = answered(history, call())
    history.ended(first, refused(Code.INTERNAL))
    assert [record.id for record in history.chosen()] == [second]
    history.clear()
    assert history.bytes == 0


@pytest.mark.parametrize(
    "request_",
    [
        BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec()] * 1000),
        BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(features=[Feature()] * 1000)]),
        BatchAnalyzeRequest(
            analyze_specs=[
                AnalyzeSpec(
                    features=[Feature(text_detection_config=FeatureTextDetectionConfig(language_codes=[""] * 1000))]
                )
            ]
        ),
    ],
    ids=["specs", "features", "languages"],
)
def test_requests_of_very_many_empty_parts_are_not_kept(request_: BatchAnalyzeRequest) -> None:
    history = History(most_calls=10, most_bytes=10**9)
    made = call()
    made.request = request_
    record = history.find(answered(history, made, refused(Code.INVALID_ARGUMENT)))
    assert record is not None
    assert record.request is None
    assert record.code is Code.INVALID_ARGUMENT


def test_messages_of_other_methods_are_not_kept() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    made = call()
    made.request = CreateIamTokenRequest(jwt="a.b.c")
    record = history.find(answered(history, made, Reply(message=CreateIamTokenResponse())))
    assert record is not None
    assert (record.request, record.answer) == (None, None)


def test_a_row_has_what_a_test_would_ask_for() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    made = call(images=2, metadata={"x-test-id": "one", "x-replay-of": "before"}, face="rest")
    made.struck_by = ("rule-1", "rule-2")
    history.began(made)
    row = history.chosen()[0].row
    assert (row["code"], row["ms"]) == (None, None)
    failed = AnalyzeResult(error=Status(code=3))
    history.ended(made, Reply(message=BatchAnalyzeResponse(results=[AnalyzeResult(), failed])))
    row = history.chosen()[0].row
    assert row["ms"] >= 0
    assert {name: row[name] for name in ("code", "images", "failed_images", "test_id", "transport", "faults")} == {
        "code": "OK",
        "images": 2,
        "failed_images": 1,
        "test_id": "one",
        "transport": "rest",
        "faults": "rule-1, rule-2",
    }
    assert row["replay_of"] == "before"
    assert row["time"] == "1970-01-01T00:16:40.000+00:00"


def test_one_test_is_cleared_alone() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    for test_id in ("a", "b", "a", ""):
        answered(history, call(metadata={"x-test-id": test_id}))
    assert history.clear("a") == 2
    assert [record.test_id for record in history.chosen()] == ["b", ""]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4]),
        ("test_id=a", [1, 3]),
        ("test_id=", [4]),
        ("code=ok", [1, 2]),
        ("code=INVALID_ARGUMENT", [3]),
        ("code=14", [4]),
        ("transport=rest", [2]),
        ("method=BatchAnalyze", [1, 2, 3, 4]),
        (f"method={_METHOD}", [1, 2, 3, 4]),
        ("method=Analyze", []),
        ("after=2", [3, 4]),
        ("limit=1", [4]),
        ("limit=0", []),
        ("test_id=a&limit=1", [3]),
        ("since=1000", [1, 2, 3, 4]),
        ("since=1000.5", []),
        ("since=1970-01-01T00:16:40Z", [1, 2, 3, 4]),
        ("since=1970-01-01T03:16:40+03:00", [1, 2, 3, 4]),
        ("since=1970-01-01T03:16:40 03:00", [1, 2, 3, 4]),
        ("since=1970-01-01T00:16:41", []),
    ],
)
def test_filters(query: str, numbers: list[int]) -> None:
    history = History(most_calls=10, most_bytes=10**9)
    answered(history, call(metadata={"x-test-id": "a"}))
    answered(history, call(metadata={"x-test-id": "b"}, face="rest"))
    answered(history, call(metadata={"x-test-id": "a"}), refused(Code.INVALID_ARGUMENT))
    answered(history, call(), refused(Code.UNAVAILABLE))
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    choice = Choice.parse([(name, value) for name, value in pairs])
    assert [record.number for record in history.chosen(choice)] == numbers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("testid", "a"),
        ("code", "BAD"),
        ("code", "17"),
        ("code", "-1"),
        ("code", "٣"),
        ("transport", "GRPC"),
        ("transport", ""),
        ("since", "yesterday"),
        ("since", "nan"),
        ("since", "inf"),
        ("since", ""),
        ("since", "9999-99-99T00:00:00"),
        ("after", "-1"),
        ("after", "1.5"),
        ("after", "9" * 5000),
        ("limit", "²"),
    ],
)
def test_what_is_no_filter_is_refused(name: str, value: str) -> None:
    with pytest.raises(ServiceError) as caught:
        Choice.parse([(name, value)])
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert len(caught.value.message) < 500


def test_a_filter_given_twice_is_refused() -> None:
    with pytest.raises(ServiceError, match="twice"):
        Choice.parse([("limit", "1"), ("limit", "2")])


_KEY = "AQVN" + "secret" * 3


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("authorization", f"Api-Key {_KEY}", f"Api-Key {MASK}"),
        ("authorization", f"bearer {_KEY}", f"Bearer {MASK}"),
        ("authorization", _KEY, MASK),
        ("authorization", "other scheme secret", MASK),
        ("authorization", "", MASK),
        ("proxy-authorization", "Basic c2VjcmV0", f"Basic {MASK}"),
        ("cookie", "a=secret", MASK),
        ("x-api-key", "secret", MASK),
        ("x_api_key", "secret", MASK),
        ("apikey", "secret", MASK),
        ("x-iam-token", "secret", MASK),
        ("x-yacloud-subjecttoken", "secret", MASK),
        ("x-amz-security-token", "secret", MASK),
        ("x-session-id", "secret", MASK),
        ("client-secret-bin", "c2VjcmV0", MASK),
        ("x-password", "secret", MASK),
        ("x-auth", "secret", MASK),
        ("x-key", "secret", MASK),
        ("x-note", f"sent with {_KEY}, twice", f"sent with {MASK}, twice"),
        ("x-note", "t1.9euelZqSomething-long_and.secret==", MASK),
        ("x-note", "y0_secretsecretsecret", MASK),
        ("x-note", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", MASK),
        ("referer", "http://user:secret@host/", f"http://{MASK}@host/"),
        ("referer", "http://host/?api_key=secret&a=b", f"http://host/?api_key={MASK}&a=b"),
        ("user-agent", "grpc-python/1.62", "grpc-python/1.62"),
        ("x-test-id", "test_monkeys", "test_monkeys"),
        ("x-test-id", "test_login[token=expired-key=1]", "test_login[token=expired-key=1]"),
        ("x-test-id", f"test_login[{_KEY}]", f"test_login[{MASK}]"),
        ("x-fault", "gateway; body=token=1", "gateway; body=token=1"),
        ("x-other", "token=1", f"token={MASK}"),
        ("x-keyboard", "qwerty", "qwerty"),
        ("x-request-id", "5", "5"),
    ],
)
def test_secrets_are_masked(name: str, value: str, shown: str) -> None:
    assert mask({name: value}) == {name: shown}


def test_what_is_kept_of_metadata_is_bounded() -> None:
    metadata = {f"name-{number}" + "n" * 1000: "v" * 100_000 for number in range(1000)}
    masked = mask(metadata)
    assert sum(map(len, masked)) + sum(map(len, masked.values())) < 100_000


def test_no_secret_is_stored_anywhere() -> None:
    history = History(most_calls=10, most_bytes=10**9)
    metadata = {"authorization": f"Bearer {_KEY}", "x-test-id": f"test {_KEY}", "x-replay-of": _KEY}
    record = history.find(answered(history, call(metadata=metadata), refused(Code.UNAUTHENTICATED, f"bad {_KEY}")))
    assert record is not None
    assert _KEY not in f"{record.row}{record.metadata}"


@pytest.mark.parametrize(
    "text", ["-eyJ", "eyJ", "-", "a-eyJ", "-eyJa.-", "eyJ.", "://", "://a", "bearer ", "-----BEGIN"]
)
def test_masking_takes_little_time_whatever_the_text(text: str) -> None:
    began_at = time.monotonic()
    # Half a minute where each beginning of a JWT is followed to the end.
    mask_text(text * (50_000 // len(text)))
    assert time.monotonic() - began_at < 2
