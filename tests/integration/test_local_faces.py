"""What each face does beyond carrying the messages: health, reflection, TLS."""

import http.client
import json
import logging
import shutil
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
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from scanned_pages import ScannedPage

from vision_grpc.local import Identities, LocalVision
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
def channel(vision: LocalVision) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(vision.grpc_endpoint) as made:
        yield made


@pytest.mark.parametrize(
    ("wire", "size"),
    [(b"\xff\xff\xff", "3"), (b"\x0a\x05ab", "4"), (b"\x12\x02\xff\xff" * 1000, "4,000"), (b"\x00", "1")],
)
@pytest.mark.parametrize("method", [f"/{SERVICE}/BatchAnalyze", "/yandex.cloud.iam.v1.IamTokenService/Create"])
def test_bytes_that_are_no_protobuf_are_the_callers_fault(method: str, wire: bytes, size: str) -> None:
    identities = Identities()
    key = [("authorization", f"Api-Key {identities.api_key}")]
    with LocalVision(identities=identities) as vision, grpc.insecure_channel(vision.grpc_endpoint) as channel:
        call: Any = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(wire, metadata=key)
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


def test_reflection_has_the_names_that_fields_have_in_json(channel: grpc.Channel) -> None:
    answer = reflect(channel, ServerReflectionRequest(file_containing_symbol=SERVICE))
    files = map(FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto)
    messages = [message for file in files for message in file.message_type]
    for message in messages:
        assert all(field.json_name for field in message.field), message.name
    (result,) = [message for message in messages if message.name == "FeatureResult"]
    assert "textDetection" in {field.json_name for field in result.field}


def test_health_and_reflection_are_in_the_log_only_for_those_who_debug(
    channel: grpc.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "vision_grpc")
    health_check: Any = HealthStub(channel)
    health_check.Check(HealthCheckRequest())
    unknown: Any = channel.unary_unary("/a.B/C")
    with pytest.raises(grpc.RpcError):
        unknown(b"")
    told = [
        (record.levelname, record.getMessage()) for record in caplog.records if "request id=" in record.getMessage()
    ]
    (level, health), (other_level, other) = told
    assert (level, other_level) == ("DEBUG", "INFO")
    assert health.endswith(" transport=grpc method=/grpc.health.v1.Health/Check code=OK")
    assert other.endswith(" method=/a.B/C code=UNIMPLEMENTED")


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
