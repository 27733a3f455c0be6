"""What is a rule, and what is refused as none."""

import json
from pathlib import Path
from typing import Any

import pytest

from vision_grpc.errors import InvalidRequestError
from vision_grpc.local.faults.fault import Match
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.kinds.answers import Garbage
from vision_grpc.local.faults.kinds.statuses import Gateway, StatusCode
from vision_grpc.local.faults.kinds.times import Hang, Latency
from vision_grpc.local.faults.reading import MOST_BYTES, MOST_RULES, load_rules, parse_rules, read_rules
from vision_grpc.local.faults.rule import Rule

_DIGEST = "0123456789abcdef"


def _problems(given: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_rules(given) if isinstance(given, str | bytes) else read_rules(given)
    return [(each.path, each.message) for each in caught.value.violations]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("code=UNAVAILABLE", Rule(fault=StatusCode(code="UNAVAILABLE"))),
        (
            "code=ABORTED; message=busy; retry-after=0.2; times=2",
            Rule(fault=StatusCode(code="ABORTED", message="busy", retry_after=0.2), times=2),
        ),
        ('code=ABORTED; message="a, b; \\"c\\""', Rule(fault=StatusCode(code="ABORTED", message='a, b; "c"'))),
        ("garbage=404; test_id=7", Rule(fault=Garbage(body="404"), match=Match(test_id="7"))),
        ("hang; digest=12345678", Rule(fault=Hang(), match=Match(digest="12345678"))),
        ('code=ABORTED; message=""', Rule(fault=StatusCode(code="ABORTED", message=""))),
        ("latency=1", Rule(fault=Latency(seconds=1.0))),
        (" gateway = 503 ;every=3;after=1; ", Rule(fault=Gateway(status=503), every=3, after=1)),
        (
            f"gateway; transport=rest; digest={_DIGEST.upper()}; images=2; method=*; id=my-rule",
            Rule(id="my-rule", fault=Gateway(), match=Match(transport="rest", digest=_DIGEST, images=2, method="*")),
        ),
    ],
)
def test_the_short_form_says_what_json_says(text: str, rule: Rule) -> None:
    assert parse_rules(text) == [rule]
    assert read_rules(rule.to_json() if rule.id else {k: v for k, v in rule.to_json().items() if k != "id"}) == [rule]


