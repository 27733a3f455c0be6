"""What each face does beyond carrying the messages: HTTP manners, health, reflection, TLS."""

import gzip
import http.client
import json
import logging
import shutil
import socket
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import trustme
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from scanned_pages import ScannedPage

from vision_grpc.contract.sizes import JSON_REQUEST_BYTES
from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.faces.rest import body as rest_body
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, RequestInfo, Status
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

SERVICE = "yandex.cloud.ai.vision.v1.VisionService"
PATH = "/vision/v1/batchAnalyze"
# Valid, and answered without any recognition.
QUICK = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=b"a", features=[Feature()])])
QUICK_JSON = json.dumps({"analyzeSpecs": [{"content": "YQ==", "features": [{}]}]}).encode()


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as service:
        yield service


@pytest.fixture
def connection(vision: LocalVision) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(vision.rest_endpoint)
    made = http.client.HTTPConnection(address.netloc, timeout=30)
    yield made
    made.close()


@pytest.fixture(scope="module")
def strict_vision() -> Iterator[LocalVision]:
    with LocalVision(strict=True) as service:
        yield service


@pytest.fixture
def strict_connection(strict_vision: LocalVision) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(urlsplit(strict_vision.rest_endpoint).netloc, timeout=30)
    yield made
    made.close()


@pytest.fixture
def channel(vision: LocalVision) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(vision.grpc_endpoint) as made:
        yield made


def read_status(response: http.client.HTTPResponse) -> tuple[int, int, str]:
    """Return the HTTP status, and code and message of the google.rpc.Status in the body."""
    status = json.loads(response.read())
    (info,) = (detail for detail in status["details"] if detail["@type"].endswith("RequestInfo"))
    assert info["requestId"] == response.headers["x-request-id"]
    assert response.headers["x-server-trace-id"]
    return response.status, status["code"], status["message"]


