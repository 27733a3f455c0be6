"""Errors in all the forms that HTTP answers have."""

from datetime import UTC, datetime

import pytest

from vision_grpc.codec.json import find_error, read_error, read_error_body, read_retry_after
from vision_grpc.errors import Code
from vision_grpc.messages import Any, RequestInfo, RetryInfo, Status

_NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("http_status", "body", "code", "message"),
    [
        (400, b'{"code":3,"message":"too large"}', Code.INVALID_ARGUMENT, "too large"),
        (400, b'{"error":{"code":3,"message":"too large"}}', Code.INVALID_ARGUMENT, "too large"),
        (400, b'{"code":"3","message":"too large"}', Code.INVALID_ARGUMENT, "too large"),
        (
            429,
            b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}',
            Code.RESOURCE_EXHAUSTED,
            "slow",
        ),
        (500, b'{"error":{"code":400,"message":"x","status":"FAILED_PRECONDITION"}}', Code.FAILED_PRECONDITION, "x"),
        (403, b'{"code":"PERMISSION_DENIED","message":"x"}', Code.PERMISSION_DENIED, "x"),
        (401, b'{"error":"invalid_token"}', Code.UNAUTHENTICATED, "invalid_token"),
        (403, b'{"message":"Forbidden"}', Code.PERMISSION_DENIED, "Forbidden"),
        (503, b'{"code":0,"message":""}', Code.UNAVAILABLE, 'HTTP 503 with the body: {"code":0,"message":""}'),
        (404, b'{"error":null}', Code.NOT_FOUND, 'HTTP 404 with the body: {"error":null}'),
        (500, b"[]", Code.INTERNAL, "HTTP 500 with the body: []"),
        (502, b"", Code.UNAVAILABLE, "HTTP 502 with an empty body"),
        (504, b"upstream request timeout", Code.DEADLINE_EXCEEDED, "HTTP 504 with the body: upstream request timeout"),
        (
            413,
            b"<html><head><title>413 Too Large</title><style>b{}</style></head><body><b>nginx&amp;co</b></body></html>",
            Code.RESOURCE_EXHAUSTED,
            "HTTP 413 with the body: 413 Too Large nginx&co",
        ),
        (503, b"\x00\x01\xff\xfe", Code.UNAVAILABLE, "HTTP 503 with the body: \ufffd\ufffd"),
        (503, b'{"code":14,"message":"cut', Code.UNAVAILABLE, 'HTTP 503 with the body: {"code":14,"message":"cut'),
        (418, b"", Code.FAILED_PRECONDITION, "HTTP 418 with an empty body"),
        (503, b"x" * 5_000, Code.UNAVAILABLE, "HTTP 503 with the body: " + "x" * 200),
        (503, b"[" * 100_000, Code.UNAVAILABLE, "HTTP 503 with the body: " + "[" * 200),
    ],
)
def test_reads_any_body(http_status: int, body: bytes, code: Code, message: str) -> None:
    assert read_error_body(body, http_status) == Status(code=code, message=message)


def test_keeps_all_details() -> None:
    body = (
        b'{"code":8,"message":"quota","details":[{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r"},'
        b'{"@type":"t/no.Such","limit":1},{"reason":"no type"},'
        b'{"@type":"t/google.rpc.RetryInfo","retryDelay":"soon"},7]}'
    )

    details = read_error_body(body, 429).details

    known = RequestInfo()
    assert details[0].Unpack(known)
    assert known.request_id == "r"
    assert [detail.type_url for detail in details[1:]] == ["t/no.Such", "", "t/google.rpc.RetryInfo"]
    assert [text in detail.value for text, detail in zip([b"limit", b"reason", b"soon"], details[1:], strict=True)] == [
        True,
        True,
        True,
    ]


