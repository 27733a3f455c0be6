"""A service that is over its quota or too busy, as our client meets it over both faces."""

import asyncio
import http.client
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import grpc
import pytest

from vision_grpc import AsyncVisionClient, ImageResult, Limits, RetryPolicy, VisionClient
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, Event, QuotaLearned, RetryScheduled
from vision_grpc.local import LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    Status,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

JPEG = b"\xff\xd8"
Transport = Literal["grpc", "rest"]
FEATURE = Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["en"]))
REQUEST = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=JPEG, features=[FEATURE])])
ENGINE = ScriptedEngine(lambda _: TextAnnotation())


def test_a_call_over_the_quota_is_refused_with_the_time_to_wait() -> None:
    with LocalVision(engine=ENGINE, config=ServiceConfig(requests_per_s=0.01)) as vision:
        with grpc.insecure_channel(vision.grpc_endpoint) as channel:
            stub = VisionServiceStub(channel)
            for test_id in "ab":
                stub.BatchAnalyze(REQUEST, metadata=(("x-test-id", test_id),), timeout=60)
            with pytest.raises(grpc.RpcError) as caught:
                stub.BatchAnalyze(REQUEST, metadata=(("x-test-id", "a"),), timeout=60)
        trailers: dict[str, bytes] = dict(caught.value.trailing_metadata())  # type: ignore[arg-type]
        status = Status.FromString(trailers["grpc-status-details-bin"])
        assert status.code == Code.RESOURCE_EXHAUSTED
        assert asked_wait_s(status.details) == pytest.approx(100, abs=1)
        connection = http.client.HTTPConnection(urlsplit(vision.rest_endpoint).netloc)
        connection.request("POST", "/vision/v1/batchAnalyze", to_json(REQUEST), headers={"x-test-id": "b"})
        with connection.getresponse() as answer:
            assert (answer.status, answer.getheader("retry-after")) == (429, "100")
            assert asked_wait_s(from_json(answer.read(), Status).details) == pytest.approx(100, abs=1)
        connection.close()


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_our_client_waits_as_it_is_told(transport: Transport) -> None:
    retries: list[Event] = []
    with (
        LocalVision(engine=ENGINE, config=ServiceConfig(images_per_s=16)) as vision,
        connect(vision, transport, retries.append) as client,
    ):
        results = list(client.analyze_many([JPEG] * 32, languages=["en"]))
    assert [result.error for result in results] == [None] * 32
    assert Code.RESOURCE_EXHAUSTED in codes_of(retries)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_our_client_learns_a_quota_that_it_was_not_told(kind: str, transport: Transport) -> None:
    events: list[Event] = []
    # The first eight calls, which leave at once, are too many.
    with LocalVision(engine=ENGINE, config=ServiceConfig(requests_per_s=5)) as vision:
        endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
        # Not one failed attempt is allowed: refusals for a quota are not counted.
        options: dict[str, Any] = {
            "transport": transport, "insecure": True, "retry": RetryPolicy(attempts=1), "on_event": events.append
        }  # fmt: skip
        if kind == "sync":
            with VisionClient(endpoint, **options) as client:
                results = list(client.analyze_many([JPEG] * 112, languages=["en"]))
                learned = client.stats().learned_requests_per_s
        else:
            results, learned = asyncio.run(_analyze(endpoint, options))
    assert [result.error for result in results] == [None] * 112
    calls = Counter(event.code for event in events if isinstance(event, CallEnded))
    assert calls[Code.OK] >= 14
    assert 1 <= calls[Code.RESOURCE_EXHAUSTED] <= calls[Code.OK]
    assert learned is not None
    assert any(isinstance(event, QuotaLearned) for event in events)


async def _analyze(endpoint: str, options: dict[str, Any]) -> tuple[list[ImageResult], float | None]:
    async with AsyncVisionClient(endpoint, **options) as client:
        results = [result async for result in client.analyze_many([JPEG] * 112, languages=["en"])]
        return results, client.stats().learned_requests_per_s


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_our_client_comes_again_to_a_busy_service(transport: Transport) -> None:
    go_on = threading.Event()

    def read(_: bytes) -> TextAnnotation:
        assert go_on.wait(60)
        return TextAnnotation()

    def note(event: Event) -> None:
        events.append(event)
        if isinstance(event, RetryScheduled):
            go_on.set()

    events: list[Event] = []
    with (
        LocalVision(engine=ScriptedEngine(read), config=ServiceConfig(threads=1, waiting_images=8)) as vision,
        connect(vision, transport, note) as client,
    ):
        results = list(client.analyze_many([JPEG] * 32, languages=["en"]))
    assert [result.error for result in results] == [None] * 32
    assert codes_of(events) == {Code.RESOURCE_EXHAUSTED}


def connect(vision: LocalVision, transport: Transport, on_event: Callable[[Event], None]) -> VisionClient:
    endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
    limits = Limits(calls_in_flight=4)
    return VisionClient(endpoint, transport=transport, insecure=True, limits=limits, on_event=on_event)


def codes_of(events: list[Event]) -> set[Code]:
    return {event.code for event in events if isinstance(event, RetryScheduled)}
