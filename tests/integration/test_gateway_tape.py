"""A gateway with a tape: whoever is killed, leaves or asks at the same time, each image reaches the service once."""

import http.client
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
import pytest
from command_line import read_line, start
from counted_ocr import CountedOcr
from images_in_bytes import number_in, png
from ocr_service import Stream, answer

from vision_grpc import Image, ImageResult, RetryPolicy, VisionClient
from vision_grpc.auth import Anonymous
from vision_grpc.errors import Code, ServiceError, SettingError
from vision_grpc.gateway import Gateway
from vision_grpc.gateway.backend import Backend
from vision_grpc.gateway.call_tape import CallTape
from vision_grpc.gateway.config import GatewayConfig
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    RecognizeTextRequest,
)
from vision_grpc.tape import Tape
from vision_grpc.testing import without_backoff
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

WAIT_S = 60
_WORKER = """
import sys
from images_in_bytes import png
from vision_grpc import Image, VisionClient

endpoint, transport, count = sys.argv[1:]
with VisionClient(endpoint, insecure=True, api="vision/v1", transport=transport) as client:
    for result in client.analyze_many(Image(str(number), png(number)) for number in range(int(count))):
        print(result.key, flush=True)
"""


def gateway_before(service: CountedOcr, folder: Path, *, transport: str = "grpc", **limits: object) -> Gateway:
    return Gateway(
        service.address,
        credentials=Anonymous(),
        insecure=True,
        transport=transport,  # type: ignore[arg-type]
        cache=folder / "tape",
        limits=GatewayConfig(**limits),  # type: ignore[arg-type]
    )


def start_worker(endpoint: str, transport: str, images: int) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _WORKER, endpoint, transport, str(images)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environ)


def read_images(endpoint: str, numbers: Sequence[int], transport: str = "grpc") -> list[ImageResult]:
    images = [Image(str(number), png(number)) for number in numbers]
    settings = {"insecure": True, "api": "vision/v1", "transport": transport, "retry": RetryPolicy(attempts=1)}
    with VisionClient(endpoint, **settings) as client:  # type: ignore[arg-type]
        return [*client.analyze_many(images, ordered=True)]


def texts_of(results: Sequence[ImageResult]) -> list[str]:
    assert [result.error for result in results if not result.ok] == []
    return [result.text for result in results]


def texts_for(numbers: Sequence[int]) -> list[str]:
    return [f"number {number}" for number in numbers]


def request_of(*numbers: int, models: Sequence[str] = ("page",)) -> BatchAnalyzeRequest:
    configs = [FeatureTextDetectionConfig(language_codes=["*"], model=model) for model in models]
    features = [Feature(type=Feature.TEXT_DETECTION, text_detection_config=config) for config in configs]
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=png(each), features=features) for each in numbers])


