"""Legal JSON in all its spellings."""

import math
from typing import cast

import pytest
from google.protobuf.message import Message

from vision_grpc.codec.json import from_json, to_json
from vision_grpc.codec.json.tree import DEEPEST
from vision_grpc.codec.wire_format import length_delimited
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
    Property,
    RequestInfo,
    RetryInfo,
    Status,
    Timestamp,
    Vertex,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x":"007"}', Vertex(x=7)),
        ('{"x":"+7"}', Vertex(x=7)),
        ('{"x":"1e3"}', Vertex(x=1000)),
        ('{"x":"9007199254740993.0"}', Vertex(x=9007199254740993)),
        ('{"x":7.0}', Vertex(x=7)),
        ('{"x":9223372036854775807}', Vertex(x=2**63 - 1)),
        ('{"x":"-9223372036854775808"}', Vertex(x=-(2**63))),
        ('{"x":0,"y":null}', Vertex()),
        ('{"probability":"Infinity"}', Property(probability=math.inf)),
        ('{"probability":"-Infinity"}', Property(probability=-math.inf)),
        ('{"probability":"0.25"}', Property(probability=0.25)),
        ('{"probability":-0.0}', Property(probability=-0.0)),
        ('{"probability":123456789012345678901234567890}', Property(probability=123456789012345678901234567890)),
        ('{"type":"TEXT_DETECTION"}', Feature(type=Feature.TEXT_DETECTION)),
        ('{"type":1.0}', Feature(type=Feature.TEXT_DETECTION)),
        ('{"type":"1"}', Feature(type=Feature.TEXT_DETECTION)),
        ('{"type":-2147483648}', Feature(type=Feature.Type.ValueType(-(2**31)))),
        ('{"content":"-_+/"}', AnalyzeSpec(content=b"\xfb\xff\xbf")),
        ('{"content":null,"signature":"x"}', AnalyzeSpec(signature="x")),
        ('{"mime_type":"image/png"}', AnalyzeSpec(mime_type="image/png")),
        ('{"metadata":{"":"empty","ключ":"значение"}}', ErrorInfo(metadata={"": "empty", "ключ": "значение"})),
        (
            '{"expiresAt":"2026-01-02T03:04:05.5+01:00"}',
            CreateIamTokenResponse(expires_at=Timestamp(seconds=1767319445, nanos=500000000)),
        ),
        ('"2026-01-02T03:04:05Z"', Timestamp(seconds=1767323045)),
        (' "-1.5s"\n', Duration(seconds=-1, nanos=-500000000)),
        (
            '{"@type":"t/google.rpc.RequestInfo","requestId":"r"}',
            Any(type_url="t/google.rpc.RequestInfo", value=b"\n\1r"),
        ),
        ("{}", Any()),
    ],
)
@pytest.mark.parametrize("ignore_unknown", [True, False])
def test_reads(text: str, message: Message, *, ignore_unknown: bool) -> None:
    assert from_json(text.encode(), type(message), ignore_unknown=ignore_unknown) == message


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_bytes_read_alike(kind: type[bytearray] | type[memoryview]) -> None:
    assert from_json(kind(b'{"folderId":"f"}'), BatchAnalyzeRequest) == BatchAnalyzeRequest(folder_id="f")
    with pytest.raises(ProtocolError, match="novelty"):
        from_json(kind(b'{"novelty":1}'), BatchAnalyzeRequest, ignore_unknown=False)


@pytest.mark.parametrize("data", [None, 7, {"folderId": "f"}, [b"{}"]])
def test_what_is_no_text_is_no_json(data: object) -> None:
    with pytest.raises(TypeError, match=f"bytes or str, not {type(data).__name__}$"):
        from_json(cast("bytes", data), BatchAnalyzeRequest)


def test_a_text_reads_like_its_bytes() -> None:
    assert from_json('{"folderId":"папка"}', BatchAnalyzeRequest) == BatchAnalyzeRequest(folder_id="папка")
    with pytest.raises(ProtocolError, match="surrogate"):
        from_json('{"folderId":"\ud800"}', BatchAnalyzeRequest)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b'{"results":[{"new":1}]}', r"results\[0\]\.new: AnalyzeResult"),
        (b'{"results":[{"error":{"details":[{"@type":"t/no.Such"}]}}]}', r"error\.details\[0\]: .*no\.Such"),
        (b'{"results":[{"results":[{"textDetection":{"pages":[{"bounding":{}}]}}]}]}', r"pages\[0\]\.bounding: Page"),
    ],
)
def test_what_the_contract_does_not_have_is_skipped_or_refused(text: bytes, where: str) -> None:
    assert len(from_json(text, BatchAnalyzeResponse).results) == 1
    with pytest.raises(ProtocolError, match=where):
        from_json(text, BatchAnalyzeResponse, ignore_unknown=False)


