"""Which call is struck: counts, order, and tests that know nothing of each other."""

import threading
from hashlib import sha256

import pytest

from vision_grpc.errors import InvalidRequestError, ServiceError
from vision_grpc.local.calls.call import Call, FaceName
from vision_grpc.local.faults import store as store_module
from vision_grpc.local.faults.fault import SUBMISSION
from vision_grpc.local.faults.reading import MOST_RULES, parse_rules
from vision_grpc.local.faults.store import FaultStore
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest

_KEY = "t1.abc"
_KEY_DIGEST = sha256(_KEY.encode()).hexdigest()
BATCH_ANALYZE = "/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"
RECOGNIZE = "/yandex.cloud.ai.ocr.v1.TextRecognitionService/Recognize"


class _Line:
    def reset(self) -> None: ...
    def close(self) -> None: ...
    def reset_call(self) -> None: ...
    def go_away(self) -> None: ...
    def freeze(self) -> None: ...


def call(
    *images: bytes,
    face: FaceName = "grpc",
    method: str = BATCH_ANALYZE,
    test_id: str = "",
    x_fault: str = "",
    token: str = "",
) -> Call:
    given = {"x-test-id": test_id, "x-fault": x_fault, "authorization": token}
    named = {name: value for name, value in given.items() if value}
    made = Call(face=face, method=method, peer="", metadata=named, line=_Line())
    made.request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=image) for image in images or (b"one",)])
    return made


def struck(store: FaultStore, *calls: Call) -> list[bool]:
    return [store.strike(each) is not None for each in calls]


def struck_by(store: FaultStore, made: Call) -> tuple[str, ...]:
    store.strike(made)
    return made.struck_by


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("", "xxxxxxxx"),
        ("; times=2", "xx......"),
        ("; every=3", "..x..x.."),
        ("; after=2", "..xxxxxx"),
        ("; after=2; times=1", "..x....."),
        ("; every=2; times=2", ".x.x...."),
        ("; after=1; every=3; times=2", "...x..x."),
    ],
)
def test_a_rule_strikes_the_calls_it_says(counts: str, expected: str) -> None:
    store = FaultStore(parse_rules(f"hang{counts}"))
    assert "".join("x" if each else "." for each in struck(store, *(call() for _ in range(8)))) == expected
    [counted] = store.rules()
    assert (counted.seen, counted.hits) == (8, expected.count("x"))
    assert store.hits() == store.hits("fault-1") == expected.count("x")


def test_rules_of_one_call_after_the_other_make_a_story() -> None:
    store = FaultStore(parse_rules("code=UNAVAILABLE; times=1; id=a, reset; times=2; id=b, hang; every=2; id=c"))
    told = [struck_by(store, call()) for _ in range(6)]
    assert told == [("a",), ("b",), ("b",), (), ("c",), ()]


def test_latency_and_trickle_let_the_next_rule_strike_too() -> None:
    store = FaultStore(parse_rules("latency=0; id=late, trickle=1; id=slow, short; id=short, hang; id=never"))
    assert struck_by(store, call()) == ("late", "slow", "short")


@pytest.mark.parametrize(
    ("match", "hit", "missed"),
    [
        ("transport=rest", call(face="rest"), call()),
        ("images=2", call(b"a", b"b"), call(b"a")),
        (f"digest={sha256(b'b').hexdigest()[:12]}", call(b"a", b"b"), call(b"a", b"c")),
        (f"key-digest={_KEY_DIGEST}", call(token=f"Api-Key {_KEY}"), call(token=f"Api-Key {_KEY}2")),
        (f"key_digest={_KEY_DIGEST[:8].upper()}", call(token=f"Bearer {_KEY}"), call()),
        ("method=Create", call(method="/a.b/Create"), call()),
        ("method=b/Create", call(method="/a.b/Create"), call(method="/a.c/Create")),
        ("method=Recognize", call(method=SUBMISSION), call(method="/a.b/GetRecognition")),
        ("method=TextRecognitionAsyncService/Recognize", call(method=SUBMISSION), call(method=RECOGNIZE)),
        ("times=1", call(method=SUBMISSION), call(method="/a.b/GetRecognition")),
        (f"method={BATCH_ANALYZE}", call(), call(method="/a.b/BatchAnalyze")),
        ("method=*", call(method="/a.b/Create"), None),
        ("times=1", call(), call(method="/a.b/Create")),
        ("test_id=a", call(test_id="a"), call()),
        ("test_id=a", call(test_id="a"), call(test_id="b")),
        ("times=1", call(), call(test_id="b")),
        ("test_id=*", call(test_id="b"), None),
        ("test_id=*", call(), None),
    ],
)
def test_a_rule_strikes_what_it_matches(match: str, hit: Call, missed: Call | None) -> None:
    store = FaultStore(parse_rules(f"reset; {match}"))
    if missed is not None:
        assert struck(store, missed) == [False]
    assert struck(store, hit) == [True]


