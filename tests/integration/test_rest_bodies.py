"""Answers in every coding and charset over REST, and how often an image is sent whose answer cannot be read."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from auth_peers import IAM_PATH, Reply, Request, always, http_server, token_answer
from drivers import AsyncDriver, SyncDriver
from images_in_bytes import png
from lying_server import lying_server, read_request

from vision_grpc import ImageResult, RetryPolicy
from vision_grpc.auth import Anonymous, OAuthToken
from vision_grpc.codec.json import to_json
from vision_grpc.errors import MalformedAnswerError, ProtocolError
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeResponse,
    Block,
    FeatureResult,
    Line,
    Page,
    TextAnnotation,
    Word,
)

_TEXT = "Доступ"
_RESULT = AnalyzeResult(
    results=[
        FeatureResult(
            text_detection=TextAnnotation(pages=[Page(blocks=[Block(lines=[Line(words=[Word(text=_TEXT)])])])])
        )
    ]
)
_GOOD = to_json(BatchAnalyzeResponse(results=[_RESULT]))
_HALF = len(_GOOD) // 2
# With these a retry does not take long.
_RETRY = RetryPolicy(initial_backoff_s=0.01)


def _analyze(url: str, driver: type[SyncDriver] | type[AsyncDriver] = SyncDriver) -> ImageResult:
    client = driver({"endpoint": url, "transport": "rest", "credentials": Anonymous(), "retry": _RETRY})
    (result,) = client.collect([png(1)])
    return result


@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (gzip.compress(_GOOD[:_HALF]) + gzip.compress(_GOOD[_HALF:]) + bytes(512), "gzip"),
        (zlib.compress(_GOOD), "deflate"),
        (zlib.compress(gzip.compress(_GOOD)), "x-gzip, deflate"),
        (_GOOD, "none"),
    ],
)
def test_a_packed_answer_is_read_at_the_first_attempt(
    driver: type[SyncDriver] | type[AsyncDriver], body: bytes, coding: str
) -> None:
    with http_server(always(Reply(200, body, headers={"content-encoding": coding}))) as url:
        result = _analyze(url, driver)
    assert (result.text, result.attempts) == (_TEXT, 1)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (_GOOD.decode().encode("utf-8-sig"), "application/json"),
        (b"\r\n " + _GOOD + b"\n", "application/json"),
        (_GOOD.decode().encode("utf-16"), "application/json; charset=utf-16"),
        (_GOOD.decode().encode("utf-16-be"), "application/json"),
        (_GOOD.decode().encode("utf-32"), "application/json"),
        (_GOOD.decode().encode("cp1251"), "application/json; charset=windows-1251"),
        (_GOOD, "application/json; charset=windows-1251"),
        (_GOOD, "application/json; charset=no-such"),
        (_GOOD, "text/html"),
        (_GOOD, ""),
        (_GOOD, "nonsense;;;charset"),
    ],
)
def test_json_is_read_whatever_its_charset_is_called(body: bytes, content_type: str) -> None:
    with http_server(always(Reply(200, body, content_type))) as url:
        result = _analyze(url)
    assert (result.text, result.attempts) == (_TEXT, 1)


def _raw(answer: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def lie(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)

    return lie


def _head(*headers: str, body: bytes = _GOOD) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def test_codings_may_come_in_several_headers() -> None:
    packed = gzip.compress(zlib.compress(_GOOD))
    with lying_server(_raw(_head("content-encoding: deflate", "Content-Encoding: gzip", body=packed))) as server:
        assert _analyze(f"http://{server.address}").text == _TEXT


_UNREADABLE = {
    "a page": _head("content-type: text/html", body=b"<title>Sign in</title><p>to the network"),
    "nothing": _head(body=b""),
    "cut JSON": _head(body=_GOOD[:-9]),
    "a guard against scripts": _head(body=b")]}'\n" + _GOOD),
    "no results": _head(body=b"[]"),
    "results of others": _head(body=to_json(BatchAnalyzeResponse(results=[_RESULT] * 3))),
    "an unknown coding": _head("content-encoding: br"),
    "cut gzip": _head("content-encoding: gzip", body=gzip.compress(_GOOD)[:-9]),
    "no gzip": _head("content-encoding: gzip"),
    "a blank in a name": _head("x-a : b"),
    "a line that is no header": _head("Some warning"),
}


@pytest.mark.parametrize("answer", _UNREADABLE)
def test_an_image_is_sent_once_more_if_its_answer_cannot_be_read(answer: str) -> None:
    """Each answer is billed, and the next one is no better."""
    with lying_server(_raw(_UNREADABLE[answer])) as server:
        result = _analyze(f"http://{server.address}")
    assert result.error is not None
    assert isinstance(result.error.cause, ProtocolError)
    assert isinstance(result.error.cause, MalformedAnswerError) == (list(_UNREADABLE).index(answer) >= 9)
    assert result.attempts == 2
    if answer == "a page":
        assert result.error.message == "the answer is not JSON: HTTP 200 with the body: Sign in to the network"


def _busy(retry_after: str, **headers: str) -> Callable[[Request], Reply]:
    replies = iter([Reply(503, b'{"code":14,"message":"busy"}', headers={"retry-after": retry_after}, **headers)])
    return lambda _: next(replies, Reply(200, _GOOD))


@pytest.mark.parametrize("retry_after", ["3600", "9999999999", "9" * 1_000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_service_that_wants_to_be_left_alone_for_long_is(retry_after: str) -> None:
    with http_server(_busy(retry_after)) as url:
        result = _analyze(url)
    assert result.error is not None
    assert result.error.message.startswith("busy; not sent again: the service asks for a wait of ")
    assert result.attempts == 1


@pytest.mark.parametrize("retry_after", ["0", "-1", "", "soon", "\u00b2", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_header_that_asks_for_no_wait_leaves_the_backoff(retry_after: str) -> None:
    with http_server(_busy(retry_after)) as url:
        result = _analyze(url)
    assert (result.text, result.attempts) == (_TEXT, 2)


@pytest.mark.parametrize("skew", [timedelta(days=1), timedelta(), -timedelta(days=1)])
@pytest.mark.parametrize(("wait", "is_awaited"), [(timedelta(seconds=1), True), (timedelta(hours=1), False)])
def test_a_date_to_wait_for_is_on_the_clock_of_the_service(
    skew: timedelta, wait: timedelta, *, is_awaited: bool
) -> None:
    now = datetime.now(UTC) + skew
    with http_server(_busy(format_datetime(now + wait, usegmt=True), date=format_datetime(now, usegmt=True))) as url:
        result = _analyze(url)
    assert (result.ok, result.attempts) == (is_awaited, 1 + is_awaited)


def test_a_token_service_may_pack_its_answer_and_mark_its_charset() -> None:
    token = gzip.compress(token_answer("t1.token", 4_000_000_000).decode().encode("utf-8-sig"))

    def answer(request: Request) -> Reply:
        assert request.path == IAM_PATH
        return Reply(200, token + bytes(9), headers={"content-encoding": "gzip"})

    with http_server(answer) as url:
        credentials = OAuthToken("y0_token", iam_endpoint=url, transport="rest")
        assert credentials.authorization(timeout_s=20) == "Bearer t1.token"


def test_a_token_service_may_refuse_in_its_charset() -> None:
    refusal = Reply(403, "Доступ запрещён".encode("koi8-r"), "text/html; charset=koi8-r")
    with http_server(always(refusal)) as url, pytest.raises(Exception, match="Доступ запрещён"):
        OAuthToken("y0_token", iam_endpoint=url, transport="rest").authorization(timeout_s=20)
