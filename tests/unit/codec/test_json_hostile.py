"""Texts that are not what they should be: always a ProtocolError that says where, in time and memory of their size."""

import json
import tracemalloc
from collections.abc import Callable

import pytest
from google.protobuf.message import Message

from vision_grpc.codec.json import from_json, read_error_body
from vision_grpc.codec.json.tree import DEEPEST
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import (
    AnalyzeSpec,
    Any,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    CreateIamTokenResponse,
    Duration,
    ErrorInfo,
    Feature,
    Line,
    Property,
    RetryInfo,
    Status,
    Timestamp,
    Vertex,
)

_WORD = (
    '{"results":[{"results":[{"textDetection":{"pages":[{"width":"1","height":"2","blocks":[{"lines":[{"words":[%s]'
    ',"confidence":0.5}]}]}]}}]}]}'
)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "character 0"),
        (b" ", "character"),
        (b"{", "character"),
        (b'{"results":[{"results":[{}', "character 26"),
        (b'{"results":[]}}', "character 14"),
        (b'{"results":[],}', r"character 1[34]$"),  # Python 3.13 points at the comma
        (b"\xef\xbb\xbf{}", "character 0"),
        (b'{"x":"\xff"}', "byte 6"),
        (b'{"x":"\xed\xa0\x80"}', "byte 6"),
        (b'{"\xc0\x80":1}', "byte 2"),
        (b'{"x":"\\ud800"}', "surrogate.*character 6$"),
        (b'{"\\udc00":1}', "surrogate.*character 2$"),
        (b'{"x":"\\ude00\\ud83d"}', "surrogate.*character 6$"),
        (b'{"x":1,"x":2}', "'x'.*character 7$"),
        (b'{"results":[],"results":[]}', "'results'.*character 14$"),
        (b'{"results":[{"x":{"y":1,"y":1}}]}', "'y'.*character 24$"),
        (b'{"x":NaN}', "NaN.*character 5$"),
        (b'{"x":-Infinity}', "-Infinity.*character 5$"),
        (b'{"x":01}', "character"),
        (b'{"x":"\x01"}', "character 6"),
        (b"null", "null"),
        (b"[]", "a list"),
        (b'"text"', "text"),
        (b"[" * 100_000, "deep.*character 100$"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep.*character 104$"),
        (b'{"x":' * 100_000, "deep.*character 500$"),
    ],
)
@pytest.mark.parametrize("message_class", [BatchAnalyzeResponse, BatchAnalyzeRequest, Status])
def test_refuses_what_is_no_json_object(data: bytes, where: str, message_class: type[Message]) -> None:
    with pytest.raises(ProtocolError, match=where):
        from_json(data, message_class)


