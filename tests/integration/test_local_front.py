"""The sockets of the local service: which protocol comes, how many connections, and how long they may say nothing."""

import contextlib
import errno
import http.client
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import trustme
from raw_grpc import BATCH_ANALYZE, framed, raw_client

from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.faces import first_bytes, front, serving
from vision_grpc.local.faces.http2.frames import PREFACE
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, TextAnnotation
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

WAIT_S = 60
# Valid, and answered without any recognition.
QUICK = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"a", features=[Feature()])])
QUICK_JSON = b'{"analyzeSpecs": [{"content": "YQ==", "features": [{}]}]}'


def start(**options: Any) -> LocalVision:  # noqa: ANN401
    return LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation()), **options)


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with start() as service:
        yield service


def connect(vision: LocalVision) -> socket.socket:
    address = urlsplit(vision.rest_endpoint)
    return socket.create_connection((str(address.hostname), address.port or 0), timeout=WAIT_S)


def call_grpc(endpoint: str) -> int:
    with grpc.insecure_channel(endpoint) as channel:
        return len(VisionServiceStub(channel).BatchAnalyze(QUICK, timeout=WAIT_S).results)


def call_rest(endpoint: str) -> int:
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=WAIT_S)
    connection.request("POST", "/vision/v1/batchAnalyze", QUICK_JSON)
    status = connection.getresponse().status
    connection.close()
    return status


def test_one_port_takes_both(vision: LocalVision) -> None:
    assert vision.rest_endpoint == f"http://{vision.grpc_endpoint}"
    assert call_grpc(vision.grpc_endpoint) == 1
    assert call_rest(vision.rest_endpoint) == 200


def test_ports_that_are_apart_take_both_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start(rest_port=port) as vision:
        assert vision.rest_endpoint == f"http://127.0.0.1:{port}"
        assert vision.grpc_endpoint != f"127.0.0.1:{port}"
        for endpoint in (vision.grpc_endpoint, f"127.0.0.1:{port}"):
            assert call_grpc(endpoint) == 1
            assert call_rest(endpoint) == 200


@pytest.mark.parametrize("options", [{"grpc_port": 0}, {"rest_port": 0}, {"grpc_port": 0, "rest_port": 0}])
def test_any_free_port_may_be_one_of_its_own(options: dict[str, Any]) -> None:
    with start(**options) as vision:
        assert vision.rest_endpoint != f"http://{vision.grpc_endpoint}"
        assert call_grpc(vision.grpc_endpoint) == 1
        assert call_rest(vision.rest_endpoint) == 200


def test_one_port_may_be_named_once_or_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for options in ({"port": port}, {"grpc_port": port, "rest_port": port}):
        with start(**options) as vision:
            assert (vision.grpc_endpoint, vision.rest_endpoint) == (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}")
            assert call_grpc(vision.grpc_endpoint) == 1


@pytest.mark.parametrize("options", [{"port": "x"}, {"port": -1}, {"grpc_port": 65536}, {"rest_port": 1.5}])
def test_what_is_no_port_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        start(**options)


@pytest.mark.parametrize("cut", [1, 3, 10, 23, 24, 30])
def test_http2_is_known_wherever_its_first_bytes_are_cut(vision: LocalVision, cut: int) -> None:
    with connect(vision) as connected:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = PREFACE + b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\x08\x06\0\0\0\0\x0012345678"
        connected.sendall(start[:cut])
        connected.sendall(start[cut:])
        got = b""
        while b"12345678" not in got:
            got += connected.recv(1000)


