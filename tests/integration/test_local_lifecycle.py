"""From ready to closed, and what keeps the service from starting."""

import asyncio
import contextlib
import errno
import http.client
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from PIL import Image
from scanned_pages import ScannedPage

from vision_grpc.codec.json import to_json
from vision_grpc.local import LocalServiceError, LocalVision
from vision_grpc.local.faces.loop_thread import FACES_THREAD, LoopThread
from vision_grpc.local.listening import join_address
from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

FEATURE = Feature(
    type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["ru", "en"])
)
STOPPING = "the service is stopping: call again when it is back"


def batch(*pages: ScannedPage) -> BatchAnalyzeRequest:
    specs = [AnalyzeSpec(content=page.path.read_bytes(), features=[FEATURE]) for page in pages]
    return BatchAnalyzeRequest(analyze_specs=specs)


def begin(channel: grpc.Channel, request: BatchAnalyzeRequest) -> "grpc._CallIterator[BatchAnalyzeResponse]":
    """Return a call that the service has taken."""
    # To a unary call gRPC tells the initial metadata with the answer only, to a streaming one as they come.
    call = channel.unary_stream(
        "/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze",
        request_serializer=BatchAnalyzeRequest.SerializeToString,
        response_deserializer=BatchAnalyzeResponse.FromString,
    )(request)
    assert call.initial_metadata()
    return call


def come_and_leave(vision: LocalVision) -> None:
    """Make a connection of HTTP/2 that is gone again."""
    host, _, port = vision.grpc_endpoint.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        assert client.recv(1)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1000):
            pass


@pytest.mark.parametrize("others", [0, 1])
def test_a_grpc_call_in_flight_is_answered_and_later_ones_are_refused(
    others: int, pages: dict[str, ScannedPage]
) -> None:
    vision = LocalVision()
    for _ in range(others):
        come_and_leave(vision)
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        call = begin(channel, batch(pages["mixed_sans"]))
        vision.close(grace_s=30)
        assert next(call).results[0].results[0].HasField("text_detection")
        with pytest.raises(grpc.RpcError) as refused:
            VisionServiceStub(channel).BatchAnalyze(batch(pages["en_sans"]))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


@contextlib.contextmanager
def announce_rest(vision: LocalVision, body_bytes: int) -> Iterator[socket.socket]:
    """Give the connection of a call that the service has taken, and whose body it waits for."""
    address = urlsplit(vision.rest_endpoint)
    head = f"POST /vision/v1/batchAnalyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body_bytes}\r\n"
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        # Told when the service asks for the body: from then on the call is in flight.
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        yield client


@contextlib.contextmanager
def begin_rest(vision: LocalVision, request: BatchAnalyzeRequest) -> Iterator[http.client.HTTPResponse]:
    """Give the response to come of a call that the service has taken."""
    body = to_json(request)
    with announce_rest(vision, len(body)) as client:
        client.sendall(body)
        yield http.client.HTTPResponse(client)


def test_a_rest_call_in_flight_is_answered_and_later_ones_are_refused(pages: dict[str, ScannedPage]) -> None:
    vision = LocalVision()
    with begin_rest(vision, batch(pages["mixed_sans"])) as response:
        vision.close(grace_s=30)
        response.begin()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert "textDetection" in json.loads(response.read())["results"][0]["results"][0]
    address = urlsplit(vision.rest_endpoint)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_calls_that_outlast_the_grace_are_told_that_the_service_stops(pages: dict[str, ScannedPage]) -> None:
    vision = LocalVision()
    request = batch(*[pages["en_sans"]] * 8)
    with grpc.insecure_channel(vision.grpc_endpoint) as channel, begin_rest(vision, request) as response:
        calls = [begin(channel, request) for _ in range(4)]
        vision.close(grace_s=0)
        assert {(call.code(), call.details()) for call in calls} == {(grpc.StatusCode.UNAVAILABLE, STOPPING)}
        response.begin()
        assert response.status == 503
        assert json.loads(response.read())["message"] == STOPPING


def test_a_rest_call_whose_body_is_still_to_come_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    older = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    vision = LocalVision()
    with announce_rest(vision, body_bytes=1000) as client:
        client.sendall(b"{")
        vision.close(grace_s=0)
        response = http.client.HTTPResponse(client)
        response.begin()
        assert response.status == 503
        assert json.loads(response.read())["message"] == STOPPING
    # Threads of the tests before this one may still be reading pages, and complain.
    said = [record for record in caplog.records if record.thread not in older]
    assert [record for record in said if record.levelno >= logging.WARNING] == []