def test_an_unknown_enum_name_is_skipped() -> None:
    assert from_json(b'{"type":"NEW_DETECTION"}', Feature) == Feature()


@pytest.mark.parametrize(
    "detail",
    [
        '{"@type":"type.googleapis.com/yandex.cloud.New","text":"\\"х\\\\","list":[1,2.5,null,true,{"a":{}}],"huge":1e999}',
        '{"@type":"type.googleapis.com/yandex.cloud.New"}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"aGk="}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"no base64"}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"aGl="}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"-v///w8HeyJhIjoxfQ=="}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"+v///w8HeyJhIjoxfQ=="}',
        '{"@type":"type.googleapis.com/yandex.cloud.New","value":"","other":1}',
        '{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r","servingData":"s"}',
        '{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"}',
        '{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"t/no.Such","a":1}}',
        "{}",
    ],
)
def test_an_error_detail_comes_out_as_it_went_in(detail: str) -> None:
    text = f'{{"details":[{detail}]}}'.encode()

    assert to_json(from_json(text, Status)) == text


@pytest.mark.parametrize(
    "detail",
    [
        Any(type_url="t/no.Such", value=b"\x08\x01"),
        Any(type_url="t/no.Such", value=b"no wire bytes at all"),
        Any(type_url="t/no.Such"),
        Any(type_url="t/no.Such", value=bytes.fromhex("faffffff0f077b2261223a317d")),
        Any(type_url="t/no.Such", value=bytes.fromhex("faffffff0f087b2261223a20317d")),
        Any(type_url="t/google.rpc.RequestInfo", value=RequestInfo(request_id="r").SerializeToString()),
    ],
    ids=["wire bytes", "garbage", "empty", "kept text", "nearly kept text", "known"],
)
def test_an_error_detail_from_grpc_survives_json(detail: Any) -> None:
    status = Status(details=[detail])

    assert from_json(to_json(status), Status) == status


def test_a_detail_that_is_not_what_its_type_says_is_printed() -> None:
    broken = Status(code=3, details=[Any(type_url="t/google.rpc.RetryInfo", value=b"\xff")])

    assert to_json(broken) == b'{"code":3,"details":[{"@type":"t/google.rpc.RetryInfo","value":"/w=="}]}'


def _nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def _statuses(levels: int) -> Status:
    """Return statuses within the details of each other."""
    status = Status(code=3)
    for _ in range(levels - 1):
        detail = Any()
        detail.Pack(status)
        status = Status(code=3, details=[detail])
    return status


def test_details_are_nested_as_deep_as_protobuf_allows() -> None:
    kept = f'{{"details":[{{"@type":"t/no.Such","a":{_nested(DEEPEST - 1)}}}]}}'.encode()
    statuses = _statuses(DEEPEST // 2)

    assert to_json(from_json(kept, Status)) == kept
    assert from_json(to_json(statuses), Status) == statuses


@pytest.mark.parametrize(
    "detail",
    [
        Any(type_url="t/no.Such", value=length_delimited(2**29 - 1, _nested(DEEPEST + 1).encode())),
        Any(type_url="t/no.Such", value=length_delimited(2**29 - 1, _nested(400).encode())),
    ],
    ids=["just", "far"],
)
def test_kept_text_that_is_nested_too_deeply_is_printed_as_bytes(detail: Any) -> None:
    printed = to_json(detail)

    assert b'"value":"' in printed
    assert from_json(printed, Any) == detail


def test_details_within_details_without_end_are_printed() -> None:
    printed = to_json(_statuses(1_000))

    assert printed.startswith(b'{"code":3,"details":[{"@type":"type.googleapis.com/google.rpc.Status","code":3,')
    assert b'"value":"' in printed


def test_a_kept_detail_is_an_unknown_field_to_who_knows_its_type() -> None:
    status = from_json(b'{"details":[{"@type":"t/no.Such","retryDelay":"1s"}]}', Status)

    assert RetryInfo.FromString(status.details[0].value).HasField("retry_delay") is False
