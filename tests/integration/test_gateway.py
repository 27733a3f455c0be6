"""The gateway before a local ocr/v1: callers of batchAnalyze, over gRPC and REST, and a backend that fails."""

import base64
import http.client
import io
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from command_line import cut_first_line
from images_in_bytes import png
from ocr_service import Stream, serve_ocr
from PIL import Image

from vision_grpc import VisionClient
from vision_grpc.auth import ApiKey
from vision_grpc.errors import Code, SettingError
from vision_grpc.gateway import Gateway
from vision_grpc.gateway.config import GatewayConfig
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.vision_server import VisionServer
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
    OcrTextAnnotation,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

WAIT_S = 60
PAGES = Path(__file__).parents[1] / "data/pages"
SECRET = "AQVNkeyofthecaller"  # noqa: S105 - nobody has it
_DRAWN = io.BytesIO()
Image.new("L", (40, 20), "white").save(_DRAWN, "PNG")
BLANK = _DRAWN.getvalue()
BROKEN = b"\xff\xd8\xff broken"


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as service:
        yield service


@pytest.fixture(scope="module")
def gateway(vision: LocalVision) -> Iterator[Gateway]:
    with Gateway(vision.grpc_endpoint, insecure=True) as service:
        yield service


def read_all(_: RecognizeTextRequest) -> Stream:
    annotation = OcrTextAnnotation(width=5, height=7, full_text="a\n")
    block = annotation.blocks.add()
    block.languages.add(language_code="ru")
    line = block.lines.add(text="a")
    line.words.add(text="a", entity_index=3)
    annotation.entities.add(name="number", text="12")
    return Stream([RecognizeTextResponse(text_annotation=annotation, page=0)])