def test_a_process_does_not_wait_for_a_page_that_is_half_read(pages: dict[str, ScannedPage], tmp_path: Path) -> None:
    page = Image.open(pages["en_sans"].path).convert("1")
    sheet = Image.new("1", (page.width * 4, page.height * 5))
    for index in range(20):
        sheet.paste(page, (index % 4 * page.width, index // 4 * page.height))
    sheet.save(tmp_path / "sheet.png")
    spec = AnalyzeSpec(content=(tmp_path / "sheet.png").read_bytes(), features=[FEATURE])
    (tmp_path / "request").write_bytes(BatchAnalyzeRequest(analyze_specs=[spec]).SerializeToString())
    # Finding the lines of such a sheet cannot be interrupted.
    program = """
import grpc, pathlib, sys, threading
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

def announce(*arguments):
    begun.set()
    read(*arguments)
    print("read")

begun, read = threading.Event(), TesseractEngine._read
TesseractEngine._read = announce
request = BatchAnalyzeRequest.FromString(pathlib.Path(sys.argv[1]).read_bytes())
with LocalVision() as vision:
    call = VisionServiceStub(grpc.insecure_channel(vision.grpc_endpoint)).BatchAnalyze.future(request)
    begun.wait()
    vision.close(grace_s=0)
print("closed")
"""
    command: list[str | Path] = [sys.executable, "-c", program, tmp_path / "request"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout) == (0, "closed\n"), finished.stderr


def cancel_grpc(vision: LocalVision, request: BatchAnalyzeRequest) -> None:
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        begin(channel, request).cancel()


def cancel_rest(vision: LocalVision, request: BatchAnalyzeRequest) -> None:
    with begin_rest(vision, request):
        pass


@pytest.mark.parametrize("cancel", [cancel_grpc, cancel_rest])
def test_images_of_a_call_that_was_cancelled_are_left(
    cancel: Callable[[LocalVision, BatchAnalyzeRequest], None],
    pages: dict[str, ScannedPage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Bitmap] = []
    recognize = TesseractEngine.recognize

    def count(engine: TesseractEngine, bitmap: Bitmap, *, languages: Sequence[str], model: str) -> TextAnnotation:
        read.append(bitmap)
        return recognize(engine, bitmap, languages=languages, model=model)

    monkeypatch.setattr(TesseractEngine, "recognize", count)
    with LocalVision() as vision, grpc.insecure_channel(vision.grpc_endpoint) as channel:
        cancel(vision, batch(*[pages["mixed_sans"]] * 8))
        # Images are taken in the order they came: when this is answered, those before it are done with.
        VisionServiceStub(channel).BatchAnalyze(batch(pages["en_sans"]))
    assert len(read) < 8 + 1


def test_closing_twice_and_leaving_the_context_are_fine() -> None:
    with LocalVision() as vision:
        vision.close()
        vision.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_child_neither_keeps_the_port_nor_ends_the_service() -> None:
    program = """
import os, signal, socket
from vision_grpc.local import LocalVision
from vision_grpc.local.listening import listen
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import TextAnnotation

engine = ScriptedEngine(lambda _: TextAnnotation())
vision = LocalVision(engine=engine)
host, _, port = vision.grpc_endpoint.rpartition(":")
(from_child, to_parent), (from_parent, to_child) = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    signal.alarm(30)
    vision.close()
    LocalVision(engine=engine).close()
    os.write(to_parent, b"x")
    os.read(from_parent, 1)
    os._exit(0)
os.close(to_parent)
print("child closed" if os.read(from_child, 1) else "child hangs")
socket.create_connection((host, int(port))).close()
vision.close()
listen(host, int(port)).close()
os.write(to_child, b"x")
print("child ended", os.waitpid(child, 0)[1])
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.stdout == "child closed\nchild ended 0\n", finished.stderr


def test_a_port_in_use_is_named() -> None:
    with LocalVision() as running:
        grpc_port = int(running.grpc_endpoint.rpartition(":")[2])
        rest_port = int(running.rest_endpoint.rpartition(":")[2])
        with pytest.raises(LocalServiceError, match=f"cannot listen on 127.0.0.1:{grpc_port}: Address already in use"):
            LocalVision(grpc_port=grpc_port)
        with pytest.raises(LocalServiceError, match=f"cannot listen on 127.0.0.1:{rest_port}: Address already in use"):
            LocalVision(rest_port=rest_port)


def test_ports_are_free_again_after_closing() -> None:
    with LocalVision() as first:
        grpc_port = int(first.grpc_endpoint.rpartition(":")[2])
        rest_port = int(first.rest_endpoint.rpartition(":")[2])
    with LocalVision(grpc_port=grpc_port, rest_port=rest_port) as second:
        assert (second.grpc_endpoint, second.rest_endpoint) == (first.grpc_endpoint, first.rest_endpoint)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(LocalServiceError, match=r"cannot listen on 192\.0\.2\.1:0"):
        LocalVision(host="192.0.2.1")


def test_ipv6_endpoints_are_in_brackets(pages: dict[str, ScannedPage]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with LocalVision(host="::1") as vision, grpc.insecure_channel(vision.grpc_endpoint) as channel:
        assert vision.grpc_endpoint.startswith("[::1]:")
        assert vision.rest_endpoint.startswith("http://[::1]:")
        assert VisionServiceStub(channel).BatchAnalyze(batch(pages["en_sans"])).results


def test_without_language_data_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(LocalServiceError, match="apt-get install tesseract-ocr-eng tesseract-ocr-rus"):
        LocalVision()


def test_tls_needs_a_certificate_and_its_key(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    with pytest.raises(LocalServiceError, match="both tls_certificate and tls_key"):
        LocalVision(tls_key=key)
    with pytest.raises(LocalServiceError, match=r"certificate\.pem cannot be read \(No such file"):
        LocalVision(tls_certificate=certificate, tls_key=key)
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(str(certificate))
    own.private_key_pem.write_to_path(str(key))
    with pytest.raises(LocalServiceError, match=r"key\.pem and .*certificate\.pem are not .*: they are swapped"):
        LocalVision(tls_certificate=key, tls_key=certificate)
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(str(key))
    with pytest.raises(
        LocalServiceError, match=r"certificate\.pem .*: the chain begins with the certificate of another key"
    ):
        LocalVision(tls_certificate=certificate, tls_key=key)
    encrypted = serialization.BestAvailableEncryption(b"pass phrase")
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted))
    with pytest.raises(LocalServiceError, match=r"key\.pem .*, or the key has a pass phrase"):
        LocalVision(tls_certificate=certificate, tls_key=key)


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_tls_files_are_regular_ones(name: str, kind: str, tmp_path: Path) -> None:
    own = trustme.CA().issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / name).unlink()
    if kind == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(LocalServiceError, match=f"{name} is not a regular file: name a PEM file"):
        LocalVision(tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem")


def test_tls_files_that_go_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("certificate.pem", "key.pem"):
        (tmp_path / name).touch()
    gone = Mock(side_effect=FileNotFoundError(errno.ENOENT, "No such file or directory"))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", gone)
    with pytest.raises(LocalServiceError, match=r"key\.pem are not a PEM certificate chain and its private key"):
        LocalVision(tls_certificate=tmp_path / "certificate.pem", tls_key=tmp_path / "key.pem")


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "localhost"])
def test_a_host_is_bound_in_every_form_and_told_as_it_was_given(host: str, pages: dict[str, ScannedPage]) -> None:
    with LocalVision(host=host) as vision:
        where, _, port = vision.grpc_endpoint.rpartition(":")
        assert where == host
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
        with grpc.insecure_channel(join_address(str(address), int(port))) as channel:
            assert VisionServiceStub(channel).BatchAnalyze(batch(pages["en_sans"])).results


def test_without_the_extra_the_import_says_how_to_get_it() -> None:
    missing = ("hpack", "hyperframe", "starlette", "tesserocr")
    program = f"import sys; sys.modules.update(dict.fromkeys({missing})); import vision_grpc.local"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].endswith(
        "vision_grpc.local needs hpack, hyperframe, starlette, tesserocr: pip install 'vision-grpc[local]'"
    )


def test_the_engine_is_loaded_at_the_first_start_and_the_environment_left_as_it_was() -> None:
    program = """
import os, sys
from vision_grpc.local import LocalVision
print("tesserocr" in sys.modules)
before = dict(os.environ)
LocalVision().close()
print("tesserocr" in sys.modules, os.environ == before)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["False", "True", "True"]


def test_a_loop_that_cannot_be_made_is_no_running_service(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = OSError(errno.EMFILE, "Too many open files")
    monkeypatch.setattr(asyncio, "SelectorEventLoop", Mock(side_effect=failure))
    with pytest.raises(LocalServiceError, match="the service cannot start: Too many open files"):
        LocalVision()


def test_a_start_that_is_interrupted_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set(threading.enumerate())
    call = LoopThread.call

    def interrupted(loop: LoopThread, work: Callable[[], object]) -> None:
        call(loop, work)
        raise KeyboardInterrupt

    monkeypatch.setattr(LoopThread, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        LocalVision()
    assert not [thread for thread in set(threading.enumerate()) - threads if thread.name == FACES_THREAD]
