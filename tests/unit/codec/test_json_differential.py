"""Random JSON, read three ways: fast, strictly, and by protobuf's json_format, which must agree.

`JSON_CASES=100000 pytest tests/unit/test_json_differential.py` tries that many texts per test instead of the usual
number.
"""

import json
import os
from functools import cache
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_oracle import check, comparable, read, read_by_json_format

from vision_grpc.codec.json import split_results, to_json
from vision_grpc.codec.json.fast import MOST_BYTES_AT_ONCE, read_fast
from vision_grpc.codec.json.fields import Field, fields_of
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Duration, Line, Status, Timestamp

_CASES = int(os.environ.get("JSON_CASES", "600"))
_thoroughly = settings(max_examples=_CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
_MESSAGE_CLASSES: st.SearchStrategy[type[Message]] = st.sampled_from(
    [BatchAnalyzeResponse, BatchAnalyzeResponse, BatchAnalyzeRequest, Line, Status, AnyMessage]
)

_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(
        ["NaN", "-Infinity", "", "1e3", "0.5", "+7", "007", " 1", "1_0", "1e400", "A===", "-_", ":", "\\u003a"]
    ),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"x": 1}),
)
_TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(["слово", "a:b", ":", '"', "\\", "x" * 130, "😀"]))
_INTEGERS = st.one_of(
    st.integers(0, 3000),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 3000).map(str),
    st.integers(-50, 2**40).map(str),
)
_DOUBLES = st.one_of(
    st.floats(0, 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1).map(repr),
    st.integers(0, 2),
    st.just("NaN"),
)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_DOUBLE: _DOUBLES,
    FieldDescriptor.TYPE_INT32: st.one_of(st.integers(-5, 20), st.integers(-5, 20).map(str)),
    FieldDescriptor.TYPE_INT64: _INTEGERS,
    FieldDescriptor.TYPE_STRING: _TEXTS,
    FieldDescriptor.TYPE_BYTES: st.sampled_from(["", "AA==", "AA", "-_8=", "+/8"]),
    FieldDescriptor.TYPE_ENUM: st.one_of(
        st.integers(-1, 7), st.sampled_from(["TEXT_DETECTION", "NEW", "CLASSIFICATION"])
    ),
}
_DETAILS = st.one_of(
    st.just({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}),
    st.just({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R", "metadata": {"a:": "b"}}),
    st.just({"@type": "type.googleapis.com/no.Such", "a": [1, {"b": ":"}]}),
    st.just({"@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s"}),
    _ODD,
)
_TIMES = st.one_of(
    st.sampled_from(["1s", "-1.5s", "0.000000001s", "1", "s", "999999999999s", "1.0000000001s", "1s ", "+1s"]),
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.sampled_from(["2026-01-02T03:04:05.5+01:00", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "yesterday"]),
    st.fixed_dictionaries({}, optional={"seconds": st.integers(0, 9), "nanos": st.integers(0, 9)}),
    _ODD,
)


@cache
def _objects(descriptor: Descriptor, *, oddities: bool) -> st.SearchStrategy[dict[str, Any]]:
    members = {field.json_name: _values(field, oddities=oddities) for field in fields_of(descriptor)}
    if oddities:
        members |= {field.name: _values(field, oddities=oddities) for field in fields_of(descriptor)[:1]}
        members["unknown:"] = _ODD
    return st.fixed_dictionaries({}, optional=members)


def _messages(descriptor: Descriptor, *, oddities: bool) -> st.SearchStrategy[Any]:
    return _DETAILS if descriptor is AnyMessage.DESCRIPTOR else _objects(descriptor, oddities=oddities)


def _values(field: Field, *, oddities: bool) -> st.SearchStrategy[Any]:
    value = _SCALARS[field.type] if field.message is None else _messages(field.message, oddities=oddities)
    if field.repeated:
        value = st.lists(value, max_size=4)
    return st.one_of(value, value, value, value, value, _ODD) if oddities else value


@st.composite
def _documents(draw: st.DrawFn, *, oddities: bool) -> tuple[type[Message], bytes]:
    message_class = draw(_MESSAGE_CLASSES)
    tree = draw(_messages(message_class.DESCRIPTOR, oddities=oddities))  # type: ignore[arg-type]
    text = json.dumps(tree, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    return message_class, text.encode("utf-8", errors="surrogatepass")


@st.composite
def _damaged_documents(draw: st.DrawFn) -> tuple[type[Message], bytes]:
    message_class, text = draw(_documents(oddities=False))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 40, len(text))))
        at = draw(st.integers(0, len(text)))
        insertion = draw(
            st.one_of(
                st.just(text[start:end]), st.binary(max_size=2), st.sampled_from([b",", b'":', b'"x":1,', b"\xff"])
            )
        )
        text = draw(
            st.sampled_from(
                [text[:at] + insertion + text[at:], text[:start] + text[end:], text[:start] + insertion + text[end:]]
            )
        )
    return message_class, text


