"""REST connections are kept between calls, and given up when the server has, without costing an attempt."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

import pytest
import trustme
from images_in_bytes import png

from vision_grpc import RetryPolicy, VisionClient
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import Anonymous
from vision_grpc.codec.json import to_json
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse, FeatureResult, Page, TextAnnotation

_REQUEST = VISION_V1.template(("*",), "", "").message([png(1)])
_SOON_S = 20.0


def _answer(width: int, *headers: str) -> bytes:
    page = TextAnnotation(pages=[Page(width=width)])
    body = to_json(BatchAnalyzeResponse(results=[AnalyzeResult(results=[FeatureResult(text_detection=page)])]))
    head = "\r\n".join(["HTTP/1.1 200 OK", f"content-length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def _width(response: BatchAnalyzeResponse) -> int:
    return response.results[0].results[0].text_detection.pages[0].width


class _Server:
    """Answers the calls one after the other with what it is given; then does to the connection what it is told."""

    def __init__(self, after: Callable[[socket.socket], bool], *headers: str, then: bytes) -> None:
        self.connections = 0
        self.may_go_on, self.has_gone_on = threading.Event(), threading.Event()
        self._after, self._headers, self._then = after, headers, then
        self._calls = 0

    def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                # Else what follows an answer would wait until the client has acknowledged that one.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)  # noqa: FBT003
                with suppress(OSError):
                    if tls is not None:
                        connection = tls.wrap_socket(connection, server_side=True)
                    with connection:
                        self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        while _read_request(connection):
            self._calls += 1
            connection.sendall(_answer(self._calls, *self._headers) + self._then)
            self.may_go_on.wait(_SOON_S)
            stays = self._after(connection)
            if not stays:
                connection.close()
            self.has_gone_on.set()
            if not stays:
                return


def _read_request(connection: socket.socket) -> bool:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(65_536)):
            return False
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    left = int(head.lower().split(b"content-length:")[1].split()[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(65_536))
    return True


_Serve = Callable[..., AbstractContextManager[tuple[_Server, VisionClient]]]


@pytest.fixture(params=["http", "https"])
def serve(request: pytest.FixtureRequest) -> _Serve:
    """Return what gives a server that does so after each answer, and a client of it."""
    authority, tls = trustme.CA(), None
    if request.param == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
    return partial(_serve, tls, request.param, authority.cert_pem.bytes() if tls else None)


@contextmanager
def _serve(
    tls: ssl.SSLContext | None,
    scheme: str,
    roots: bytes | None,
    after: Callable[[socket.socket], bool],
    *headers: str,
    then: bytes = b"",
) -> Iterator[tuple[_Server, VisionClient]]:
    server = _Server(after, *headers, then=then)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.serve, args=(listener, tls))
        thread.start()
        try:
            with VisionClient(
                f"{scheme}://127.0.0.1:{listener.getsockname()[1]}",
                transport="rest",
                credentials=Anonymous(),
                root_certificates=roots,
                retry=RetryPolicy(attempts=1),
            ) as client:
                yield server, client
        finally:
            # Closing alone does not wake an accept().
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_connection_is_kept(serve: _Serve) -> None:
    with serve(lambda _: True) as (server, client):
        server.may_go_on.set()
        assert [_width(client.batch_analyze(_REQUEST, timeout=_SOON_S)) for _ in range(3)] == [1, 2, 3]
    assert server.connections == 1


@pytest.mark.parametrize(
    "after",
    [
        lambda _: False,
        lambda connection: connection.sendall(_answer(99)) or True,
        lambda connection: connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n"),
    ],
    ids=["closed", "an answer that nobody asked for", "a farewell"],
)
def test_what_the_server_did_meanwhile_is_seen(serve: _Serve, after: Callable[[socket.socket], bool]) -> None:
    with serve(after) as (server, client):
        for number in range(1, 4):
            server.may_go_on.clear()
            server.has_gone_on.clear()
            assert _width(client.batch_analyze(_REQUEST, timeout=_SOON_S)) == number
            server.may_go_on.set()
            assert server.has_gone_on.wait(_SOON_S)
    assert server.connections == 3


def test_what_comes_in_one_packet_with_an_answer_is_seen(serve: _Serve) -> None:
    with serve(lambda _: True, then=b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n") as (server, client):
        server.may_go_on.set()
        assert [_width(client.batch_analyze(_REQUEST, timeout=_SOON_S)) for _ in range(2)] == [1, 2]
    assert server.connections == 2


def test_a_server_that_says_that_it_will_close_is_believed(serve: _Serve) -> None:
    with serve(lambda _: True, "connection: close") as (server, client):
        server.may_go_on.set()
        assert [_width(client.batch_analyze(_REQUEST, timeout=_SOON_S)) for _ in range(2)] == [1, 2]
    assert server.connections == 2
