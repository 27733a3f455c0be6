"""Streams of pages over REST whose end never comes: what was whole is kept, with the error that ended it."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable

import pytest
from drivers import AsyncDriver, SyncDriver
from lying_server import Lie, lying_server, read_request
from ocr_service import page

from vision_grpc import ImageResult, RetryPolicy, Timeouts
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.body import AnswerBody
from vision_grpc.network.http.connection import HttpConnection
from vision_grpc.network.http.message import HttpRequest
from vision_grpc.network.tls import Tls

_PDF = b"%PDF-1.7 a PDF, or nearly"
_LINES = [b'{"result":%b}\n' % to_json(page(number, f"Страница {number}")) for number in (1, 2, 3)]
_BEGINNING = b"".join(_LINES[:2]) + _LINES[2][:40]


@pytest.fixture(params=[SyncDriver, AsyncDriver])
def analyze(request: pytest.FixtureRequest) -> Callable[..., ImageResult]:
    def analyze(lie: Lie, **timeouts: float) -> ImageResult:
        with lying_server(lie) as server:
            client = request.param(
                {
                    "endpoint": f"http://{server.address}",
                    "transport": "rest",
                    "insecure": True,
                    "api": "ocr/v1",
                    "retry": RetryPolicy(attempts=1),
                    "timeouts": Timeouts(**timeouts),
                }
            )
            result: ImageResult = client.analyze(_PDF)
            return result

    return analyze


def _begin(body: bytes, *headers: str, holds: bool = False) -> Lie:
    def lie(connection: socket.socket, stopped: threading.Event) -> None:
        read_request(connection)
        head = "\r\n".join(["HTTP/1.1 200 OK", "x-request-id: id-1", *headers, "", ""])
        connection.sendall(head.encode() + body)
        if holds:
            stopped.wait()
        connection.shutdown(socket.SHUT_WR)

    return lie


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def _flushed(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


_CUT = {
    "its length": _begin(_BEGINNING, "content-length: 100000"),
    "chunks": _begin(b"".join(map(_chunk, _LINES[:2])), "transfer-encoding: chunked"),
    "a chunk": _begin(_chunk(_BEGINNING)[:-20], "transfer-encoding: chunked"),
    "a character": _begin(b"".join(_LINES[:2]) + '{"result":{"a":"Д'.encode()[:-1], "content-length: 100000"),
    "gzip": _begin(_chunk(_flushed(_BEGINNING)), "transfer-encoding: chunked", "content-encoding: gzip"),
    "UTF-16": _begin(_BEGINNING.decode().encode("utf-16"), "content-length: 100000"),
}


@pytest.mark.parametrize("lie", _CUT.values(), ids=_CUT)
def test_a_connection_that_breaks_keeps_the_whole_pages(analyze: Callable[..., ImageResult], lie: Lie) -> None:
    result = analyze(lie)
    assert result.text == "Страница 1\n\nСтраница 2"
    assert result.error is not None
    assert (result.error.code, result.error.retryable) == (Code.UNAVAILABLE, True)
    assert "broke off" in result.error.message
    assert (result.request_id, result.transport) == ("id-1", "rest")


def test_a_deadline_keeps_the_whole_pages(analyze: Callable[..., ImageResult]) -> None:
    result = analyze(_begin(_BEGINNING, "content-length: 100000", holds=True), call_s=0.5)
    assert result.text == "Страница 1\n\nСтраница 2"
    assert result.error is not None
    assert result.error.code is Code.DEADLINE_EXCEEDED


_PAGELESS = {
    "no page": _begin(_LINES[0][:40], "content-length: 100000"),
    "no body": _begin(b"", "content-length: 100000"),
    "a list": _begin(b"[" + _BEGINNING.replace(b"\n", b","), "content-length: 100000"),
    "no pages": _begin(b"<title>Sign in</title>", "content-length: 100000"),
    "an invalid character": _begin(_LINES[0].replace(b"1", b"\xff"), "content-length: 100000"),
}


@pytest.mark.parametrize("lie", _PAGELESS.values(), ids=_PAGELESS)
def test_without_a_whole_page_the_call_fails_as_before(analyze: Callable[..., ImageResult], lie: Lie) -> None:
    with pytest.raises(TransportError, match="broke off") as caught:
        analyze(lie, total_s=0.5)
    assert caught.value.__cause__ is not None


_UNRELIABLE = {
    "what is no chunk": _begin(_chunk(_LINES[0]) + b"xyz\r\n", "transfer-encoding: chunked"),
    "damaged gzip": _begin(gzip.compress(_LINES[0])[:-8] + bytes(8), "content-encoding: gzip", "content-length: 900"),
}


@pytest.mark.parametrize("lie", _UNRELIABLE.values(), ids=_UNRELIABLE)
def test_of_an_answer_that_is_not_reliable_nothing_is_kept(analyze: Callable[..., ImageResult], lie: Lie) -> None:
    with pytest.raises(Exception, match=r"malformed|not encoded") as caught:
        analyze(lie)
    assert getattr(caught.value, "code", None) is Code.DATA_LOSS


def test_what_a_bug_left_is_not_taken_for_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: AnswerBody, piece: bytes) -> None:
        add(self, piece)
        raise MemoryError

    add = AnswerBody.add
    connection = HttpConnection(Dialer.of(Tls(), through_proxy=False), max_body_bytes=1_000_000)
    request = HttpRequest("GET", "/", {})
    with lying_server(_CUT["its length"]) as server, monkeypatch.context() as patched:
        attempt = Attempt(Endpoint.parse(server.address, insecure=True), Deadline.after(60.0))
        patched.setattr(AnswerBody, "add", fail)
        with pytest.raises(MemoryError):
            connection.exchange(request, attempt)
    with pytest.raises(TransportError):
        connection.exchange(request, attempt)
    assert connection.take_beginning() is None
