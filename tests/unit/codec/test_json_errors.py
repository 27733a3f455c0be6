"""Errors in all the forms that HTTP answers have."""

from datetime import UTC, datetime, timedelta

import pytest

from vision_grpc.codec.json import find_error, read_error, read_error_body, read_retry_after
from vision_grpc.codec.retry_info import LONGEST_WAIT_S, asked_wait_s
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
        ("1.5", 1.5),
        ("3.", 3),
        ("\t7 ", 7),
        ("0" * 400 + "7", 7),
        ("9999999999", 9_999_999_999),
        ("9" * 400, LONGEST_WAIT_S),
        ("9" * 100_000, LONGEST_WAIT_S),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_606_951_999),
        ("5, 7, 6", 7),
        ("5, Sun, 22 Nov 2026 12:00:30 GMT, Sunday, 22-Nov-26 12:00:40 GMT", 40),
        ("soon, 5", None),
        ("-5, 5", 5),
        ("\u0661\u0662", None),
        ("\u00b2", None),
        ("Sun, \u0662\u0662 Nov 2026 12:00:30 GMT", None),
        ("+5", None),
        ("1e9", None),
        ("0x10", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("Sun Nov 22 12:00:30 2026", 30),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_reads_retry_after(value: str, seconds: float | None) -> None:
    assert read_retry_after(value, _NOW) == seconds


_DATES = [
    "Sun, 22 Nov 2026 12:{minutes}:00 GMT",
    "Sunday, 22-Nov-26 12:{minutes}:00 GMT",
    "Sun Nov 22 12:{minutes}:00 2026",
]


@pytest.mark.parametrize("form", _DATES)
@pytest.mark.parametrize("form_of_date", _DATES)
@pytest.mark.parametrize("minutes", [0, 5, 50], ids=["same clock", "ahead", "far ahead"])
def test_a_date_to_wait_for_is_on_the_clock_of_the_service(form: str, form_of_date: str, minutes: int) -> None:
    retry_after, date = (
        each.format(minutes=f"{later:02}") for each, later in ((form, minutes + 7), (form_of_date, minutes))
    )
    for now in (_NOW, _NOW - timedelta(hours=1), _NOW + timedelta(days=400)):
        assert _asked_wait_s({"retry-after": retry_after, "date": date}, now) == 420


@pytest.mark.parametrize("date", [None, "", "today", "Sun, 99 Nov 2026 12:00:00 GMT", "1795348800"])
def test_without_the_clock_of_the_service_our_own_serves(date: str | None) -> None:
    headers = {"retry-after": "Sun, 22 Nov 2026 12:07:00 GMT"} | ({} if date is None else {"date": date})
    assert _asked_wait_s(headers, _NOW) == 420


@pytest.mark.parametrize(
    ("retry_after", "date"),
    [
        ("Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 13:00:00 GMT"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 22 Nov 2026 13:00:00 GMT, Mon, 23 Nov 2026 13:00:00 GMT"),
    ],
)
def test_a_date_in_the_past_asks_for_no_wait(retry_after: str, date: str) -> None:
    assert _asked_wait_s({"retry-after": retry_after, "date": date}, _NOW - timedelta(days=1)) == 0


def _asked_wait_s(headers: dict[str, str], now: datetime) -> float | None:
    return asked_wait_s(read_error(503, headers, b"", now).details)


@pytest.mark.parametrize(
    ("delay", "wait_s"),
    [
        ('"1.5s"', 1.5),
        ('"-5s"', 0),
        ('"99999999999s"', 99_999_999_999),
        ('"315576000000s"', LONGEST_WAIT_S),
        ('"400000000000s"', LONGEST_WAIT_S),
        (f'"{"9" * 400}s"', LONGEST_WAIT_S),
        ('"soon"', 7),
        ("5", 7),
        ("null", 7),
    ],
)
def test_a_retry_info_counts_if_it_is_valid_or_endless(delay: str, wait_s: float) -> None:
    detail = f'{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":{delay}}}'
    body = f'{{"code":8,"details":[{detail}]}}'
    assert asked_wait_s(read_error(429, {"retry-after": "7"}, body.encode(), _NOW).details) == wait_s


_DENIED = "Доступ запрещён"


@pytest.mark.parametrize(
    ("charset", "content_type"),
    [
        ("cp1251", "text/html; charset=windows-1251"),
        ("cp1251", 'Text/HTML;Charset="Windows-1251"'),
        ("cp1251", "text/html; charset = cp1251 ; x=y"),
        ("cp1251", "text/html; charset=x-cp1251"),
        ("koi8-r", "text/html;charset='koi8-r'"),
        ("cp866", "text/html; charset=ibm866"),
        ("iso8859-5", "text/html; charset=ISO-8859-5"),
        ("mac-cyrillic", "text/html; charset=x-mac-cyrillic"),
        ("utf-8", "text/html; charset=utf-8"),
        ("utf-8", "text/html; charset=windows-1251"),
        ("utf-8", "text/html; charset=no-such"),
        ("utf-8", "text/html; charset=zlib"),
        ("utf-8", "text/html; charset=unicode_escape"),
        ("utf-8", "text/html; charset=idna"),
        ("utf-8", "text/html; charset=" + "x" * 5_000),
        ("utf-8", "text/html; charset="),
        ("utf-8", ""),
        ("utf-8-sig", "text/html; charset=windows-1251"),
        ("utf-16", "text/html"),
        ("utf-32", "text/html; charset=utf-8"),
        ("utf-16-le", "text/html; charset=utf-16"),
        ("utf-16-be", ""),
        ("utf-32-le", ""),
        ("utf-32-be", ""),
    ],
)
def test_a_page_is_read_in_its_charset(charset: str, content_type: str) -> None:
    page = f"<html><title>{_DENIED}</title></html>".encode(charset)
    assert read_error(403, {"content-type": content_type}, page, _NOW).message == f"HTTP 403 with the body: {_DENIED}"


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="koi8-r">',
        "<META CHARSET=KOI8-R />",
        '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">',
        '<?xml version="1.0" encoding="koi8-r"?>',
        '<!-- a page --><meta name="x"><meta charset=koi8-r>',
    ],
)
@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", "text/html; charset=no-such"])
def test_a_page_may_name_its_charset_itself(head: str, content_type: str) -> None:
    page = f"{head}<p>{_DENIED}</p>".encode("koi8-r")
    assert read_error_body(page, 403, content_type).message == f"HTTP 403 with the body: {_DENIED}"