@pytest.mark.parametrize("type_url", ["t/no.Such", "t/google.rpc.RetryInfo", ""])
@pytest.mark.parametrize("deep", ['{"a":' * 330 + "1" + "}" * 330, "[" * 600 + "]" * 600], ids=["objects", "lists"])
def test_details_that_are_nested_too_deeply_are_dropped(type_url: str, deep: str) -> None:
    body = (
        f'{{"code":7,"message":"denied","details":[{{"@type":"{type_url}","retryDelay":{deep}}},'
        '{"@type":"t/google.rpc.RequestInfo","requestId":"r"}]}'
    )

    status = read_error_body(body.encode(), 500)

    assert (status.code, status.message) == (Code.PERMISSION_DENIED, "denied")
    assert [detail.type_url for detail in status.details] == ["t/google.rpc.RequestInfo"]


def test_retry_after_becomes_a_detail() -> None:
    status = read_error(429, {"retry-after": "7"}, b"", _NOW)

    (detail,) = status.details
    retry = RetryInfo()
    assert detail.Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 7


def test_retry_after_does_not_overrule_the_service() -> None:
    body = b'{"code":8,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]}'

    status = read_error(429, {"retry-after": "7"}, body, _NOW)

    (detail,) = status.details
    assert detail.value == RetryInfo.FromString(detail.value).SerializeToString()
    assert RetryInfo.FromString(detail.value).retry_delay.seconds == 1


def test_a_grpc_status_in_the_headers_is_the_error() -> None:
    headers = {"content-type": "application/grpc", "grpc-status": "7", "grpc-message": "no%20access"}

    assert read_error(200, headers, b"\x00\x00\x00\x00\x00", _NOW) == Status(code=7, message="no access")


@pytest.mark.parametrize("headers", [{}, {"grpc-status": "0"}])
def test_a_good_status_where_an_error_should_be_is_unknown(headers: dict[str, str]) -> None:
    assert read_error(200, headers, b"", _NOW) == Status(code=2, message="HTTP 200 with an empty body")


@pytest.mark.parametrize("number", ["0", "", "x", "99", "9" * 5_000])
def test_a_grpc_status_that_tells_nothing_leaves_the_http_status(number: str) -> None:
    assert read_error(503, {"grpc-status": number}, b"", _NOW).code == Code.UNAVAILABLE


def test_a_redirect_names_where_to() -> None:
    assert "https://elsewhere" in read_error(302, {"location": "https://elsewhere"}, b"", _NOW).message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 14:00:30 +0200", 30),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("9" * 100_000, None),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_reads_retry_after(value: str, seconds: float | None) -> None:
    assert read_retry_after(value, _NOW) == seconds


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"error":{"code":8,"message":"quota"}}', Status(code=8, message="quota")),
        (b'{"code":8,"message":"quota"}', Status(code=8, message="quota")),
        (b'{"error":"broken"}', Status(code=2, message="broken")),
        (b'{"results":[],"error":"x"}', Status(code=2, message="x")),
        (b'{"results":[],"error":{"code":7,"message":"denied"}}', Status(code=7, message="denied")),
        (b'{"results":null,"code":7,"message":"denied"}', Status(code=7, message="denied")),
        (b'{"error":{"code":0}}', Status(code=2, message='HTTP 200 with the body: {"error":{"code":0}}')),
        (b'{"results":[{}],"error":"x"}', None),
        (b'{"results":[]}', None),
        (b'{"results":[],"error":null}', None),
        (b'{"results":null,"code":0,"message":""}', None),
        (b"{}", None),
        (b'{"message":"hello"}', None),
        (b"<html>", None),
    ],
)
def test_finds_an_error_in_an_answer_that_claims_success(body: bytes, status: Status | None) -> None:
    assert find_error(body) == status


def test_details_without_a_type_are_any_messages_too() -> None:
    (detail,) = read_error_body(b'{"code":3,"details":[{"@type":7,"a":1}]}', 400).details

    assert isinstance(detail, Any)
    assert b'"@type":7' in detail.value
