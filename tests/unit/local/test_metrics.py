"""The metrics of a service, as Prometheus reads them."""

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from unit.local.test_access_log import call, refused

from vision_grpc.errors import Code
from vision_grpc.local.calls.metrics import Metrics
from vision_grpc.local.calls.queue import Load
from vision_grpc.local.calls.quota import Quota
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.ocr.engine import RecognitionError
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.local.ocr_v1.operations import Usage
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeResponse,
    GetRecognitionRequest,
    RecognizeTextResponse,
    Status,
    TextAnnotation,
)

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Samples:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def answer(metrics: Metrics, reply: Reply) -> None:
    one = call(images=2)
    metrics.began(one)
    metrics.ended(one, reply)


def test_calls_images_and_bytes_are_counted() -> None:
    metrics = Metrics()
    bad = AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT))
    answer(metrics, Reply(message=BatchAnalyzeResponse(results=[AnalyzeResult(), bad])))
    answer(metrics, refused("no"))
    read_now = read(metrics)
    both = {"method": "BatchAnalyze", "transport": "rest"}
    assert read_now[key("vision_calls_total", **both, code="OK")] == 1
    assert read_now[key("vision_calls_total", **both, code="INVALID_ARGUMENT")] == 1
    assert read_now[key("vision_call_duration_seconds_count", **both)] == 2
    assert read_now[key("vision_request_bytes_total", **both)] == 2 * 1234
    assert read_now[key("vision_images_total", code="INVALID_ARGUMENT")] == 1
    assert read_now[key("vision_calls_in_flight")] == 0


def test_files_of_operations_are_counted_once_when_they_end() -> None:
    metrics = Metrics()
    metrics.operation_ended(Code.OK)
    fetched = call()
    fetched.request = GetRecognitionRequest(operation_id="a")
    for _ in range(2):
        metrics.began(fetched)
        metrics.ended(fetched, Reply(stream=[RecognizeTextResponse()]))
    metrics.watch_operations(lambda: Usage(1, 2, 300))
    told = read(metrics)
    assert told[key("vision_images_total", code="OK")] == 1
    assert [told[key("vision_operations", state=state)] for state in ("under way", "ended")] == [1, 2]
    assert told[key("vision_operation_bytes")] == 300


def test_a_call_is_in_flight_until_its_answer() -> None:
    metrics = Metrics()
    metrics.began(call())
    assert read(metrics)[key("vision_calls_in_flight")] == 1


def test_recognition_is_timed_whether_it_succeeds_or_not() -> None:
    metrics = Metrics()
    answers: dict[bytes, TextAnnotation | Exception] = {b"a": TextAnnotation(), b"b": RecognitionError("broken")}
    engine = metrics.timed(ScriptedEngine(answers.__getitem__))
    assert engine.open(b"a").complete
    assert engine.open(b"a").recognize(languages=[], model="", give_up=lambda: False) == TextAnnotation()
    with pytest.raises(RecognitionError):
        engine.open(b"b").recognize(languages=[], model="", give_up=lambda: False)
    assert read(metrics)[key("vision_recognition_seconds_count")] == 2


def test_what_waits_is_told_when_it_is_asked_for() -> None:
    metrics, loads = Metrics(), iter([Load(5, 2, 0.1)] * 3 + [Load(0, 1, 0.1, 7)] * 3)
    metrics.watch(lambda: next(loads), dict)
    for waiting, in_progress in ((5, 2), (0, 1)):
        told = read(metrics)
        assert told[key("vision_images_waiting")] == waiting
        assert told[key("vision_images_in_progress")] == in_progress
    assert told[key("vision_deferred_waiting")] == 7


def test_what_is_left_of_a_quota_is_told() -> None:
    now = 0.0
    metrics, quota = Metrics(), Quota(images_per_s=10, clock=lambda: now)
    metrics.watch(lambda: Load(0, 0, 0.0), quota.state)
    quota.take_images(8)
    told = read(metrics)
    assert told[key("vision_quota_left", unit="images")] == 2
    assert told[key("vision_quota_per_second", unit="images")] == 10
    assert key("vision_quota_left", unit="requests") not in told
    now = 0.5
    assert read(metrics)[key("vision_quota_left", unit="images")] == 7


def test_codes_of_faults_do_not_grow_the_metrics() -> None:
    metrics = Metrics()
    for code in range(100, 1100):
        results = [AnalyzeResult(error=Status(code=code))]
        answer(metrics, Reply(status=Status(code=code)))
        answer(metrics, Reply(message=BatchAnalyzeResponse(results=results)))
    assert len(read(metrics)) < 100


def test_services_of_one_process_count_apart_and_leave_its_registry_alone() -> None:
    before = prometheus_client.generate_latest()
    busy, idle = Metrics(), Metrics()
    answer(busy, refused("no"))
    assert not any(name == "vision_calls_total" for name, _ in read(idle))
    assert b"vision_" not in prometheus_client.generate_latest()
    assert before.count(b"\n") == prometheus_client.generate_latest().count(b"\n")


def test_names_follow_the_conventions() -> None:
    metrics = Metrics()
    answer(metrics, refused("no"))
    for family in text_string_to_metric_families(metrics.render().decode()):
        assert family.documentation
        assert not any(sample.name.endswith("_created") for sample in family.samples)