def test_several_rules_are_separated_by_commas() -> None:
    assert [rule.fault.kind for rule in parse_rules("latency=0.1, hang; times=1,reset")] == ["latency", "hang", "reset"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_with_only_what_it_must_have_goes_through_json(kind: str) -> None:
    needed: dict[str, dict[str, Any]] = {
        "latency": {"seconds": 1}, "trickle": {"bytes_per_s": 5}, "late-operation": {"ready_after_s": 1},
        **{kind: {"code": "INTERNAL"} for kind in ("code", "image-error", "feature-error", "failed-operation")},
    }  # fmt: skip
    required = needed.get(kind, {})
    [rule] = read_rules({"kind": kind, **required})
    again = json.loads(json.dumps({**rule.to_json(), "id": "x"}))
    assert read_rules(again)[0].fault == rule.fault


def test_lists_come_bare_or_in_rules_and_hold_objects_and_texts() -> None:
    listed = ["hang", {"kind": "reset"}]
    expected = [rule.fault.kind for rule in read_rules(listed)]
    assert expected == ["hang", "reset"]
    assert [rule.fault.kind for rule in read_rules({"rules": listed})] == expected
    assert [rule.fault.kind for rule in parse_rules(json.dumps(listed))] == expected
    assert [rule.fault.kind for rule in parse_rules(b"\xef\xbb\xbf" + json.dumps(listed).encode())] == expected
    assert read_rules([]) == []


@pytest.mark.parametrize(
    ("given", "path", "allowed"),
    [
        ({"kind": "cod"}, "rules.kind", "'cod' is not one of code, quota,"),
        ({}, "rules.kind", "nothing is not one of code,"),
        ({"kind": ["code"]}, "rules.kind", "is not one of"),
        ({"kind": "code"}, "rules.code", "it is missing: it is one of CANCELLED,"),
        ({"kind": "code", "code": 14}, "rules.code", "14 is not one of CANCELLED,"),
        ({"kind": "code", "code": "OK"}, "rules.code", "'OK' is not one of"),
        ({"kind": "hang", "probability": 0.5}, "rules.probability", "there is no such field, only after,"),
        ({"kind": "hang", "times": 0}, "rules.times", "0 is not a whole number from 1 to"),
        ({"kind": "hang", "times": True}, "rules.times", "True is not a whole number"),
        ({"kind": "hang", "times": 1.0}, "rules.times", "1.0 is not a whole number"),
        ({"kind": "hang", "times": None}, "rules.times", "None is not a whole number"),
        ({"kind": "hang", "every": -1}, "rules.every", "-1 is not a whole number"),
        ({"kind": "hang", "id": "a/b"}, "rules.id", "'a/b' is not text of at most 100"),
        ({"kind": "hang", "id": ""}, "rules.id", "'' is not text"),
        ({"kind": "latency", "seconds": -0.1}, "rules.seconds", "is not a number from 0 to 3600"),
        ({"kind": "latency", "seconds": float("nan")}, "rules.seconds", "nan is not a number"),
        ({"kind": "latency", "seconds": "1"}, "rules.seconds", "'1' is not a number"),
        ({"kind": "latency", "seconds": 10**400}, "rules.seconds", "is not a number"),
        ({"kind": "hang", "match": []}, "rules.match", "[] is not an object"),
        ({"kind": "hang", "match": {"transport": "http"}}, "rules.match.transport", "'http' is not one of grpc, rest"),
        ({"kind": "hang", "match": {"digest": "xyz"}}, "rules.match.digest", "is not 8 to 64 hexadecimal digits"),
        (
            {"kind": "hang", "match": {"key_digest": "12"}},
            "rules.match.key_digest",
            "the SHA-256 of an API key or token",
        ),
        ({"kind": "hang", "\ud800": 1}, "rules.\\ud800", "there is no such field, only after,"),
        ({"kind": "hang", "match": {"\ud800": 1}}, "rules.match.\\ud800", "there is no such field, only digest,"),
        ({"kind": "hang", "match": {"key": 1}}, "rules.match.key", "there is no such field, only digest,"),
        ({"kind": "garbage", "body": "\ud800"}, "rules.body", "without lone surrogates"),
        ({"kind": "garbage", "body": "x" * 70_000}, "rules.body", "text of at most 65,536 characters"),
        ({"kind": "gateway", "server": "a\r\nset-cookie: b"}, "rules.server", "is not text of at most 200"),
        ([["hang"]], "rules[0]", "is not a rule"),
        (["hang", 3], "rules[1]", "3 is not a rule"),
        ({"rules": [], "more": 1}, "rules", "beside rules there is another field"),
        ("", "rules", "is not the beginning of a rule"),
        ("hang; times", "rules", "times has no value"),
        ("hang; times=1; times=2", "rules", "times is there twice"),
        ("hang=3", "rules", "hang takes no value"),
        ("hang, ", "rules", "is not the beginning of a rule"),
        ("hang; =3", "rules", "is not the beginning"),
        ('code=UNAVAILABLE; message="open', "rules", "is not the beginning"),
        ("nothing=3", "rules", "nothing is not one of code,"),
        ("hang; times=1e3", "rules.times", "'1e3' is not a whole number"),
        ('{"kind": "hang"', "rules", "the text is not JSON"),
        ('{"kind": "hang", "kind": "reset"}', "rules", "two members of one name"),
        ("[" * 100_000, "rules", "the JSON is nested too deeply"),
        ('{"kind": "hang", "times": ' + "9" * 5_000 + "}", "rules", "the text is not JSON"),
        (b"\xff\xfe", "rules", "the text is not UTF-8"),
        (["hang"] * (MOST_RULES + 1), "rules", "at most 1,000 are allowed"),
        ("hang; id=" + "x" * 9_000, "rules", "at most 8,192 are allowed"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_path_and_what_is_allowed(given: object, path: str, allowed: str) -> None:
    [(told, message)] = _problems(given)
    assert told == path
    assert allowed in message
    assert len(message) < 1_000


def test_all_problems_are_told_at_once() -> None:
    given = [{"kind": "code", "code": "no", "times": -1}, "hang", {"kind": "latency", "match": {"images": 0}}]
    assert [path for path, _ in _problems(given)] == [
        "rules[0].code",
        "rules[0].times",
        "rules[2].seconds",
        "rules[2].match.images",
    ]


def test_a_text_with_many_blanks_is_read_in_no_time() -> None:
    for text in ("a" + " " * 8_000 + '"', "code=" + " " * 8_000 + '"', 'code="' + "\\" * 8_000, "a;" * 4_000):
        _problems(text)


def test_a_rule_is_for_the_test_it_comes_with_and_for_no_other() -> None:
    assert [rule.match.test_id for rule in read_rules(["hang"], test_id="a b")] == ["a b"]
    assert read_rules([{"kind": "hang", "match": {"test_id": "*"}}])[0].match.test_id == "*"
    with pytest.raises(InvalidRequestError, match=r"rules\[0\].match.test_id: 'b' is not the test id"):
        read_rules([{"kind": "hang", "match": {"test_id": "b"}}], test_id="a")


def test_rules_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text('["code=UNAVAILABLE; times=1", {"kind": "hang"}]')
    assert [rule.fault.kind for rule in load_rules(path)] == ["code", "hang"]
    path.write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(InvalidRequestError, match="the file is longer than"):
        load_rules(path)
