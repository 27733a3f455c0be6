"""Answers that real gateways give, byte by byte over real sockets: each is the exception its gRPC twin is."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Self

import pytest

from vision_grpc import VisionClient
from vision_grpc.auth import Anonymous
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import Code, ProtocolError, RequestTooLargeError, ServiceError, TransportError, VisionError
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    RetryInfo,
)
from vision_grpc.network.http.body import MAX_BODY_BYTES

_REQUEST = BatchAnalyzeRequest(
    analyze_specs=[AnalyzeSpec(content=b"x" * 700_000, features=[Feature(type=Feature.TEXT_DETECTION)])]
)
_GOOD = to_json(BatchAnalyzeResponse(results=[AnalyzeResult()]))

_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
_DEEP_DETAIL = b'{"@type":"t/no.Such","a":%s}' % (b"[" * 600 + b"]" * 600)

_Caller = Callable[[bytes], BatchAnalyzeResponse]


class _ScriptedServer:
    """Answers every connection with the same bytes, after it has read the request or, if told, before."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answer = b""
        self.reads_body = True
        self.head, self.body = b"", b""
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake an accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with closing(connection), suppress(OSError):
                self._read(connection)
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                # Closing with bytes unread would reset the connection, and the answer with it.
                while connection.recv(65_536):
                    pass

    def _read(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65_536)
        self.head, _, self.body = received.partition(b"\r\n\r\n")
        length = int(self.head.lower().split(b"content-length:")[1].split()[0])
        while self.reads_body and len(self.body) < length:
            self.body += connection.recv(65_536)


@pytest.fixture
def server() -> Iterator[_ScriptedServer]:
    with _ScriptedServer() as server:
        yield server


@pytest.fixture
def call(server: _ScriptedServer) -> Iterator[_Caller]:
    """Return a function that has the server answer a call with some bytes, and returns what the client makes of it."""
    with VisionClient(server.endpoint, transport="rest", credentials=Anonymous(), insecure=True) as client:

        def call(answer: bytes) -> BatchAnalyzeResponse:
            server.answer = answer
            return client.batch_analyze(_REQUEST, timeout=20)

        yield call