class Callers:
    """Raw calls of one program, which can be left."""

    def __init__(self, endpoint: str) -> None:
        self._channel = grpc.insecure_channel(endpoint, [("grpc.enable_retries", 0)])
        self._stub = VisionServiceStub(self._channel)

    def begin(self, *numbers: int, timeout_s: float | None = WAIT_S, models: Sequence[str] = ("page",)) -> Any:  # noqa: ANN401 - a call and a future
        return self._stub.BatchAnalyze.future(request_of(*numbers, models=models), timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()


def ask(gateway: Gateway, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(gateway.rest_endpoint).netloc, timeout=WAIT_S)
    connection.request("GET", path)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, told


def not_sent(gateway: Gateway) -> dict[str, float]:
    lines = [line for line in ask(gateway, "/metrics")[1].splitlines() if line.startswith("vision_images_not_sent_")]
    return {line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


def awaited(gateway: Any) -> int:  # noqa: ANN401 - no public name says it
    """Return how many images callers wait for."""
    return sum(len(visit.reading.missing) for visit in gateway._service._keeper._visits)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until something is so, of which nothing tells."""
    pause = threading.Event()
    for _ in range(400):
        if is_so():
            return
        pause.wait(0.05)
    pytest.fail("it did not come to be so")


@pytest.mark.parametrize(
    ("face", "backend", "deferred"),
    [("grpc", "grpc", False), ("rest", "rest", False), ("grpc", "rest", True), ("rest", "grpc", True)],
)
def test_a_killed_worker_is_billed_nothing_twice(face: str, backend: str, deferred: bool, tmp_path: Path) -> None:  # noqa: FBT001
    images = range(40)
    service = CountedOcr()
    service.hold_after(10)
    with (
        without_backoff(),  # Operations are asked about again at once.
        service.serving(backend),
        gateway_before(service, tmp_path, transport=backend, deferred=deferred) as gateway,
    ):
        endpoint = gateway.grpc_endpoint if face == "grpc" else gateway.rest_endpoint
        with start_worker(endpoint, face, len(images)) as worker:
            assert service.is_holding.wait(WAIT_S)
            worker.kill()
        service.let_go()
        assert texts_of(read_images(endpoint, images, face)) == texts_for(images)
        assert texts_of(read_images(endpoint, images, face)) == texts_for(images)
    assert service.times == dict.fromkeys(images, 1)


def test_two_workers_that_ask_for_the_same_are_billed_once(tmp_path: Path) -> None:
    images = range(40)
    service = CountedOcr()
    with service.serving(), gateway_before(service, tmp_path) as gateway, ThreadPoolExecutor(2) as workers:
        endpoints = (gateway.grpc_endpoint, gateway.rest_endpoint)
        read = workers.map(read_images, endpoints, [images] * 2, ["grpc", "rest"])
        assert [*map(texts_of, read)] == [texts_for(images)] * 2
        saved = not_sent(gateway)
    assert service.times == dict.fromkeys(images, 1)
    assert sum(saved.values()) == len(images)


def test_a_caller_that_leaves_spoils_nothing_for_others(tmp_path: Path) -> None:
    service = CountedOcr()
    service.hold_after(0)
    with service.serving(), gateway_before(service, tmp_path, calls_in_flight=1) as gateway:
        with Callers(gateway.grpc_endpoint) as first, Callers(gateway.grpc_endpoint) as second:
            # Number 1 is under way, 2 and 3 wait for their turns.
            left = first.begin(1, 2, 3)
            assert service.is_holding.wait(WAIT_S)
            stays = second.begin(1, 2)
            wait_until(lambda: awaited(gateway) == 5)
            left.cancel()
            wait_until(lambda: awaited(gateway) == 2)
            service.let_go()
            assert [result.error.code for result in stays.result().results] == [0, 0]
        assert not_sent(gateway) == {"under_way": 1}
    assert service.times == {1: 1, 2: 1}


def test_who_asks_again_after_its_deadline_is_answered_from_the_tape(tmp_path: Path) -> None:
    service = CountedOcr()
    service.hold_after(0)
    with service.serving(), gateway_before(service, tmp_path) as gateway, Callers(gateway.grpc_endpoint) as caller:
        assert caller.begin(1, timeout_s=0.3).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert service.is_holding.wait(WAIT_S)
        service.let_go()
        wait_until(lambda: any((tmp_path / "tape").glob("*/*")))
        assert caller.begin(1).result().results[0].results[0].text_detection.pages
        assert sum(not_sent(gateway).values()) == 1
    assert service.times == {1: 1}


def test_a_caller_is_told_that_its_answer_will_be_on_the_tape(tmp_path: Path) -> None:
    service = CountedOcr()
    service.hold_after(1)
    with (
        service.serving(),
        gateway_before(service, tmp_path, answer_s=0.5) as gateway,
        Callers(gateway.grpc_endpoint) as caller,
    ):
        results = caller.begin(1, 2, timeout_s=None).result().results
    [failed] = [each.results[0].error for each in results if each.results[0].HasField("error")]
    assert failed.code == Code.DEADLINE_EXCEEDED
    assert "kept on the tape: call again" in failed.message


def test_an_image_that_cannot_be_read_is_asked_about_once_at_a_time_and_not_kept(tmp_path: Path) -> None:
    def fail(request: RecognizeTextRequest) -> Stream:
        return Stream(error=ServiceError(Code.INVALID_ARGUMENT, f"no image {number_in(request.content)}"))

    service = CountedOcr()
    service.hold_after(0)
    service.script = fail
    with service.serving(), gateway_before(service, tmp_path) as gateway, Callers(gateway.grpc_endpoint) as caller:
        calls = [caller.begin(1), caller.begin(1)]
        wait_until(lambda: awaited(gateway) == 2)
        service.let_go()
        for call in calls:
            [result] = call.result().results
            assert (result.error.code, "no image 1" in result.error.message) == (Code.INVALID_ARGUMENT, True)
        service.script = answer
        assert caller.begin(1).result().results[0].results[0].text_detection.pages
    assert service.times == {1: 2}


def test_who_waits_for_a_call_that_fails_makes_an_attempt_of_its_own(tmp_path: Path) -> None:
    failures = [ServiceError(Code.INTERNAL, "a bug")] * RetryPolicy().attempts

    def fail(request: RecognizeTextRequest) -> Stream:
        return Stream(error=failures.pop()) if failures else answer(request)

    service = CountedOcr()
    service.hold_after(0)
    service.script = fail
    with (
        without_backoff(),
        service.serving(),
        gateway_before(service, tmp_path) as gateway,
        Callers(gateway.grpc_endpoint) as caller,
    ):
        fails = caller.begin(1)
        assert service.is_holding.wait(WAIT_S)
        waits = caller.begin(1)
        wait_until(lambda: awaited(gateway) == 2)
        service.let_go()
        assert fails.result().results[0].results[0].error.code == Code.INTERNAL
        assert waits.result().results[0].results[0].text_detection.pages


def test_features_of_an_image_are_kept_each(tmp_path: Path) -> None:
    service = CountedOcr()
    with service.serving(), gateway_before(service, tmp_path) as gateway, Callers(gateway.grpc_endpoint) as caller:
        for models in (("page", "line", ""), ("line",), ("",)):
            [result] = caller.begin(1, models=models).result().results
            assert [len(part.text_detection.pages) for part in result.results] == [1] * len(models)
        # The service's default is the model page.
        assert not_sent(gateway) == {"under_way": 1, "tape": 2}
    assert service.times == {1: 2}


def test_with_the_mode_none_nothing_is_sent(tmp_path: Path) -> None:
    service = CountedOcr()
    with service.serving():
        with gateway_before(service, tmp_path) as gateway:
            read_images(gateway.grpc_endpoint, [1])
        before = len(service.times)
        tape = Tape(tmp_path / "tape", mode="none")
        with Gateway("ocr.example:443", credentials=Anonymous(), cache=tape) as gateway:
            found, missing = read_images(gateway.grpc_endpoint, [1, 2])
            assert ask(gateway, "/readyz")[0] == 200
    assert (before, texts_of([found])) == (1, ["number 1"])
    assert missing.error is not None
    assert (missing.error.code, "not on the tape" in missing.error.message) == (Code.NOT_FOUND, True)


def test_with_the_mode_all_everything_is_recorded_anew(tmp_path: Path) -> None:
    service = CountedOcr()
    tape = Tape(tmp_path / "tape", mode="all")
    with service.serving():
        settings = {"credentials": Anonymous(), "insecure": True, "cache": tape}
        with Gateway(service.address, **settings) as gateway:  # type: ignore[arg-type]
            for _ in range(2):
                assert texts_of(read_images(gateway.grpc_endpoint, [1])) == ["number 1"]
    assert service.times == {1: 2}


def test_a_tape_that_cannot_be_used_fails_nothing_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tape").write_text("a file")
    service = CountedOcr()
    with service.serving(), gateway_before(service, tmp_path) as gateway:
        for _ in range(2):
            assert texts_of(read_images(gateway.grpc_endpoint, [1, 2])) == ["number 1", "number 2"]
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING and "tape" in each.getMessage()]
    assert len(warnings) == 1
    assert service.times == {1: 2, 2: 2}


def test_a_bug_of_the_tape_ends_one_call_and_holds_no_image_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_once(backend: Backend, until: float) -> CallTape:
        monkeypatch.setattr(Backend, "call_tape", call_tape)
        del backend, until
        raise ZeroDivisionError

    call_tape = Backend.call_tape
    monkeypatch.setattr(Backend, "call_tape", break_once)
    service = CountedOcr()
    with service.serving(), gateway_before(service, tmp_path) as gateway:
        with Callers(gateway.grpc_endpoint) as caller:
            assert caller.begin(1).code() is grpc.StatusCode.INTERNAL
        assert texts_of(read_images(gateway.grpc_endpoint, [1])) == ["number 1"]


def test_a_tape_is_for_a_gateway_that_calls_as_itself(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="let the gateway call as itself by credentials"):
        Gateway(cache=tmp_path / "tape")


def serve_gateway(service: CountedOcr, folder: Path) -> "tuple[subprocess.Popen[bytes], str]":
    options = ("--backend", "ocr/v1", "--backend-endpoint", service.address, "--backend-insecure", "--backend-calls", 4)
    kept = ("--backend-credentials", "own", "--backend-cache", folder / "tape")
    process = start("serve", *options, *kept, variables={"YC_API_KEY": "AQVNkeyofthegateway"})
    return process, json.loads(read_line(process))["grpc_endpoint"]


def test_a_gateway_that_is_killed_loses_what_it_had_under_way_and_one_that_is_ended_loses_nothing(
    tmp_path: Path,
) -> None:
    images = range(40)
    service = CountedOcr()
    with service.serving():
        for ending, holds_after in (("kill", 8), ("terminate", 16)):
            service.hold_after(holds_after)
            process, endpoint = serve_gateway(service, tmp_path)
            with Callers(endpoint) as caller:
                calls = [caller.begin(*images[first : first + 8]) for first in range(0, len(images), 8)]
                assert service.is_holding.wait(WAIT_S)
                getattr(process, ending)()
                service.let_go()
                said = process.communicate(timeout=WAIT_S)[1].decode()
                assert {call.code() for call in calls} <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        with gateway_before(service, tmp_path) as gateway:
            assert texts_of(read_images(gateway.grpc_endpoint, images)) == texts_for(images)
    assert "Traceback" not in said
    assert len(service.times) == len(images)
    assert service.times.total() <= len(images) + 4