def request_of(*contents: bytes, folder_id: str = "") -> BatchAnalyzeRequest:
    config = FeatureTextDetectionConfig(language_codes=["*"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    specs = [AnalyzeSpec(content=content, features=[feature]) for content in contents]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id=folder_id)


def call(
    gateway: Gateway, request: BatchAnalyzeRequest, *, timeout_s: float = WAIT_S, **metadata: str
) -> BatchAnalyzeResponse:
    sent = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(gateway.grpc_endpoint, options) as channel:
        stub = VisionServiceStub(channel)
        answer: BatchAnalyzeResponse = stub.BatchAnalyze(request, metadata=sent, timeout=timeout_s)
    return answer


def failure_of(
    gateway: Gateway, request: BatchAnalyzeRequest, *, timeout_s: float = WAIT_S, **metadata: str
) -> tuple[Code, str]:
    with pytest.raises(grpc.RpcError) as failed:
        call(gateway, request, timeout_s=timeout_s, **metadata)
    return Code[failed.value.code().name], failed.value.details() or ""


def ask(service: VisionServer, path: str, body: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(service.rest_endpoint).netloc, timeout=WAIT_S)
    connection.request("GET" if body is None else "POST", path, body)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, told


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_words_and_boxes_are_those_that_vision_v1_reads_itself(
    transport: str, vision: LocalVision, gateway: Gateway, tmp_path: Path
) -> None:
    pages = [cut_first_line(PAGES / f"{name}.png", tmp_path / f"{name}.png") for name in ("en_sans", "mixed_sans")]
    read: list[list[list[tuple[object, ...]]]] = []
    for service in (vision, gateway):
        endpoint = service.grpc_endpoint if transport == "grpc" else service.rest_endpoint
        with VisionClient(endpoint, insecure=True, api="vision/v1", transport=transport) as client:  # type: ignore[arg-type]
            results = client.analyze_many(pages, languages=["ru", "en"], ordered=True)
            read.append([[(word.text, tuple(word.box)) for word in result.words()] for result in results])
    direct, through = read
    assert direct[0]
    assert through == direct


def test_what_ocr_v1_knows_is_mapped_back_and_no_confidence_is_invented() -> None:
    with serve_ocr(read_all, "grpc") as backend, Gateway(backend.address, insecure=True) as gateway:
        [result] = call(gateway, request_of(png(1))).results
    [page] = result.results[0].text_detection.pages
    assert (page.width, page.height) == (5, 7)
    assert [(entity.name, entity.text) for entity in page.entities] == [("number", "12")]
    [word] = page.blocks[0].lines[0].words
    assert (word.text, word.entity_index, [each.language_code for each in word.languages]) == ("a", 3, ["ru"])
    assert (word.confidence, word.languages[0].confidence, page.blocks[0].lines[0].confidence) == (0, 0, 0)
    # Nothing that only our own client knows.
    copied = type(result)()
    copied.CopyFrom(result)
    copied.DiscardUnknownFields()
    assert copied.ByteSize() == result.ByteSize()


def test_over_rest_an_absent_confidence_is_not_there(gateway: Gateway) -> None:
    features = [{"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}]
    content = base64.b64encode((PAGES / "en_sans.png").read_bytes()).decode()
    body = json.dumps({"analyze_specs": [{"content": content, "features": features}]})
    _, told = ask(gateway, "/vision/v1/batchAnalyze", body)
    assert "NaN" not in told
    assert "confidence" not in told
    assert json.loads(told)["results"][0]["results"][0]["textDetection"]["pages"][0]["blocks"]


def test_an_image_that_fails_keeps_its_error_and_the_others_are_read(gateway: Gateway) -> None:
    scan = (PAGES / "en_sans.png").read_bytes()
    first, second, third = call(gateway, request_of(scan, BROKEN, b"%PDF-1.7")).results
    assert first.results[0].text_detection.pages
    assert (second.error.code, third.error.code) == (Code.INVALID_ARGUMENT, Code.INVALID_ARGUMENT)
    assert "damaged" in second.error.message


@pytest.mark.parametrize("backend_by", ["grpc", "rest"])
def test_the_caller_and_its_folder_are_passed_on_and_are_in_no_log(
    backend_by: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serve_ocr(read_all, backend_by) as backend:
        keeping = ServiceConfig(keep_calls=10)
        with Gateway(backend.address, insecure=True, transport=backend_by, config=keeping) as gateway:  # type: ignore[arg-type]
            authorization = f"Api-Key {SECRET}"
            request = request_of(png(1), folder_id="b1gcaller")
            call(gateway, request, authorization=authorization, x_data_logging_enabled="false")
            call(gateway, request_of(png(1)), authorization="Bearer t1.other")
            kept = "".join(ask(gateway, f"/_vision/{name}")[1] for name in ("requests", "state"))
            for row in json.loads(ask(gateway, "/_vision/requests")[1])["requests"]:
                kept += ask(gateway, f"/_vision/requests/{row['id']}")[1]
    first, second = backend.headers
    assert (first["authorization"], first["x-folder-id"]) == (f"Api-Key {SECRET}", "b1gcaller")
    assert first["x-data-logging-enabled"] == "false"
    assert second["authorization"] == "Bearer t1.other"
    assert "x-folder-id" not in second
    assert SECRET not in caplog.text + kept


def test_a_token_that_is_wrong_fails_the_call_after_one_call_of_the_backend() -> None:
    identities = Identities()
    with (
        LocalVision(identities=identities) as vision,
        Gateway(vision.grpc_endpoint, insecure=True, limits=GatewayConfig(calls_in_flight=1)) as gateway,
    ):
        code, told = failure_of(gateway, request_of(*[png(1)] * 8), authorization=f"Api-Key {SECRET}")
        assert code is Code.UNAUTHENTICATED
        assert "caller" in told
        assert SECRET not in told
        counted = [line for line in ask(vision, "/metrics")[1].splitlines() if "UNAUTHENTICATED" in line]
        assert [line.rpartition(" ")[2] for line in counted] == ["1.0"]
        right = call(gateway, request_of(png(1)), authorization=f"Api-Key {identities.api_key}")
        assert len(right.results) == 1
        assert failure_of(gateway, request_of(png(1)))[0] is Code.UNAUTHENTICATED


def test_a_caller_without_credentials_costs_the_public_service_no_call() -> None:
    with Gateway() as gateway:
        code, told = failure_of(gateway, request_of(png(1)))
    assert (code, told) == (Code.UNAUTHENTICATED, "the call has no authorization, which the gateway would pass on")


def test_with_its_own_credentials_callers_need_those_of_the_gateway() -> None:
    behind, before = Identities(), Identities()
    with (
        LocalVision(identities=behind) as vision,
        Gateway(vision.grpc_endpoint, insecure=True, credentials=ApiKey(behind.api_key), identities=before) as gateway,
    ):
        assert call(gateway, request_of(png(1)), authorization=f"Api-Key {before.api_key}").results
        assert failure_of(gateway, request_of(png(1)), authorization=f"Api-Key {behind.api_key}")[0] is (
            Code.UNAUTHENTICATED
        )


def test_credentials_of_the_gateway_that_are_refused_are_not_blamed_on_the_caller() -> None:
    with (
        LocalVision(identities=Identities()) as vision,
        Gateway(vision.grpc_endpoint, insecure=True, credentials=ApiKey(SECRET)) as gateway,
    ):
        code, told = failure_of(gateway, request_of(png(1)))
    assert code is Code.UNAUTHENTICATED
    assert "cannot be called as the gateway itself" in told
    assert SECRET not in told


def test_a_backend_that_starts_anew_is_found_again() -> None:
    with LocalVision() as vision:
        port = int(vision.grpc_endpoint.rpartition(":")[2])
        with Gateway(vision.grpc_endpoint, insecure=True) as gateway:
            assert call(gateway, request_of(png(1))).results
            with ThreadPoolExecutor(1) as caller:
                vision.close(grace_s=0)
                answer = caller.submit(call, gateway, request_of(png(1)))
                with LocalVision(port=port):
                    assert answer.result().results


@pytest.mark.parametrize("credentials", [None, ApiKey(SECRET)])
def test_secrets_are_not_sent_to_another_machine_in_plaintext(credentials: ApiKey | None) -> None:
    with pytest.raises(SettingError, match="plaintext"):
        Gateway("ocr.example:80", insecure=True, credentials=credentials)


def test_a_backend_that_is_away_is_named_and_readiness_tells() -> None:
    with LocalVision() as vision:
        gone = vision.grpc_endpoint
    with Gateway(gone, insecure=True) as gateway:
        code, told = failure_of(gateway, request_of(png(1)), timeout_s=8)
        assert code is Code.UNAVAILABLE
        assert f"ocr/v1 at {gone} is not reached" in told
        status, told = ask(gateway, "/readyz")
        assert status == 503
        assert gone in told
        assert ask(gateway, "/livez")[0] == 200


def test_readiness_asks_the_backend_itself(vision: LocalVision) -> None:
    with Gateway(vision.grpc_endpoint, insecure=True) as gateway:
        states = [ask(gateway, "/readyz")]
        until = threading.Event()
        while states[-1][0] != 200 and len(states) < 600:
            until.wait(0.05)
            states.append(ask(gateway, "/readyz"))
    assert states[0][0] == 503
    assert states[-1] == (200, "ok\n")


def test_what_the_backend_refuses_for_its_quota_reaches_the_caller_with_the_wait() -> None:
    with LocalVision() as vision, Gateway(vision.grpc_endpoint, insecure=True) as gateway:
        vision.faults.put("code=RESOURCE_EXHAUSTED; retry_after=30")
        with pytest.raises(grpc.RpcError) as failed:
            call(gateway, request_of(png(1), png(1)), timeout_s=6)
        assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "RetryInfo" in str(failed.value.trailing_metadata())


def test_a_failure_that_passes_is_not_seen() -> None:
    with LocalVision() as vision, Gateway(vision.grpc_endpoint, insecure=True) as gateway:
        vision.faults.put("code=UNAVAILABLE; times=1")
        assert call(gateway, request_of(png(1))).results


def test_a_caller_that_leaves_ends_its_calls_of_the_backend() -> None:
    begun, ended = threading.Event(), threading.Event()
    asked: list[int] = []

    def hang(_: RecognizeTextRequest) -> Stream:
        asked.append(1)
        begun.set()
        ended.wait(WAIT_S)
        return Stream()

    limits = GatewayConfig(calls_in_flight=2)
    with serve_ocr(hang, "grpc") as backend, Gateway(backend.address, insecure=True, limits=limits) as gateway:
        with grpc.insecure_channel(gateway.grpc_endpoint) as channel:
            future = VisionServiceStub(channel).BatchAnalyze.future(request_of(*[png(1)] * 8), timeout=WAIT_S)
            assert begun.wait(WAIT_S)
            future.cancel()
            # The place of a call that has left is free for the next.
            ended.set()
            backend.script = read_all
            assert call(gateway, request_of(png(1))).results
        assert len(asked) <= 2


def test_a_slow_backend_leaves_the_caller_its_deadline() -> None:
    release = threading.Event()

    def slow(_: RecognizeTextRequest) -> Stream:
        release.wait(WAIT_S)
        return Stream()

    with serve_ocr(slow, "grpc") as backend, Gateway(backend.address, insecure=True) as gateway:
        code, _ = failure_of(gateway, request_of(png(1)), timeout_s=1)
        release.set()
    assert code is Code.DEADLINE_EXCEEDED


def test_what_was_read_in_time_is_not_lost_to_an_image_that_was_not() -> None:
    release = threading.Event()

    def slow(request: RecognizeTextRequest) -> Stream:
        if request.content == png(2):
            release.wait(WAIT_S)
        return read_all(request)

    with serve_ocr(slow, "grpc") as backend, Gateway(backend.address, insecure=True) as gateway:
        first, second = call(gateway, request_of(png(1), png(2)), timeout_s=5).results
        release.set()
    assert first.results[0].text_detection.pages
    assert second.results[0].error.code == Code.DEADLINE_EXCEEDED


def test_the_quota_of_the_backend_is_kept_by_all_callers_together() -> None:
    with LocalVision(config=ServiceConfig(requests_per_s=20)) as vision:
        limits = GatewayConfig(requests_per_s=20)
        with Gateway(vision.grpc_endpoint, insecure=True, limits=limits) as gateway, ThreadPoolExecutor(5) as callers:
            answers = list(callers.map(lambda _: call(gateway, request_of(*[png(1)] * 4)), range(5)))
        assert sum(len(answer.results) for answer in answers) == 20
        assert "RESOURCE_EXHAUSTED" not in ask(vision, "/metrics")[1]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_operations_are_waited_for_as_the_caller(transport: str) -> None:
    identities = Identities()
    limits = GatewayConfig(deferred=True)
    with LocalVision(identities=identities) as vision:
        endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
        with Gateway(endpoint, insecure=True, transport=transport, limits=limits) as gateway:  # type: ignore[arg-type]
            key = f"Api-Key {identities.api_key}"
            request = request_of(BLANK, BROKEN, folder_id="b1g")
            first, second = call(gateway, request, authorization=key).results
            code, _ = failure_of(gateway, request_of(png(1)), authorization=f"Api-Key {SECRET}")
        metrics = ask(vision, "/metrics")[1]
    assert first.results[0].text_detection.pages
    assert second.error.code == Code.INVALID_ARGUMENT
    assert code is Code.UNAUTHENTICATED
    assert "GetRecognition" in metrics


def test_the_end_of_the_gateway_ends_its_calls() -> None:
    begun, release = threading.Event(), threading.Event()

    def hang(_: RecognizeTextRequest) -> Stream:
        begun.set()
        release.wait(WAIT_S)
        return Stream()

    with serve_ocr(hang, "grpc") as backend:
        gateway = Gateway(backend.address, insecure=True)
        with grpc.insecure_channel(gateway.grpc_endpoint) as channel:
            future = VisionServiceStub(channel).BatchAnalyze.future(request_of(png(1)), timeout=WAIT_S)
            assert begun.wait(WAIT_S)
            gateway.close(grace_s=0)
            release.set()
            assert future.code() is grpc.StatusCode.UNAVAILABLE


def test_a_request_that_breaks_the_contract_is_refused(gateway: Gateway) -> None:
    code, told = failure_of(gateway, request_of(*[png(1)] * 9))
    assert code is Code.INVALID_ARGUMENT
    assert "analyze_specs" in told


def test_nothing_goes_wrong_on_command(gateway: Gateway) -> None:
    assert ask(gateway, "/_vision/faults")[0] == 404
    status, told = ask(gateway, "/ocr/v1/recognizeText")
    assert status == 404
    assert json.loads(told)["message"] == "Not Found: this service takes POST /vision/v1/batchAnalyze"