REFUSALS: dict[str, tuple[tuple[str, str, bytes | None], tuple[int, Code], str]] = {
    "method": (("GET", PATH, None), (405, Code.UNIMPLEMENTED), f"this service takes POST {PATH}"),
    "path": (("POST", "/vision/v2/batchAnalyze", b"{}"), (404, Code.NOT_FOUND), f"this service takes POST {PATH}"),
    "slash": (("POST", f"{PATH}/", b"{}"), (404, Code.NOT_FOUND), f"this service takes POST {PATH}"),
    "cut": (("POST", PATH, b'{"folderId": "'), (400, Code.INVALID_ARGUMENT), "the body is not a BatchAnalyzeRequest: "),
    "no text": (("POST", PATH, b"\xff\xfe"), (400, Code.INVALID_ARGUMENT), "the body is not a BatchAnalyzeRequest: "),
    "wrong type": (("POST", PATH, b'{"folderId": 7}'), (400, Code.INVALID_ARGUMENT), "folderId"),
    "empty": (("POST", PATH, b""), (400, Code.INVALID_ARGUMENT), "the body is not a BatchAnalyzeRequest: "),
    "invalid": (("POST", PATH, b"{}"), (400, Code.INVALID_ARGUMENT), "analyze_specs: has 0 elements"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_http_refusals_are_statuses_in_json(connection: http.client.HTTPConnection, case: str) -> None:
    request, codes, message = REFUSALS[case]
    connection.request(*request)
    response = connection.getresponse()
    *told, text = read_status(response)
    assert tuple(told) == codes
    assert message in text
    assert response.headers.get("allow") == ("POST" if response.status == 405 else None)


def test_a_body_declared_too_long_is_refused_before_it_is_sent(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", PATH)
    connection.putheader("Content-Length", "1000000000")
    connection.endheaders()
    assert read_status(connection.getresponse())[:2] == (413, Code.RESOURCE_EXHAUSTED)


def test_a_body_that_grows_too_long_is_refused_and_the_connection_goes_on(
    connection: http.client.HTTPConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rest_body, "JSON_REQUEST_BYTES", 100_000)
        connection.request("POST", PATH, iter([b" " * 10_000] * 30), encode_chunked=True)
        assert read_status(connection.getresponse())[:2] == (413, Code.RESOURCE_EXHAUSTED)
    connection.request("POST", PATH, QUICK_JSON)
    assert connection.getresponse().status == 200


_POST = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\n".encode()
MALFORMED = {
    "garbage": b"\x16\x03\x01 no HTTP\r\n\r\n",
    "length below 0": _POST + b"content-length: -1\r\n\r\n",
    "chunk": _POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_http_is_refused(vision: LocalVision, case: str, caplog: pytest.LogCaptureFixture) -> None:
    address = urlsplit(vision.rest_endpoint)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as raw:
        raw.sendall(MALFORMED[case])
        with http.client.HTTPResponse(raw) as response:
            response.begin()
            assert response.status == 400
            assert response.headers["connection"] == "close"
            assert read_status(response)[1] == Code.INVALID_ARGUMENT
        assert raw.recv(1) == b""
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_an_answered_call_that_goes_on_as_malformed_http_ends(vision: LocalVision) -> None:
    address = urlsplit(vision.rest_endpoint)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as raw:
        raw.sendall(b"POST /nowhere HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n")
        with http.client.HTTPResponse(raw) as response:
            response.begin()
            assert read_status(response)[:2] == (404, Code.NOT_FOUND)
        raw.sendall(b"zz\r\n")
        assert raw.recv(1) == b""


def send(
    connection: http.client.HTTPConnection, body: bytes | Iterator[bytes], encoding: str
) -> http.client.HTTPResponse:
    connection.request("POST", PATH, body, {"Content-Encoding": encoding}, encode_chunked=not isinstance(body, bytes))
    return connection.getresponse()


def test_a_body_in_chunks_is_put_together(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", PATH, (bytes([byte]) for byte in QUICK_JSON), encode_chunked=True)
    assert len(json.loads(connection.getresponse().read())["results"]) == 1


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZip ", "identity", "", "identity, gzip"])
def test_a_body_may_be_compressed(connection: http.client.HTTPConnection, encoding: str) -> None:
    response = send(connection, gzip.compress(QUICK_JSON) if "zip" in encoding.lower() else QUICK_JSON, encoding)
    assert response.status == 200
    assert len(json.loads(response.read())["results"]) == 1


def test_encodings_may_be_told_in_several_lines(connection: http.client.HTTPConnection) -> None:
    body = gzip.compress(QUICK_JSON)
    connection.putrequest("POST", PATH)
    for name, value in [
        ("Content-Encoding", "identity"),
        ("Content-Encoding", "gzip"),
        ("Content-Length", str(len(body))),
    ]:
        connection.putheader(name, value)
    connection.endheaders(body)
    assert connection.getresponse().status == 200


def test_a_compressed_body_may_come_in_chunks_and_in_several_members(connection: http.client.HTTPConnection) -> None:
    body = gzip.compress(QUICK_JSON[:20]) + gzip.compress(QUICK_JSON[20:])
    response = send(connection, (body[start : start + 7] for start in range(0, len(body), 7)), "gzip")
    assert len(json.loads(response.read())["results"]) == 1


BROKEN_GZIP = {
    "plain": QUICK_JSON,
    "cut": gzip.compress(QUICK_JSON)[:-9],
    "wrong checksum": gzip.compress(QUICK_JSON)[:-8] + bytes(8),
    "damaged": gzip.compress(QUICK_JSON)[:12] + b"\xff" * 40,
    "followed by something": gzip.compress(QUICK_JSON) + b"{}",
}


@pytest.mark.parametrize("case", BROKEN_GZIP)
def test_a_body_that_is_not_the_gzip_it_says_is_refused(connection: http.client.HTTPConnection, case: str) -> None:
    status, code, message = read_status(send(connection, BROKEN_GZIP[case], "gzip"))
    assert (status, code) == (400, Code.INVALID_ARGUMENT)
    assert message.startswith("the content encoding says gzip, but the body is not valid gzip: ")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_refused_with_the_one_that_is_not(
    connection: http.client.HTTPConnection, encoding: str
) -> None:
    response = send(connection, QUICK_JSON, encoding)
    assert response.headers["accept-encoding"] == "gzip"
    status, code, message = read_status(response)
    assert (status, code) == (415, Code.UNIMPLEMENTED)
    assert repr(encoding) in message


def test_a_body_that_inflates_without_end_is_refused_and_the_connection_goes_on(
    connection: http.client.HTTPConnection,
) -> None:
    bomb = gzip.compress(b" " * (JSON_REQUEST_BYTES + 1), 1)
    assert len(bomb) < JSON_REQUEST_BYTES / 100
    assert read_status(send(connection, bomb, "gzip"))[:2] == (413, Code.RESOURCE_EXHAUSTED)
    assert send(connection, gzip.compress(QUICK_JSON), "gzip").status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(
    vision: LocalVision, connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    address = urlsplit(vision.rest_endpoint)
    leaver = http.client.HTTPConnection(address.netloc)
    leaver.putrequest("POST", PATH)
    leaver.putheader("Content-Length", "1000")
    leaver.endheaders(b"{")
    leaver.close()
    connection.request("POST", PATH, QUICK_JSON)
    assert connection.getresponse().status == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"features": [{}], "novelty": [1]}, "analyzeSpecs[0].novelty: AnalyzeSpec has no such field"),
        ({"features": [{"type": "TEXT_DETECTON"}]}, "analyzeSpecs[0].features[0].type: "),
    ],
)
def test_names_that_the_contract_does_not_have_are_refused(
    strict_connection: http.client.HTTPConnection, spec: dict[str, Any], where: str
) -> None:
    strict_connection.request("POST", PATH, json.dumps({"analyzeSpecs": [{"content": "YQ=="} | spec]}))
    status, code, message = read_status(strict_connection.getresponse())
    assert (status, code) == (400, Code.INVALID_ARGUMENT)
    assert message.startswith(f"the body is not a BatchAnalyzeRequest: {where}")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (QUICK_JSON.replace(b"YQ==", b"YQ==\\n"), "analyzeSpecs[0].content: base64 was expected"),
        (QUICK_JSON.replace(b"[{}]", b"{}"), "analyzeSpecs[0].features: a list was expected, not an object"),
        (QUICK_JSON[:-1] + b', "x": 1}', "x: BatchAnalyzeRequest has no such field"),
    ],
)
def test_only_a_strict_service_refuses_what_gateways_take(
    connection: http.client.HTTPConnection, strict_connection: http.client.HTTPConnection, body: bytes, where: str
) -> None:
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-8"}):
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        assert (response.status, len(json.loads(response.read())["results"])) == (200, 1)
    strict_connection.request("POST", PATH, body)
    status, code, message = read_status(strict_connection.getresponse())
    assert (status, code) == (400, Code.INVALID_ARGUMENT)
    assert message.startswith(f"the body is not a BatchAnalyzeRequest: {where}")


