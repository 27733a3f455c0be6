"""The gRPC face, with clients that break its rules, and the end of the service."""

import asyncio
import gzip
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ExtensionRequest, ServerReflectionRequest, ServerReflectionResponse
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from images_in_bytes import png
from raw_grpc import framed, raw_client

from vision_grpc.contract.sizes import REQUEST_BYTES
from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.calls.log import ACCESS_LOG
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.listening import join_address
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
    RequestInfo,
    Status,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

WAIT_S = 60
FEATURE = Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["en"]))
SPEC = AnalyzeSpec(content=png(1), features=[FEATURE])
REQUEST = BatchAnalyzeRequest(analyze_specs=[SPEC])
WIRE = REQUEST.SerializeToString()
LARGE = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=png(1, size=900_000), features=[FEATURE])] * 4)


def silent(_: bytes) -> TextAnnotation:
    return TextAnnotation()


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(silent)) as service:
        yield service


@pytest.fixture
def channel(vision: LocalVision) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(vision.grpc_endpoint) as made:
        yield made


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_requests_may_be_compressed(channel: grpc.Channel, compression: grpc.Compression) -> None:
    answer = VisionServiceStub(channel).BatchAnalyze(LARGE, compression=compression)
    assert len(answer.results) == 4


BODIES: dict[str, tuple[bytes, str, Code, str]] = {
    "none": (b"", "identity", Code.UNIMPLEMENTED, "takes one message, and the client sent none"),
    "two": (framed(WIRE) * 2, "identity", Code.UNIMPLEMENTED, "takes one message, and the client sent more"),
    "a cut head": (b"\0\0\0", "identity", Code.INVALID_ARGUMENT, "in the middle of a message"),
    "a cut message": (framed(WIRE)[:-1], "identity", Code.INVALID_ARGUMENT, "in the middle of a message"),
    "a wrong flag": (framed(WIRE, flag=7), "gzip", Code.INTERNAL, "the flag of a message is 7"),
    "too long": (framed(b"", length=REQUEST_BYTES + 1), "identity", Code.RESOURCE_EXHAUSTED, "longer than any valid"),
    "the longest length": (framed(b"", length=(1 << 32) - 1), "identity", Code.RESOURCE_EXHAUSTED, "longer than any"),
    "no encoding": (framed(gzip.compress(WIRE), flag=1), "identity", Code.INTERNAL, "grpc-encoding is 'identity'"),
    "an unknown encoding": (framed(WIRE), "br", Code.UNIMPLEMENTED, "grpc-encoding 'br' is not supported"),
    "no gzip": (framed(WIRE, flag=1), "gzip", Code.INTERNAL, "is not valid gzip"),
    "cut gzip": (framed(gzip.compress(WIRE)[:-9], flag=1), "gzip", Code.INTERNAL, "the compressed message is cut"),
    "an empty gzip": (framed(b"", flag=1), "gzip", Code.INTERNAL, "the compressed message is cut"),
    "raw deflate": (framed(zlib.compress(WIRE)[2:-4], flag=1), "deflate", Code.INTERNAL, "is not valid deflate"),
    "a bomb": (
        framed(gzip.compress(bytes(REQUEST_BYTES + 1), 1), flag=1),
        "gzip",
        Code.RESOURCE_EXHAUSTED,
        "longer than any valid request",
    ),
    "no protobuf": (framed(b"\xff" * 9), "identity", Code.INVALID_ARGUMENT, "the 9 bytes are not a valid protobuf"),
    "compressed nothing": (framed(gzip.compress(b""), flag=1), "gzip", Code.INVALID_ARGUMENT, "analyze_specs"),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_are_no_request(vision: LocalVision, case: str) -> None:
    body, encoding, code, message = BODIES[case]
    with raw_client(vision.grpc_endpoint) as client:
        answer = client.call(body, more=[("grpc-encoding", encoding)])
        assert answer.status == code
        assert message in answer.message
        assert answer.head["grpc-accept-encoding"] == "identity, gzip, deflate"
        # The connection goes on.
        assert client.call(framed(WIRE)).status == Code.OK


def test_a_body_may_come_in_any_pieces_and_be_compressed_in_parts(vision: LocalVision) -> None:
    packed = gzip.compress(WIRE)
    with raw_client(vision.grpc_endpoint) as client:
        number = client.open(more=[("grpc-encoding", "gzip")])
        for byte in framed(packed, flag=1)[:40]:
            client.send(number, bytes([byte]), ends=False)
        client.send(number, framed(packed, flag=1)[40:])
        assert client.wait(number).status == Code.OK
        # An encoding is announced, and the message is not compressed.
        assert client.call(framed(WIRE), more=[("grpc-encoding", "gzip")]).status == Code.OK


@pytest.mark.parametrize("content_type", ["application/json", "application/grpc+json", "application/grpc-web", None])
def test_other_content_types_are_refused_as_http_does(vision: LocalVision, content_type: str | None) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        answer = client.wait(client.open(content_type=content_type, ends=True))
        assert answer.head[":status"] == "415"
        assert b"REST over HTTP/1.1" in answer.body


@pytest.mark.parametrize("content_type", ["application/grpc+proto", "Application/gRPC", "application/grpc; x=y"])
def test_forms_of_the_content_type(vision: LocalVision, content_type: str) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        number = client.open(content_type=content_type)
        client.send(number, framed(WIRE))
        assert client.wait(number).status == Code.OK


def test_other_verbs_are_refused(vision: LocalVision) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        assert client.wait(client.open("/healthz", method="GET", ends=True)).head[":status"] == "405"


@pytest.mark.parametrize("path", ["/nowhere", "/a/b/c", "*", "/yandex.cloud.ai.vision.v1.VisionService/Nothing%20"])
def test_methods_that_do_not_exist(vision: LocalVision, path: str) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        # No body comes, and none is waited for.
        answer = client.wait(client.open(path))
        assert answer.status == Code.UNIMPLEMENTED
        assert "%25" in answer.message if "%" in path else path in answer.message


@pytest.mark.parametrize("timeout", ["", "1", "S", "1s", "-1S", "1.5S", "123456789S", "1 S", "१S"])
def test_a_malformed_timeout_is_the_callers_fault(vision: LocalVision, timeout: str) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        answer = client.call(framed(WIRE), more=[("grpc-timeout", timeout)])
        assert answer.status == Code.INVALID_ARGUMENT
        assert "grpc-timeout" in answer.message


@pytest.mark.parametrize("timeout", ["99999999H", "60M", "60S", "60000m", "60000000u"])
def test_units_of_the_timeout(vision: LocalVision, timeout: str) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        assert client.call(framed(WIRE), more=[("grpc-timeout", timeout)]).status == Code.OK


@pytest.mark.parametrize("timeout", ["0S", "1n", "50m"])
def test_the_service_itself_ends_a_call_at_its_deadline(vision: LocalVision, timeout: str) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        # The body does not come.
        answer = client.wait(client.open(more=[("grpc-timeout", timeout)]))
        assert answer.status == Code.DEADLINE_EXCEEDED


def test_a_busy_service_logs_the_deadline_as_what_ended_a_call(
    vision: LocalVision, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)
    with raw_client(vision.grpc_endpoint) as client:
        number = client.open(more=[("grpc-timeout", "50m"), ("x-test-id", "busy")])
        client.sync()
        # The loop comes to nothing else until the deadline is long over.
        vision._faces._loop.call(lambda: time.sleep(0.2))
        assert client.wait(number).status == Code.DEADLINE_EXCEEDED
    [line] = [record.message for record in caplog.records if "test_id=busy" in record.message]
    assert "code=DEADLINE_EXCEEDED" in line


HEADS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown encoding": ({"more": [("grpc-encoding", "br")]}, "UNIMPLEMENTED"),
    "a malformed timeout": ({"more": [("grpc-timeout", "1")]}, "INVALID_ARGUMENT"),
    "no method": ({"path": "/no/Method"}, "UNIMPLEMENTED"),
    "grpc-web": ({"content_type": "application/grpc-web"}, "HTTP 415"),
}