def _http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "x-request-id: req-1", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_the_body_comes_whole_with_its_length(server: _ScriptedServer, call: _Caller) -> None:
    response = call(_http("200 OK", _GOOD, "content-type: application/json"))

    assert len(response.results) == 1
    assert from_json(server.body, BatchAnalyzeRequest) == _REQUEST
    assert b"transfer-encoding" not in server.head.lower()


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (_http("400 Bad Request", b'{"code":3,"message":"bad image"}'), Code.INVALID_ARGUMENT, "bad image"),
        (_http("400 Bad Request", b'{"error":{"code":9,"message":"no"}}'), Code.FAILED_PRECONDITION, "no"),
        (_http("401 Unauthorized", b"who are you", "content-type: text/plain"), Code.UNAUTHENTICATED, "who are you"),
        (_http("403 Forbidden", b"<html><body><h1>Forbidden</h1></body></html>"), Code.PERMISSION_DENIED, "Forbidden"),
        (_http("404 Not Found"), Code.NOT_FOUND, "HTTP 404 with an empty body"),
        (_http("413 Payload Too Large", b"<html>too large"), Code.RESOURCE_EXHAUSTED, "too large"),
        (_http("425 Too Early"), Code.UNAVAILABLE, "HTTP 425"),
        (_http("429 Too Many Requests", b"", "retry-after: 3"), Code.RESOURCE_EXHAUSTED, "HTTP 429"),
        (_http("499 Client Closed Request"), Code.CANCELLED, "HTTP 499"),
        (_http("500 Internal Server Error", b"{"), Code.INTERNAL, "HTTP 500"),
        (_http("501 Not Implemented"), Code.UNIMPLEMENTED, "HTTP 501"),
        (_http("502 Bad Gateway", b"<html><title>502</title>"), Code.UNAVAILABLE, "502"),
        (_http("503 Service Unavailable", b"no healthy upstream"), Code.UNAVAILABLE, "no healthy upstream"),
        (_http("504 Gateway Timeout"), Code.DEADLINE_EXCEEDED, "HTTP 504"),
        (_http("302 Found", b"", "location: https://login.example/"), Code.UNKNOWN, "https://login.example/"),
        (_http("204 No Content"), Code.UNKNOWN, "HTTP 204"),
        (_http("200 OK", b'{"error":{"code":8,"message":"quota"}}'), Code.RESOURCE_EXHAUSTED, "quota"),
        (_http("200 OK", b'{"code":14,"message":"later"}'), Code.UNAVAILABLE, "later"),
        (
            _http("200 OK", b"", "content-type: application/grpc", "grpc-status: 16", "grpc-message: no%20token"),
            Code.UNAUTHENTICATED,
            "no token",
        ),
        (_http("503 Busy", b"\0\0\0\0\0", "content-type: application/grpc"), Code.UNAVAILABLE, "HTTP 503"),
        (
            _http("200 OK", b"", "content-type: Application/GRPC", "grpc-status: 14", "grpc-message: later"),
            Code.UNAVAILABLE,
            "later",
        ),
        (_http("200 OK", b"", "content-type: application/grpc"), Code.UNKNOWN, "HTTP 200 with an empty body"),
        (_http("200 OK", b"", "content-type: application/grpc", "grpc-status: 0"), Code.UNKNOWN, "HTTP 200"),
        (_http("200 OK", b'{"results":[],"error":{"code":7,"message":"no"}}'), Code.PERMISSION_DENIED, "no"),
        (_http("200 OK", b'{"results":null,"code":7,"message":"no"}'), Code.PERMISSION_DENIED, "no"),
        (_http("500 Oh", b'{"code":7,"message":"no","details":[%s]}' % _DEEP_DETAIL), Code.PERMISSION_DENIED, "no"),
    ],
)
def test_an_error_is_one_of_the_service(call: _Caller, answer: bytes, code: Code, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        call(answer)

    assert caught.value.code == code
    assert message in caught.value.message
    assert caught.value.request_id == "req-1"


def test_a_wait_that_is_asked_for_is_a_detail(call: _Caller) -> None:
    with pytest.raises(ServiceError) as caught:
        call(_http("429 Too Many Requests", b"slow down", "retry-after: 3"))

    (detail,) = caught.value.details
    assert RetryInfo.FromString(detail.value).retry_delay.seconds == 3


@pytest.mark.parametrize(
    "answer",
    [
        _http("200 OK"),
        _http("200 OK", b"<html>welcome</html>", "content-type: text/html"),
        _http("200 OK", b"{}"),
        _http("200 OK", b"[]"),
        _http("200 OK", _GOOD[:-3]),
        _http("200 OK", b'{"results":[{},{}]}'),
        *(_http("200 OK", b'{"results":[%s]}' % item) for item in (b"1", b"null", b'"x"', b"[]", b"true")),
        _http("200 OK", b"\xff\xfe"),
        _http("200 OK", b"[" * 100_000),
        _http("200 OK", b'{"results":[{"error":{"code":3,"details":[%s]}}]}' % _DEEP_DETAIL),
        _http("200 OK", b"no gzip at all", "content-encoding: gzip"),
        _http("200 OK", gzip.compress(_GOOD)[:-4], "content-encoding: gzip"),
        _http("200 OK", gzip.compress(_GOOD) + b"x", "content-encoding: gzip"),
        _http("200 OK", _GOOD, "content-encoding: br"),
        _http("200 OK", _GOOD, "content-encoding: gzip, gzip"),
    ],
)
def test_a_good_status_with_no_answer_breaks_the_contract(call: _Caller, answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        call(answer)


_BROKEN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "closed before any answer"),
    "cut head": (b"HTTP/1.1 200 OK\r\ncontent-le", "ended in its head"),
    "no headers": (b"HTTP/1.1 200 OK\r\n", "ended in its head"),
    "cut length": (b"HTTP/1.1 200 OK\r\ncontent-length: 12", "ended in its head"),
    "cut body": (b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + _GOOD, "broke off: .* expected 1000"),
    "cut chunk": (_CHUNKED + b"400\r\n" + _GOOD, "broke off: .*incomplete chunked read"),
    "negative chunk": (_CHUNKED + b"-5\r\n" + _GOOD, "is malformed: .*chunk"),
    "endless chunk": (_CHUNKED + b"-1\r\n" + _GOOD, "is malformed: .*chunk"),
    "no chunk": (_CHUNKED + b"five\r\n" + _GOOD, "is malformed: .*chunk"),
    "no header": (b"HTTP/1.1 200 OK\r\nno header\r\ncontent-length: 0\r\n\r\n", "is malformed: .*header line"),
    "no length": (b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n" + _GOOD, "is malformed: .*Content-Length"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n" + _GOOD,
        "is malformed: .*Content-Length",
    ),
    "unknown transfer": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "is malformed: .*chunked"),
    "no status": (b"HTTP/1.1 OK\r\n\r\n", "is malformed: .*status line"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n", "is malformed: .*UPGRADE"),
    "endless head": (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 500_000, "is malformed: .*too long"),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "not HTTP/1.1: '.x00"),
    "HTTP/2 in words": (b"HTTP/2.0 200 OK\r\n\r\n", "not HTTP/1.1: 'HTTP/2.0 200 OK'"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP/1.1: 'SSH-2.0-OpenSSH_9.6'"),
    "no HTTP after an interim answer": (b"HTTP/1.1 100 Go on\r\n\r\nwhat now\r\n", "not HTTP/1.1: 'what now'"),
}