def test_skipped_fields_are_logged_by_their_paths(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {"content": "YQ==", "features": [{"languages": ["ru"]}]}
    connection.request("POST", PATH, json.dumps({"analyzeSpecs": [spec], "a\nb": 1}))
    request_id = connection.getresponse().headers["x-request-id"]
    [record] = [record for record in caplog.records if record.name.startswith("vision_grpc.local.faces")]
    assert record.getMessage() == (
        f"request {request_id}: skipped analyzeSpecs[0].features[0].languages, 'a\\nb', "
        "which the contract does not have"
    )
    caplog.clear()
    connection = http.client.HTTPConnection(connection.host, connection.port)
    connection.request("POST", PATH, json.dumps({f"x{number}" * 1000: 1 for number in range(1000)}))
    connection.getresponse().read()
    connection.close()
    [record] = [record for record in caplog.records if record.name.startswith("vision_grpc.local.faces")]
    assert " and 992 more, which" in record.getMessage()
    assert len(record.getMessage()) < 600


@pytest.mark.parametrize(
    ("wire", "size"),
    [(b"\xff\xff\xff", "3"), (b"\x0a\x05ab", "4"), (b"\x12\x02\xff\xff" * 1000, "4,000"), (b"\x00", "1")],
)
@pytest.mark.parametrize("method", [f"/{SERVICE}/BatchAnalyze", "/yandex.cloud.iam.v1.IamTokenService/Create"])
def test_bytes_that_are_no_protobuf_are_the_callers_fault(method: str, wire: bytes, size: str) -> None:
    with LocalVision(identities=Identities()) as vision, grpc.insecure_channel(vision.grpc_endpoint) as channel:
        call: Any = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(wire)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details() == f"the {size} bytes are not a valid protobuf message of {method}"
    metadata = dict(error.trailing_metadata())
    [info] = Status.FromString(metadata["grpc-status-details-bin"]).details
    unpacked = RequestInfo()
    assert info.Unpack(unpacked)
    assert unpacked.request_id == metadata["x-request-id"]


def test_a_method_that_does_not_exist_is_unimplemented(channel: grpc.Channel) -> None:
    call: Any = channel.unary_unary(f"/{SERVICE}/Analyze")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff")
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_original_field_names_are_taken(connection: http.client.HTTPConnection) -> None:
    body = {"analyze_specs": [{"content": "YQ==", "features": [{"type": 1}]}]}
    connection.request("POST", PATH, json.dumps(body))
    (result,) = json.loads(connection.getresponse().read())["results"]
    assert result["error"]["code"] == Code.INVALID_ARGUMENT


@pytest.mark.parametrize("name", ["", SERVICE])
def test_health_is_told_of_the_server_and_of_the_service(channel: grpc.Channel, name: str) -> None:
    check = HealthStub(channel).Check  # type: ignore[attr-defined]
    answer = check(HealthCheckRequest(service=name))
    assert answer.status == HealthCheckResponse.SERVING


def reflect(channel: grpc.Channel, request: ServerReflectionRequest) -> ServerReflectionResponse:
    (answer,) = ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))  # type: ignore[operator]
    return answer  # type: ignore[no-any-return]