@pytest.mark.parametrize("case", HEADS)
def test_calls_that_are_refused_for_their_head_are_logged(
    vision: LocalVision, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    options, code = HEADS[case]
    caplog.set_level(logging.INFO)
    with raw_client(vision.grpc_endpoint) as client:
        client.wait(client.open(**options))
        peer = join_address(*client.socket.getsockname())
    [line] = [record.message for record in caplog.records if peer in record.message]
    assert code in line


def test_ids_come_before_and_after_the_answer(channel: grpc.Channel) -> None:
    _, call = VisionServiceStub(channel).BatchAnalyze.with_call(REQUEST)
    before, after = dict(call.initial_metadata()), dict(call.trailing_metadata())
    for name in ("x-request-id", "x-server-trace-id"):
        assert before[name] == after[name]
    with pytest.raises(grpc.RpcError) as caught:
        VisionServiceStub(channel).BatchAnalyze(BatchAnalyzeRequest())
    error: Any = caught.value
    metadata = dict(error.trailing_metadata())
    details = Status.FromString(metadata["grpc-status-details-bin"])
    assert (details.code, details.message) == (Code.INVALID_ARGUMENT, error.details())
    unpacked = RequestInfo()
    assert any(detail.Unpack(unpacked) for detail in details.details if detail.Is(RequestInfo.DESCRIPTOR))
    assert unpacked.request_id == metadata["x-request-id"]


def test_credentials_are_checked_before_a_body_comes() -> None:
    with (
        LocalVision(engine=ScriptedEngine(silent), identities=Identities()) as vision,
        raw_client(vision.grpc_endpoint) as client,
    ):
        number = client.open(more=[("authorization", "Api-Key wrong")])
        client.send(number, framed(bytes(1000), length=5_000_000), ends=False)
        answer = client.wait(number)
        assert answer.status == Code.UNAUTHENTICATED
        assert client.h2.outbound_flow_control_window > 0


def test_heads_without_bodies_stop_nobody(vision: LocalVision, channel: grpc.Channel) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        numbers = [client.open() for _ in range(100)]
        assert VisionServiceStub(channel).BatchAnalyze(REQUEST, timeout=WAIT_S).results
        client.send(numbers[50], framed(WIRE))
        assert client.wait(numbers[50]).status == Code.OK


def test_a_message_over_many_windows_is_let_in_when_it_is_wanted(vision: LocalVision) -> None:
    wire = LARGE.SerializeToString()
    with raw_client(vision.grpc_endpoint) as client:
        number = client.open()
        client.send(number, framed(wire)[:5], ends=False)
        client.sync()
        while client.h2.local_flow_control_window(number) < 1_000_000:
            client.receive()
        # Some of it, and never more than the message has.
        assert client.h2.streams[number].outbound_flow_control_window < len(wire)
        client.send(number, wire)
        assert client.wait(number).status == Code.OK


def test_an_answer_that_the_client_lets_in_byte_by_byte(vision: LocalVision) -> None:
    with raw_client(vision.grpc_endpoint) as client:
        client.h2.update_settings({4: 1})
        client.flush()
        number = client.open()
        client.send(number, framed(WIRE))
        assert client.wait(number).status == Code.OK
        assert BatchAnalyzeResponse.FromString(client.answers[number].body[5:]).results


def test_health_of_names_that_are_not_served(channel: grpc.Channel) -> None:
    stub: Any = HealthStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(HealthCheckRequest(service="nobody"))
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(HealthCheckRequest(service="nobody"))
    assert next(watch).status == HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_health_lists_what_is_served(channel: grpc.Channel) -> None:
    response_class: Any = getattr(health_pb2, "HealthListResponse", None)
    if response_class is None:
        pytest.skip("the installed version has no List")
    call: Any = channel.unary_unary("/grpc.health.v1.Health/List", response_deserializer=response_class.FromString)
    assert "yandex.cloud.ai.vision.v1.VisionService" in call(b"").statuses


def reflected(channel: grpc.Channel, *requests: ServerReflectionRequest) -> list[ServerReflectionResponse]:
    stub: Any = ServerReflectionStub(channel)
    return list(stub.ServerReflectionInfo(iter(requests)))


def test_reflection_knows_error_details_and_says_what_it_does_not_know(channel: grpc.Channel) -> None:
    extension = ExtensionRequest(containing_type="google.protobuf.MethodOptions", extension_number=72295728)
    nowhere = ExtensionRequest(containing_type="google.protobuf.MethodOptions", extension_number=999)
    answers = reflected(
        channel,
        ServerReflectionRequest(file_containing_symbol="google.rpc.RetryInfo"),
        ServerReflectionRequest(file_containing_symbol="google.rpc.BadRequest"),
        ServerReflectionRequest(file_by_filename="google/rpc/error_details.proto"),
        ServerReflectionRequest(file_containing_extension=extension),
        ServerReflectionRequest(all_extension_numbers_of_type="google.protobuf.MethodOptions"),
        ServerReflectionRequest(file_containing_symbol="no.such.Thing"),
        ServerReflectionRequest(file_by_filename="no/such.proto"),
        ServerReflectionRequest(file_containing_extension=nowhere),
        ServerReflectionRequest(all_extension_numbers_of_type="no.such.Thing"),
        ServerReflectionRequest(),
    )
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    assert kinds == ["file_descriptor_response"] * 4 + ["all_extension_numbers_response"] + ["error_response"] * 5
    assert 72295728 in answers[4].all_extension_numbers_response.extension_number
    codes = [answer.error_response.error_code for answer in answers[5:]]
    assert codes == [Code.NOT_FOUND] * 4 + [Code.INVALID_ARGUMENT]


class Gate:
    """An engine that answers when it is told."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.open = threading.Event()
        self.engine = ScriptedEngine(self._wait)

    def _wait(self, _: bytes) -> TextAnnotation:
        self.reached.release()
        self.open.wait(WAIT_S)
        return TextAnnotation()


def test_four_calls_in_flight_are_answered_within_the_grace() -> None:
    gate = Gate()
    vision = LocalVision(engine=gate.engine, config=ServiceConfig(grace_s=WAIT_S, threads=4))
    with (
        grpc.insecure_channel(vision.grpc_endpoint) as channel,
        ThreadPoolExecutor(1) as thread,
        raw_client(vision.grpc_endpoint) as slow,
    ):
        stub: Any = VisionServiceStub(channel)
        health: Any = HealthStub(channel)
        watch = health.Watch(HealthCheckRequest())
        assert next(watch).status == HealthCheckResponse.SERVING
        calls = [stub.BatchAnalyze.future(REQUEST) for _ in range(4)]
        for _ in range(4):
            assert gate.reached.acquire(timeout=WAIT_S)
        # The body of one is still under way when the service is asked to stop.
        number = slow.open()
        slow.send(number, framed(WIRE)[:30], ends=False)
        slow.sync()
        closed: Future[None] = thread.submit(vision.close)
        assert next(watch).status == HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError):
            next(watch)
        while slow.goodbye is None:
            assert slow.receive()
        assert (slow.goodbye.error_code, slow.goodbye.last_stream_id) == (0, number)
        slow.send(number, framed(WIRE)[30:])
        gate.open.set()
        assert [len(call.result(WAIT_S).results) for call in calls] == [1] * 4
        assert slow.wait(number).status == Code.OK
        while slow.receive():
            pass
        closed.result(WAIT_S)


def test_calls_whose_body_does_not_come_are_told_at_the_end_of_the_grace() -> None:
    vision = LocalVision(engine=ScriptedEngine(silent))
    with raw_client(vision.grpc_endpoint) as client:
        number = client.open()
        client.send(number, framed(WIRE)[:30], ends=False)
        client.sync()
        vision.close(grace_s=0.1)
        answer = client.wait(number)
        assert (answer.status, answer.message) == (
            Code.UNAVAILABLE,
            "the service is stopping: call again when it is back",
        )


def test_idle_connections_and_reflection_do_not_keep_the_service_open() -> None:
    vision = LocalVision(engine=ScriptedEngine(silent))
    with (
        grpc.insecure_channel(vision.grpc_endpoint) as channel,
        raw_client(vision.grpc_endpoint) as idle,
        raw_client(vision.grpc_endpoint) as endless,
    ):
        grpc.channel_ready_future(channel).result(WAIT_S)
        number = endless.open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        idle.sync()
        endless.sync()
        vision.close(grace_s=WAIT_S)
        while idle.receive():
            pass
        assert idle.goodbye is not None
        assert endless.wait(number).status == Code.UNAVAILABLE


@pytest.mark.parametrize("rounds", [1, 5])
async def test_a_client_on_an_event_loop_of_the_same_process(vision: LocalVision, rounds: int) -> None:
    async with grpc.aio.insecure_channel(vision.grpc_endpoint) as channel:
        stub: Any = VisionServiceStub(channel)
        for _ in range(rounds):
            answers = await asyncio.gather(*(stub.BatchAnalyze(LARGE, timeout=WAIT_S) for _ in range(4)))
            assert [len(answer.results) for answer in answers] == [4] * 4


def tls_files(folder: Path) -> tuple[trustme.CA, Path, Path]:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    own.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    return authority, folder / "certificate.pem", folder / "key.pem"


def test_large_requests_over_tls_and_which_protocol_is_taken(tmp_path: Path) -> None:
    authority, certificate, key = tls_files(tmp_path)
    with LocalVision(engine=ScriptedEngine(silent), tls_certificate=certificate, tls_key=key) as vision:
        roots = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        with grpc.secure_channel(vision.grpc_endpoint, roots) as channel:
            for _ in range(3):
                assert len(VisionServiceStub(channel).BatchAnalyze(LARGE, timeout=WAIT_S).results) == 4
        host, _, port = vision.grpc_endpoint.rpartition(":")
        chosen = [_negotiated(authority, host, int(port), offer) for offer in (["h2"], ["h2", "http/1.1"], [])]
        assert chosen == ["h2", "http/1.1", None]


def _negotiated(authority: trustme.CA, host: str, port: int, offered: list[str]) -> str | None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection((host, port)) as raw, context.wrap_socket(raw, server_hostname=host) as wrapped:
        return wrapped.selected_alpn_protocol()