@pytest.mark.parametrize("sent", [b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", b"PRI / HTTP/1.1\r\n\r\n"])
def test_all_else_is_http_1(vision: LocalVision, sent: bytes) -> None:
    with connect(vision) as connected:
        for byte in sent:
            connected.sendall(bytes([byte]))
        connected.shutdown(socket.SHUT_WR)
        assert connected.recv(1000).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("said", [b"", b"P", b"PRI * HTTP/2.0\r\n\r\n"])
def test_who_says_nothing_is_let_go(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_bytes, "_SILENCE_S", 0.05)
    with start() as vision, connect(vision) as connected:
        connected.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            assert connected.recv(1) == b""


def test_small_packets_are_sent_at_once(vision: LocalVision) -> None:
    with connect(vision):
        call_rest(vision.rest_endpoint)
        connected = [each for each in vision._faces._front._places if each.fileno() >= 0]
        assert connected
        assert all(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in connected)


def count_open(vision: LocalVision) -> int:
    return sum(connected.fileno() >= 0 for connected in list(vision._faces._front._places))


def test_idle_connections_make_room_and_those_first_that_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_MOST_CONNECTIONS", 6)
    with contextlib.ExitStack() as stack:
        vision = stack.enter_context(start())
        kept = stack.enter_context(raw_client(vision.grpc_endpoint))
        assert kept.call(framed(QUICK.SerializeToString())).status == Code.OK
        silent = [stack.enter_context(connect(vision)) for _ in range(30)]
        assert call_grpc(vision.grpc_endpoint) == 1
        assert call_rest(vision.rest_endpoint) == 200
        # It was idle for longer than the others, but it had been used.
        assert kept.call(framed(QUICK.SerializeToString())).status == Code.OK
        with contextlib.suppress(ConnectionResetError):
            assert silent[0].recv(1) == b""
        assert count_open(vision) <= 6


def test_a_connection_with_a_call_is_kept_and_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "_MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:
        vision = stack.enter_context(start())
        busy = [stack.enter_context(raw_client(vision.grpc_endpoint)) for _ in range(3)]
        numbers = [client.open() for client in busy]
        for client in busy:
            client.sync()
        with connect(vision) as refused, contextlib.suppress(ConnectionResetError):
            assert refused.recv(1) == b""
        for client, number in zip(busy, numbers, strict=True):
            client.send(number, framed(QUICK.SerializeToString()))
            assert client.wait(number).status == Code.OK
        assert call_rest(vision.rest_endpoint) == 200
    assert "a connection was refused: 3 are open, and all are busy" in caplog.text


def test_many_connections_at_once_wait_in_the_systems_queue(vision: LocalVision) -> None:
    go, blocked = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        go.wait(WAIT_S)

    with contextlib.ExitStack() as undo:
        thread = undo.enter_context(ThreadPoolExecutor(1))
        undo.callback(go.set)
        thread.submit(vision._faces._loop.call, block)
        assert blocked.wait(WAIT_S)
        # Nobody accepts them meanwhile. Those that the queue has no room for would not get through at all.
        for _ in range(300):
            undo.enter_context(connect(vision))


def test_many_more_connections_than_places(vision: LocalVision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vision._faces._front, "_most", 50)
    with contextlib.ExitStack() as stack:
        for number in range(400):
            connected = connect(vision)
            stack.callback(connected.close)
            if number % 2:
                connected.sendall(PREFACE[: number % 30])
        assert call_grpc(vision.grpc_endpoint) == 1
    assert call_rest(vision.rest_endpoint) == 200
    assert count_open(vision) <= 50


def test_without_descriptors_it_waits_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    accept, asked = socket.socket.accept, []

    def short(listener: socket.socket) -> tuple[socket.socket, Any]:
        asked.append(listener)
        if len(asked) <= 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listener)

    monkeypatch.setattr(front, "_PAUSE_S", 0.05)
    with start() as vision:
        monkeypatch.setattr(socket.socket, "accept", short)
        assert call_rest(vision.rest_endpoint) == 200
    # Once for each pause, and then for the connection and to find no other.
    assert len(asked) <= 5
    assert "no connection can be accepted for now: Too many open files" in caplog.text


def test_what_is_no_tls_harms_nobody_on_a_port_of_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    with start(tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem") as vision:
        for said in (b"GET / HTTP/1.1\r\n\r\n", PREFACE, b"\x16\x03\x01\x00\x05hello", b""):
            with connect(vision) as connected:
                connected.sendall(said)
        # It does not trust the certificate.
        with connect(vision) as connected, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(connected, server_hostname="127.0.0.1")
        context = ssl.create_default_context()
        authority.configure_trust(context)
        connection = http.client.HTTPSConnection(urlsplit(vision.rest_endpoint).netloc, context=context)
        connection.request("POST", "/vision/v1/batchAnalyze", QUICK_JSON)
        assert connection.getresponse().status == 200
        connection.close()
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []
    assert re.search(r"the TLS handshake with 127\.0\.0\.1:\d+ failed: ", caplog.text)


@pytest.mark.parametrize(
    ("options", "of_grpc", "of_rest"), [({}, "http/1.1", "http/1.1"), ({"grpc_port": 0}, "h2", "http/1.1")]
)
def test_clients_that_offer_both_protocols_speak_grpc_on_its_own_port(
    tmp_path: Path, options: dict[str, Any], of_grpc: str, of_rest: str
) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with start(tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem", **options) as vision:
        for endpoint, protocol in ((vision.grpc_endpoint, of_grpc), (urlsplit(vision.rest_endpoint).netloc, of_rest)):
            host, _, port = endpoint.rpartition(":")
            with (
                socket.create_connection((host, int(port)), timeout=30) as connected,
                context.wrap_socket(connected, server_hostname=host) as secured,
            ):
                assert secured.selected_alpn_protocol() == protocol


def test_a_connection_that_breaks_http2_is_told_and_logged(
    vision: LocalVision, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(vision) as connected:
        connected.sendall(PREFACE + bytes(9))
        got = b""
        while piece := connected.recv(1000):
            got += piece
    assert b"DATA" in got
    assert "PROTOCOL_ERROR" in caplog.text
    assert call_grpc(vision.grpc_endpoint) == 1


_NODE = """
const http2 = require("http2"), fs = require("fs"), [origin, path, body] = process.argv.slice(1);
const client = http2.connect(origin);
const call = client.request({":method": "POST", ":path": path, "content-type": "application/grpc", "te": "trailers"});
call.on("trailers", trailers => console.log(trailers["grpc-status"]));
call.on("end", () => client.close());
call.resume();
call.end(fs.readFileSync(body));
"""


@pytest.mark.parametrize("program", ["curl", "node"])
def test_foreign_clients_of_http2_send_large_bodies(vision: LocalVision, program: str, tmp_path: Path) -> None:
    """Both write no gRPC, only HTTP/2: nghttp2's and Node's way with windows and frames."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"there is no {program}")
    spec = AnalyzeSpec(content=bytes(900_000), features=[Feature()])
    body = tmp_path / "body"
    body.write_bytes(framed(BatchAnalyzeRequest(analyze_specs=[spec] * 4).SerializeToString()))
    url = f"{vision.rest_endpoint}{BATCH_ANALYZE}"
    type_ = ["-H", "content-type: application/grpc"]
    commands: dict[str, list[str | Path]] = {
        "curl": ["-sv", "--http2-prior-knowledge", *type_, "-o", tmp_path / "out", "--data-binary", f"@{body}", url],
        "node": ["-e", _NODE, vision.rest_endpoint, BATCH_ANALYZE, body],
    }
    command = [found, *commands[program]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=WAIT_S)
    assert "grpc-status: 0" in done.stderr if program == "curl" else done.stdout == "0\n"