def test_reflection_describes_every_service_that_it_lists(channel: grpc.Channel) -> None:
    listed = reflect(channel, ServerReflectionRequest(list_services="")).list_services_response.service
    names = [service.name for service in listed]
    assert {SERVICE, "grpc.health.v1.Health"} < set(names)
    for name in names:
        answer = reflect(channel, ServerReflectionRequest(file_containing_symbol=name))
        assert answer.file_descriptor_response.file_descriptor_proto, answer


def test_reflection_answers_by_the_name_of_its_first_version_too(channel: grpc.Channel) -> None:
    call: Any = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    request = ServerReflectionRequest(list_services="")
    (wire,) = call(iter([request.SerializeToString()]))
    assert ServerReflectionResponse.FromString(wire) == reflect(channel, request)


def test_buf_curl_reads_a_page_without_any_proto(
    vision: LocalVision, pages: dict[str, ScannedPage], tmp_path: Path
) -> None:
    """A foreign gRPC client, in Go, that learns the contract from reflection."""
    content = b64encode(pages["en_sans"].path.read_bytes()).decode()
    feature = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}
    request = tmp_path / "request.json"
    request.write_text(json.dumps({"analyzeSpecs": [{"content": content, "features": [feature]}]}))
    buf = shutil.which("buf", path=Path(sys.executable).parent)
    url = f"http://{vision.grpc_endpoint}/{SERVICE}/BatchAnalyze"
    command = [str(buf), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", f"@{request}", url]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=tmp_path).stdout)
    (page,) = answer["results"][0]["results"][0]["textDetection"]["pages"]
    words = [word["text"] for block in page["blocks"] for line in block["lines"] for word in line["words"]]
    assert words[:4] == ["The", "harbour", "was", "quiet"]


def test_with_a_certificate_both_faces_speak_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    for blob in own.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    own.private_key_pem.write_to_path(str(key))
    with LocalVision(tls_certificate=certificate, tls_key=key) as vision:
        roots = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        with grpc.secure_channel(vision.grpc_endpoint, roots) as channel:
            assert len(VisionServiceStub(channel).BatchAnalyze(QUICK).results) == 1
        address = urlsplit(vision.rest_endpoint)
        assert address.scheme == "https"
        context = ssl.create_default_context()
        authority.configure_trust(context)
        connection = http.client.HTTPSConnection(address.netloc, context=context)
        connection.request("POST", PATH, QUICK_JSON)
        assert connection.getresponse().status == 200
        connection.close()