def test_a_fault_that_a_call_cannot_have_is_not_counted() -> None:
    store = FaultStore(parse_rules("swapped; id=a, image-error=INTERNAL; index=2; id=b"))
    assert struck_by(store, call(b"a")) == ()
    assert [counted.seen for counted in store.rules()] == [0, 0]
    assert struck_by(store, call(b"a", b"b")) == ("a",)
    store.put("feature-error=INTERNAL; feature=0; index=1")
    assert struck(store, call(b"a"), call(b"a", b"b")) == [False, False], "images without features"


@pytest.mark.parametrize("kind", ["short", "extra", "swapped"])
def test_a_submission_has_no_results_to_change(kind: str) -> None:
    store = FaultStore(parse_rules(f"{kind}; method=*"))
    assert struck(store, call(b"a", b"b", method=SUBMISSION)) == [False]
    assert struck(store, call(b"a", b"b")) == [True]


@pytest.mark.parametrize(
    "text", ["late-operation=1", "stuck-operation", "failed-operation=INTERNAL", "expired-operation", "lost-operation"]
)
def test_faults_of_operations_strike_submissions_alone(text: str) -> None:
    store = FaultStore(parse_rules(f"{text}; method=*"))
    others = [call(), call(method=RECOGNIZE), call(method="/a.b/GetRecognition")]
    assert struck(store, *others, call(method=SUBMISSION)) == [False, False, False, True]


def test_tests_know_nothing_of_each_other() -> None:
    store = FaultStore()
    for test_id in ("a", "b"):
        store.put("code=UNAVAILABLE; times=1", test_id=test_id)
    assert struck(store, call(test_id="a"), call(test_id="a"), call()) == [True, False, False]
    assert (store.hits(test_id="a"), store.hits(test_id="b"), store.hits()) == (1, 0, 0)
    store.forget("a")
    assert store.rules(test_id="a") == []
    assert struck(store, call(test_id="b")) == [True]
    store.forget(None)
    assert store.rules() == []


def test_own_rules_come_before_those_of_all_tests() -> None:
    store = FaultStore(parse_rules("hang; test_id=*; id=all"))
    store.put("reset; id=own; times=1", test_id="a")
    assert [struck_by(store, call(test_id="a")) for _ in range(2)] == [("own",), ("all",)]


def test_put_replaces_and_add_adds() -> None:
    store = FaultStore()
    store.put(["hang", "reset"])
    assert [each.rule.id for each in store.rules()] == ["fault-1", "fault-2"]
    store.add({"kind": "close"})
    assert [each.rule.id for each in store.rules()] == ["fault-1", "fault-2", "fault-3"]
    store.put(["close; test_id=other", "cut; id=mine"])
    assert [(each.rule.id, each.rule.match.test_id) for each in store.rules()] == [("mine", ""), ("fault-1", "other")]
    store.remove("mine")
    with pytest.raises(KeyError):
        store.remove("mine")
    with pytest.raises(KeyError):
        store.hits("mine")
    store.clear(test_id="other")
    assert store.rules() == []


def test_a_list_with_one_bad_rule_changes_nothing() -> None:
    store = FaultStore(parse_rules("hang; id=a"))
    for bad in (["reset", "nonsense"], ["reset; id=b", "close; id=b"]):
        with pytest.raises(InvalidRequestError):
            store.put(bad)
    for bad in (["close; id=b", "reset; id=a"], ["hang"] * MOST_RULES):
        with pytest.raises(InvalidRequestError):
            store.add(bad)
    with pytest.raises(InvalidRequestError, match="test_id"):
        store.put("hang", test_id="я")
    assert [each.rule.id for each in store.rules()] == ["a"]