@pytest.mark.parametrize("answer", _BROKEN)
def test_a_connection_that_breaks_off_is_a_failure_of_the_path(call: _Caller, answer: str) -> None:
    sent, words = _BROKEN[answer]
    with pytest.raises(TransportError, match=words) as caught:
        call(sent)
    assert str(caught.value).isprintable()


def test_an_error_before_the_body_was_read_is_not_lost(server: _ScriptedServer, call: _Caller) -> None:
    server.reads_body = False

    with pytest.raises(ServiceError) as caught:
        call(_http("413 Payload Too Large", b'{"code":3,"message":"at most 100 KB"}'))

    assert caught.value.message == "at most 100 KB"


def test_what_comes_before_the_answer_is_passed_over(call: _Caller) -> None:
    hints = (
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\ncontent-length: 9\r\n\r\n"
    )
    assert len(call(b"HTTP/1.1 100 Continue\r\n\r\n" + hints + _http("200 OK", _GOOD)).results) == 1


def test_headers_may_have_white_space_around_them(call: _Caller) -> None:
    head = b"HTTP/1.1 200 OK\r\nconnection: close \r\ntransfer-encoding: \tchunked \r\ncontent-encoding: gzip \r\n"
    packed = gzip.compress(_GOOD)
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    assert len(call(head + b"\r\n" + body).results) == 1
    assert len(call(_http("200 OK", _GOOD, "content-encoding:")).results) == 1
    with pytest.raises(ServiceError) as caught:
        call(b"HTTP/1.1 503 Busy\r\nx-request-id:  a\r\n b \r\ncontent-length: 0\r\n\r\n")
    assert caught.value.request_id == "a b"


def test_an_answer_may_have_many_headers(call: _Caller) -> None:
    assert len(call(_http("200 OK", _GOOD, *(f"x-{number}: y" for number in range(500)))).results) == 1


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_error_may_be_in_headers_that_tell_no_length(call: _Caller, version: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        call(
            b"HTTP/%s 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 3\r\ngrpc-message: no\r\n\r\n" % version
        )
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, "no")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_http("413 Large", b"no gzip", "content-encoding: gzip"), Code.RESOURCE_EXHAUSTED),
        (_http("429 Slow", gzip.compress(b"{}")[:-4], "content-encoding: gzip"), Code.RESOURCE_EXHAUSTED),
        (b"HTTP/1.1 413 Large\r\ncontent-length: 100\r\n\r\ntoo", Code.RESOURCE_EXHAUSTED),
        (_http("503 Busy", b"<br>" * 2_000_000), Code.UNAVAILABLE),
        (_http("503 Busy", b"sorry", "content-type: multipart/mixed; boundary=a"), Code.UNAVAILABLE),
    ],
)
def test_a_broken_body_does_not_hide_an_error(call: _Caller, answer: bytes, code: Code) -> None:
    with pytest.raises(ServiceError) as caught:
        call(answer)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 " + b"x" * 60_000 + b"\r\n\r\n",
        b"\x1b]0;title\x07\x1b[2J\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"\x1b[2J" * 9_000 + b"\r\n\r\n",
        _http("200 OK", _GOOD, "content-encoding: " + "\x1b[2J" * 9_000),
        _http("503 Busy", b"", "x-request-id: " + "\x1b[2J" * 9_000),
        _http("503 Busy", b"", "x-request-id: " + "x" * 60_000).replace(b"x-request-id: req-1\r\n", b""),
    ],
)
def test_what_a_server_says_is_quoted_in_part_and_disarmed(call: _Caller, answer: bytes) -> None:
    with pytest.raises(VisionError) as caught:
        call(answer)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_an_answer_may_end_with_its_connection(call: _Caller) -> None:
    assert len(call(b"HTTP/1.0 200 OK\r\n\r\n" + _GOOD).results) == 1


def test_an_error_in_a_coding_that_was_not_asked_for_is_one_all_the_same(call: _Caller) -> None:
    with pytest.raises(ServiceError) as caught:
        call(_http("503 Busy", b"\x0b\x02\x80", "content-encoding: br"))
    assert caught.value.code == Code.UNAVAILABLE


def test_packed_and_chunked_answers_are_read(call: _Caller) -> None:
    packed = gzip.compress(_GOOD)

    assert len(call(_http("200 OK", packed, "content-encoding: gzip")).results) == 1
    assert (
        len(
            call(
                _CHUNKED + b"5\r\n" + _GOOD[:5] + b"\r\n%x\r\n" % len(_GOOD[5:]) + _GOOD[5:] + b"\r\n0\r\n\r\n"
            ).results
        )
        == 1
    )


def test_an_answer_that_unpacks_into_too_much_is_given_up(call: _Caller) -> None:
    packed = gzip.compress(bytes(MAX_BODY_BYTES + 1), compresslevel=1)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    with pytest.raises(RequestTooLargeError, match=f"the answer is longer than {MAX_BODY_BYTES} bytes"):
        call(head + packed)