@pytest.mark.parametrize(
    ("message_class", "text", "where"),
    [
        (Vertex, '{"x":true}', "x: .*true"),
        (Vertex, '{"x":"true"}', "x: "),
        (Vertex, '{"x":"1_000"}', "x: "),
        (Vertex, '{"x":" 1"}', "x: "),
        (Vertex, '{"x":"1\\n"}', "x: "),
        (Vertex, '{"x":"\\u0663"}', "x: "),
        (Vertex, '{"x":9223372036854775808}', "x: "),
        (Vertex, '{"x":"-9223372036854775809"}', "x: "),
        (Vertex, '{"x":1e19}', "x: "),
        (Vertex, '{"x":1e400}', "x: "),
        (Vertex, '{"x":"1e999999999"}', "x: "),
        (Vertex, '{"x":"0.5"}', "x: "),
        (Vertex, '{"x":["1"]}', "x: .*a list"),
        (Vertex, '{"x":{}}', "x: .*an object"),
        (Property, '{"probability":1e400}', "probability: "),
        (Property, '{"probability":"1e400"}', "probability: "),
        (Property, '{"probability":"nan"}', "probability: "),
        (Property, '{"probability":"inf"}', "probability: "),
        (Property, '{"probability":" 1"}', "probability: "),
        (Property, '{"probability":"1_0"}', "probability: "),
        (Property, '{"probability":""}', "probability: "),
        (Property, '{"probability":false}', "probability: .*false"),
        (Property, '{"name":1}', "name: "),
        (Property, '{"name":[]}', "name: "),
        (Feature, '{"type":1.5}', "type: "),
        (Feature, '{"type":2147483648}', "type: "),
        (Feature, '{"type":[]}', "type: "),
        (AnalyzeSpec, '{"content":1}', "content: "),
        (AnalyzeSpec, '{"content":"A"}', "content: "),
        (AnalyzeSpec, '{"content":"AAAAA"}', "content: "),
        (AnalyzeSpec, '{"content":"AA==AA=="}', "content: "),
        (AnalyzeSpec, '{"content":"AA AA"}', "content: "),
        (AnalyzeSpec, '{"content":"AA","signature":""}', "signature: .*content"),
        (AnalyzeSpec, '{"content":"","signature":"x"}', "signature: .*content"),
        (AnalyzeSpec, '{"mime_type":"a","mimeType":"a"}', "mimeType: "),
        (BatchAnalyzeRequest, '{"analyzeSpecs":[{"features":[{},null]}]}', r"analyzeSpecs\[0\]\.features\[1\]: .*null"),
        (BatchAnalyzeRequest, '{"analyzeSpecs":[[]]}', r"analyzeSpecs\[0\]: .*a list"),
        (BatchAnalyzeRequest, '{"analyzeSpecs":"x"}', "analyzeSpecs: "),
        (Status, '{"details":[{}, {"@type":1}]}', r"details\[1\]: @type"),
        (Status, '{"details":[{"@type":"","reason":"x"}]}', r"details\[0\]: @type"),
        (Status, '{"details":[1]}', r"details\[0\]: "),
        (Status, '{"details":[{"@type":"t/google.protobuf.Duration","value":1}]}', r"details\[0\]\.value: "),
        (Status, '{"details":[{"@type":"t/google.protobuf.Duration"}]}', r"details\[0\]\.value: "),
        (ErrorInfo, '{"metadata":[]}', "metadata: "),
        (ErrorInfo, '{"metadata":{"a":1}}', r"metadata\['a'\]: "),
        (ErrorInfo, '{"metadata":{"a":null}}', r"metadata\['a'\]: "),
        (RetryInfo, '{"retryDelay":"1"}', "retryDelay: "),
        (RetryInfo, '{"retryDelay":"1_0s"}', "retryDelay: "),
        (RetryInfo, '{"retryDelay":"999999999999s"}', "retryDelay: "),
        (RetryInfo, '{"retryDelay":{}}', "retryDelay: "),
        (CreateIamTokenResponse, '{"expiresAt":"2026-02-30T00:00:00Z"}', "expiresAt: "),
        (CreateIamTokenResponse, '{"expiresAt":"yesterday"}', "expiresAt: "),
        (Timestamp, '{"seconds":"1"}', "a Timestamp was expected, not an object"),
        (Timestamp, '"yesterday"', "a Timestamp was expected"),
        (Duration, "{}", "a Duration was expected, not an object"),
        (Duration, "null", "a Duration was expected, not null"),
        (Any, '{"typeUrl":"t/google.rpc.RequestInfo","value":"CgFy"}', "@type"),
        (Any, '"1s"', "an object was expected, not '1s'"),
    ],
)
@pytest.mark.parametrize("ignore_unknown", [True, False])
def test_names_the_field_that_is_wrong(
    message_class: type[Message], text: str, where: str, *, ignore_unknown: bool
) -> None:
    with pytest.raises(ProtocolError, match=where):
        from_json(text.encode(), message_class, ignore_unknown=ignore_unknown)


@pytest.mark.parametrize("wrong", ["null", "true", "1", '"x"', "1.5", "[]", "{}", '["x"]', '{"x":1}'])
def test_a_wrong_type_in_any_position_of_an_answer_is_refused(wrong: str) -> None:
    word = json.loads(_WORD % '{"boundingBox":{"vertices":[{"x":"1","y":"2"}]},"text":"x","confidence":0.5}')
    for document, position in _with_each_value_replaced(word, json.loads(wrong)):
        text = json.dumps(document).encode()
        reason = _reason_of_refusal(text)
        assert reason is None or position in reason or "object was expected" in reason