def test_a_page_in_latin_1_or_in_seven_bits_is_read() -> None:
    assert (
        "Accès refusé" in read_error_body("Accès refusé".encode("latin-1"), 403, "text/plain; charset=latin1").message
    )
    assert "拒否" in read_error_body("拒否".encode("iso-2022-jp"), 403, "text/plain; charset=iso-2022-jp").message


def test_a_page_in_no_known_charset_has_replacement_characters() -> None:
    assert "\ufffd" in read_error_body(_DENIED.encode("cp1251"), 403, "text/html").message


@pytest.mark.parametrize("charset", ["koi8-r", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
def test_an_error_in_json_is_read_in_its_charset(charset: str) -> None:
    body = f'{{"code":7,"message":"{_DENIED}"}}'.encode(charset)
    assert read_error_body(body, 403, f"application/json; charset={charset}") == Status(code=7, message=_DENIED)


def test_a_page_cut_within_a_character_is_read() -> None:
    page = ("я" * 500).encode()[:-1]
    assert "\ufffd" not in read_error_body(page, 403).message


def test_a_body_in_a_coding_that_is_not_known_is_not_quoted() -> None:
    status = read_error(503, {"content-encoding": "br", "retry-after": "7"}, b"\x0b\x02\x80<b>", _NOW)
    assert (status.code, status.message) == (Code.UNAVAILABLE, "HTTP 503 with a body in the coding 'br'")


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