@given(_documents(oddities=True), st.booleans())
@_thoroughly
def test_all_three_agree(document: tuple[type[Message], bytes], ignore_unknown: bool) -> None:  # noqa: FBT001
    check(*document, ignore_unknown=ignore_unknown)


@given(_documents(oddities=False))
@_thoroughly
def test_all_three_agree_on_clean_documents(document: tuple[type[Message], bytes]) -> None:
    check(*document, ignore_unknown=True)


@given(_damaged_documents())
@_thoroughly
def test_all_three_agree_on_damaged_documents(document: tuple[type[Message], bytes]) -> None:
    check(*document, ignore_unknown=True)


@given(st.sampled_from([Duration, Timestamp]), _TIMES)
@_thoroughly
def test_times_agree_with_json_format(message_class: type[Message], tree: object) -> None:
    text = json.dumps(tree).encode()

    ours = read(message_class, text, ignore_unknown=True)

    theirs = read_by_json_format(message_class, text, ignore_unknown=True)
    assert isinstance(ours, ProtocolError) or comparable(ours) == comparable(theirs)


@given(_documents(oddities=False))
@_thoroughly
def test_what_is_printed_is_read_back(document: tuple[type[Message], bytes]) -> None:
    message_class, text = document
    message = read(message_class, text, ignore_unknown=True)
    if isinstance(message, ProtocolError):
        return

    printed = to_json(message)

    assert comparable(read(message_class, printed, ignore_unknown=True)) == comparable(message)
    theirs = read_by_json_format(message_class, printed, ignore_unknown=True)
    assert isinstance(theirs, Exception) or comparable(theirs) == comparable(message)


@given(_damaged_documents())
@_thoroughly
def test_a_split_answer_holds_the_same_results(document: tuple[type[Message], bytes]) -> None:
    _, text = document
    whole = read(BatchAnalyzeResponse, text, ignore_unknown=True)
    try:
        results = list(split_results(text))
    except ProtocolError:
        assert isinstance(whole, ProtocolError)
    else:
        assert isinstance(whole, BatchAnalyzeResponse)
        assert [comparable(result) for result in results] == [comparable(result) for result in whole.results]


@given(st.binary(max_size=60), _MESSAGE_CLASSES)
@_thoroughly
def test_any_bytes_are_a_message_or_a_protocol_error(data: bytes, message_class: type[Message]) -> None:
    read(message_class, data, ignore_unknown=True)


@pytest.mark.parametrize("languages", ["", ',"languages":[{"languageCode":"ru","confidence":0.5}]'])
@pytest.mark.parametrize("entity_index", ['"-1"', "3"])
def test_usual_answers_go_the_fast_way(languages: str, entity_index: str) -> None:
    word = '{"boundingBox":{"vertices":[{"x":"1","y":"2"},{"x":"3"}]},"text":"a:","confidence":0.5,"entityIndex":%s%s}'
    text = '{"results":[{"results":[{"textDetection":{"pages":[{"blocks":[{"lines":[{"words":[%s,%s]}]}]}]}}]}]}'
    data = (text % ((word % (entity_index, languages),) * 2)).encode()

    assert read_fast(data, BatchAnalyzeResponse, ignore_unknown=False) is not None
    assert read_fast(data + b" " * MOST_BYTES_AT_ONCE, BatchAnalyzeResponse, ignore_unknown=False) is not None
