"""Many calls to both faces, and clients that leave: nothing is left of them."""

import gc
import http.client
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from vision_grpc.codec.json import to_json
from vision_grpc.local import LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

CONFIG = FeatureTextDetectionConfig(language_codes=["en"])
FEATURE = Feature(type=Feature.TEXT_DETECTION, text_detection_config=CONFIG)
SPEC = AnalyzeSpec(content=b"\xff\xd8" + bytes(20_000), features=[FEATURE])
REQUEST = BatchAnalyzeRequest(analyze_specs=[SPEC] * 8)
BODY = to_json(REQUEST)


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    config = ServiceConfig(keep_calls=10, keep_bytes=1_000_000, body_bytes=20_000_000)
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation()), config=config) as vision:
        yield vision


def call(vision: LocalVision, calls: int) -> None:
    """Call over new connections of both faces; then leave in the middle of calls."""
    address = urlsplit(vision.rest_endpoint).netloc
    connection = http.client.HTTPConnection(address)
    with grpc.insecure_channel(vision.grpc_endpoint, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = VisionServiceStub(channel)
        for _ in range(calls):
            stub.BatchAnalyze(REQUEST, timeout=60)
            connection.request("POST", "/vision/v1/batchAnalyze", BODY)
            assert connection.getresponse().read()
        stub.BatchAnalyze.future(REQUEST).cancel()
    connection.putrequest("POST", "/vision/v1/batchAnalyze")
    connection.putheader("content-length", str(len(BODY)))
    connection.endheaders(BODY[:1000])
    connection.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_many_calls_leave_no_memory_threads_or_descriptors(vision: LocalVision) -> None:
    call(vision, 40)
    gc.collect()
    before = (resident_bytes(), threading.active_count(), descriptors())
    for _ in range(6):
        call(vision, 20)
    # The service learns a moment later that a client has left.
    ends_at = time.monotonic() + 30
    while descriptors() > before[2] and time.monotonic() < ends_at:
        time.sleep(0.01)
    gc.collect()
    assert descriptors() <= before[2]
    assert threading.active_count() <= before[1]
    # Each turn sends 10 MB to each face.
    assert resident_bytes() - before[0] < 20_000_000