def test_a_call_orders_a_fault_for_itself() -> None:
    store = FaultStore(parse_rules("hang; id=stored"))
    assert struck_by(store, call(x_fault="reset")) == ("x-fault",)
    assert struck_by(store, call(x_fault='{"kind": "reset", "id": "mine"}')) == ("mine",)
    assert struck_by(store, call()) == ("stored",)
    assert [each.rule.id for each in store.rules()] == ["stored"]
    with pytest.raises(InvalidRequestError, match=r"x-fault\.kind: 'no' is not one of"):
        store.strike(call(x_fault="no"))


def test_ordered_faults_are_counted_by_their_text_for_each_test() -> None:
    store = FaultStore()
    order = "code=UNAVAILABLE; times=2"
    calls = [call(test_id=test_id, x_fault=order) for test_id in "aabbab"]
    assert struck(store, *calls) == [True, True, True, True, False, False]
    assert [(each.hits, each.ordered_by_call) for each in store.rules(test_id="a")] == [(2, True)]
    store.forget("a")
    assert struck(store, call(test_id="a", x_fault=order)) == [True]


def test_what_calls_order_is_bounded() -> None:
    store = FaultStore()
    for number in range(MOST_RULES):
        store.strike(call(x_fault=f"hang; times={number + 1}"))
    with pytest.raises(ServiceError, match="1,000 different faults"):
        store.strike(call(x_fault="hang; every=7"))
    assert store.strike(call(x_fault="hang")) is not None


def test_the_number_of_tests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_TESTS", 2)
    store = FaultStore(parse_rules("hang; test_id=a, hang; test_id=b"))
    with pytest.raises(ServiceError, match="reset those that have ended"):
        store.put("hang", test_id="c")
    assert store.strike(call(test_id="c")) is None
    store.put("hang", test_id="b")


def test_tests_without_rules_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_TESTS", 2)
    store = FaultStore(parse_rules("hang; test_id=a"))
    for number in range(3):
        name = f"b{number}"
        store.put("hang", test_id=name)
        store.clear(test_id=name)
        with pytest.raises(InvalidRequestError):
            store.add(["reset; id=x", "reset; id=x"], test_id=f"c{number}")
    store.put("hang", test_id="d")
    assert [each.rule.match.test_id for each in store.rules()] == ["a", "d"]
    with pytest.raises(ServiceError, match="reset those that have ended"):
        store.put("hang; test_id=e, hang; test_id=d")
    assert [each.rule.match.test_id for each in store.rules()] == ["a", "d"]


def test_what_calls_of_all_tests_order_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_ORDERED", 2)
    store = FaultStore()
    for test_id in "ab":
        store.strike(call(test_id=test_id, x_fault="hang; times=1"))
    with pytest.raises(ServiceError, match="2 different orders by x-fault: reset tests"):
        store.strike(call(test_id="c", x_fault="hang; times=1"))
    assert store.strike(call(test_id="a", x_fault="hang; times=1")) is None


def test_an_expired_token_stays_expired_for_its_test() -> None:
    store = FaultStore(parse_rules("token-expiry; times=1; test_id=a"))
    old, new = "Bearer old", "Bearer new"
    assert struck_by(store, call(test_id="a", token=old)) == ("fault-1",)
    assert struck_by(store, call(test_id="a", token=new)) == ()
    assert struck_by(store, call(test_id="a", token=old)) == ("expired-token",)
    assert struck_by(store, call(test_id="b", token=old)) == ()
    assert struck_by(store, call(token=old)) == ()
    store.clear(test_id="a")
    assert struck_by(store, call(test_id="a", token=old)) == ("expired-token",)
    store.forget("a")
    assert struck_by(store, call(test_id="a", token=old)) == ()


def test_of_very_many_expired_tokens_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MOST_EXPIRED", 2)
    store = FaultStore(parse_rules("token-expiry; times=3"))
    for number in range(3):
        store.strike(call(token=f"Bearer {number}"))
    assert [bool(struck_by(store, call(token=f"Bearer {number}"))) for number in range(3)] == [
        False,
        True,
        True,
    ]


def test_counts_are_exact_whatever_the_number_of_threads() -> None:
    store = FaultStore(parse_rules("hang; every=3; times=50"))
    outcomes: list[bool] = []

    def work() -> None:
        outcomes.extend(struck(store, *(call() for _ in range(100))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcomes) == store.hits() == 50
    assert store.rules()[0].seen == 400