def _reason_of_refusal(text: bytes, message_class: type[Message] = BatchAnalyzeResponse) -> str | None:
    try:
        from_json(text, message_class)
    except ProtocolError as error:
        return str(error)
    return None


def _with_each_value_replaced(tree: object, wrong: object, path: str = "") -> list[tuple[object, str]]:
    """Return the tree once for each of its values, with that value replaced, and the value's key."""
    variants: list[tuple[object, str]] = [(wrong, path)]
    if isinstance(tree, dict):
        for key, value in tree.items():
            variants += [({**tree, key: inner}, at) for inner, at in _with_each_value_replaced(value, wrong, key)]
    if isinstance(tree, list):
        for index, value in enumerate(tree):
            inner_variants = _with_each_value_replaced(value, wrong, path)
            variants += [([*tree[:index], inner, *tree[index + 1 :]], at) for inner, at in inner_variants]
    return variants


@pytest.mark.parametrize("cut", range(1, 180, 7))
def test_an_answer_that_stops_half_way_is_refused(cut: int) -> None:
    whole = (_WORD % '{"text":"слово","confidence":0.5,"languages":[{"languageCode":"ru"}]}').encode()

    with pytest.raises(ProtocolError):
        from_json(whole[:-cut], BatchAnalyzeResponse)


@pytest.mark.parametrize("field", ["x", "unknown"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_million_digits_take_no_time(field: str, quote: str) -> None:
    text = f'{{"{field}":{quote}{"7" * 1_000_000}{quote}}}'.encode()

    if field == "unknown":
        assert from_json(text, Vertex) == Vertex()
    else:
        with pytest.raises(ProtocolError, match=r"x: .*7777\.*"):
            from_json(text, Vertex)


def test_errors_show_no_more_than_the_beginning_of_a_value() -> None:
    with pytest.raises(ProtocolError) as caught:
        from_json(b'{"x":"' + b"y" * 100_000 + b'"}', Vertex)

    assert len(str(caught.value)) < 200


def _nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def _statuses(levels: int) -> str:
    """Return the JSON of statuses within the details of each other."""
    head = '"code":1,"details":[{"@type":"t/google.rpc.Status",'
    return "{" + head * (levels - 1) + '"code":1' + "}]" * (levels - 1) + "}"


@pytest.mark.parametrize(
    "deep", [_nested(330), f"[{_nested(330)}]", "[" * 600 + "]" * 600], ids=["objects", "in a list", "lists"]
)
@pytest.mark.parametrize("escape", ["", "\\u0041"])
def test_a_detail_that_is_nested_too_deeply_is_refused(deep: str, escape: str) -> None:
    text = f'{{"message":"x{escape}","details":[{{}},{{"@type":"t/no.Such","a":{deep}}}]}}'

    with pytest.raises(ProtocolError, match=r"^details\[1\]: nested too deeply"):
        from_json(text.encode(), Status)


def test_messages_that_are_nested_too_deeply_are_refused() -> None:
    with pytest.raises(ProtocolError, match=r"details\[0\]: nested too deeply"):
        from_json(_statuses(DEEPEST // 2 + 1).encode(), Status)


@pytest.mark.parametrize("calls", range(0, 801, 100))
@pytest.mark.parametrize(
    "text",
    [f'{{"details":[{{"@type":"t/no.Such","a":{_nested(DEEPEST - 1)}}}]}}', _statuses(DEEPEST // 2)],
    ids=["unknown", "statuses"],
)
def test_a_caller_with_little_stack_left_gets_no_other_error(text: str, calls: int) -> None:
    _reached_by(calls, lambda: _reason_of_refusal(text.encode(), Status))
    _reached_by(calls, lambda: read_error_body(text.encode(), 500))


def _reached_by(calls: int, work: Callable[[], object]) -> None:
    """Do some work as many calls deeper."""
    if calls:
        _reached_by(calls - 1, work)
    else:
        work()


def test_long_lists_leave_nothing_behind() -> None:
    def read(vertices: int) -> None:
        from_json(b'{"boundingBox":{"vertices":[%s]}}' % b",".join([b"{}"] * vertices), Line)

    read(20_000)
    tracemalloc.start()
    try:
        for more in range(1, 4):
            read(20_000 + more)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert kept_bytes < 100_000
