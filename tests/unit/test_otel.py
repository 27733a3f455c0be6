import asyncio
import contextvars
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from drivers import AsyncDriver, Driver, SyncDriver
from images_in_bytes import png
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from scripted_service import answer

from vision_grpc import AsyncVisionClient, RetryPolicy, VisionClient
from vision_grpc.errors import Code, ServiceError
from vision_grpc.events import (
    CallEnded,
    CallStarted,
    OperationAccepted,
    OperationEnded,
    OperationPolled,
    QuotaLearned,
    QuotaSwitched,
)
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.otel import OpenTelemetryHook
from vision_grpc.testing import AsyncMemoryTransport, Handler, MemoryTransport, without_backoff

_METHOD = "yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"

pytestmark = pytest.mark.usefixtures("patient_sources")


class _Telemetry(NamedTuple):
    hook: OpenTelemetryHook
    tracing: TracerProvider
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """Spans that have ended."""
        return list(self.exporter.get_finished_spans())

    def metric(self, name: str) -> Any:  # noqa: ANN401
        """Return a metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return next(metric for scope in scopes for metric in scope.metrics if metric.name == name)

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        return list(self.metric(name).data.data_points)

    @property
    def images(self) -> dict[tuple[bool, str | None], int]:
        """The images by whether they succeeded, and by their error."""
        points = self.points("vision_grpc.images")
        return {
            (point.attributes["vision_grpc.ok"], point.attributes.get("error.type")): point.value for point in points
        }


@pytest.fixture
def telemetry() -> Iterator[_Telemetry]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing, metering = TracerProvider(), MeterProvider([reader])
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    yield _Telemetry(OpenTelemetryHook(tracer_provider=tracing, meter_provider=metering), tracing, exporter, reader)
    tracing.shutdown()
    metering.shutdown()


@pytest.fixture(params=["sync", "asyncio"])
def connect(request: pytest.FixtureRequest, telemetry: _Telemetry) -> Callable[[Handler], Driver]:
    def connect(handler: Handler) -> Driver:
        options = {"on_event": telemetry.hook, "retry": RetryPolicy(attempts=2, initial_backoff_s=0.001)}
        if request.param == "sync":
            return SyncDriver({"transport": MemoryTransport(handler), **options})
        return AsyncDriver({"transport": AsyncMemoryTransport(handler), **options})

    return connect


def _one_bad(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    bad = AnalyzeResult(error=Status(code=3, message="no image"))
    return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs[1:]] + [bad])


def test_calls_are_spans_and_images_are_counted(connect: Callable[[Handler], Driver], telemetry: _Telemetry) -> None:
    images = [png(number) for number in range(9)]
    assert len(connect(_one_bad).collect(images)) == 9
    spans = telemetry.spans
    assert [span.name for span in spans] == [_METHOD] * 2
    assert [span.kind for span in spans] == [SpanKind.CLIENT] * 2
    assert [span.status.status_code for span in spans] == [StatusCode.UNSET] * 2
    assert [dict(span.attributes or {}) for span in spans] == [
        {
            "rpc.system.name": "grpc",
            "rpc.method": _METHOD,
            "rpc.status_code": "OK",
            "vision_grpc.images": len(batch),
            "vision_grpc.content_bytes": sum(map(len, batch)),
            "vision_grpc.attempt": 1,
            "vision_grpc.transport": "memory",
            "vision_grpc.request_id": request_id,
        }
        for batch, request_id in [(images[:8], "memory-1"), (images[8:], "memory-2")]
    ]
    assert [list(span.links) for span in spans] == [[], []]
    assert telemetry.images == {(True, None): 7, (False, "INVALID_ARGUMENT"): 2}


def test_durations_are_seconds_in_the_buckets_of_the_conventions(
    connect: Callable[[Handler], Driver], telemetry: _Telemetry
) -> None:
    connect(_one_bad).collect([png(number) for number in range(9)])
    metric = telemetry.metric("rpc.client.call.duration")
    assert metric.unit == "s"
    [point] = metric.data.data_points
    bounds = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert (point.count, tuple(point.explicit_bounds)) == (2, bounds)
    assert point.attributes == {"rpc.system.name": "grpc", "rpc.method": _METHOD, "rpc.status_code": "OK"}
    assert point.sum < 5
    # The span is an exemplar's.
    assert {exemplar.trace_id for exemplar in point.exemplars} <= {span.context.trace_id for span in telemetry.spans}


def test_failures_and_retries_are_reported(connect: Callable[[Handler], Driver], telemetry: _Telemetry) -> None:
    def busy(_: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        raise ServiceError(Code.INTERNAL, "busy", request_id="r-1")

    connect(busy).collect([png(1), png(2)])
    first, second = telemetry.spans
    for number, span in enumerate([first, second], 1):
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "busy")
        attributes = dict(span.attributes or {})
        assert attributes["vision_grpc.attempt"] == number
        assert attributes["vision_grpc.request_id"] == "r-1"
        assert attributes["rpc.status_code"] == attributes["error.type"] == "INTERNAL"
        assert attributes["vision_grpc.may_be_billed"] is False
    assert list(first.links) == []
    assert [link.context for link in second.links] == [first.context]
    [retries] = telemetry.points("vision_grpc.retries")
    assert (retries.value, retries.attributes) == (2, {"error.type": "INTERNAL"})
    assert telemetry.images == {(True, None): 0, (False, "INTERNAL"): 2}
    [duration] = telemetry.points("rpc.client.call.duration")
    assert duration.attributes["error.type"] == "INTERNAL"


def test_a_rate_that_was_learned_is_a_gauge(telemetry: _Telemetry) -> None:
    for per_s in (8.5, 2.0):
        telemetry.hook(QuotaLearned(per_s))
    metric = telemetry.metric("vision_grpc.learned_quota")
    [point] = metric.data.data_points
    assert (metric.unit, point.value, point.attributes) == ("{request}/s", 2.0, {})


def test_clients_that_go_on_alone_are_counted(telemetry: _Telemetry) -> None:
    values: list[int] = []
    for is_alone in (True, False):
        telemetry.hook(QuotaSwitched(is_alone, 2.0))
        [point] = telemetry.points("vision_grpc.quota_alone")
        values.append(point.value)
    assert values == [1, 0]


def test_images_of_a_good_answer_are_linked_to_their_next_attempt(telemetry: _Telemetry) -> None:
    numbers = iter([1])

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = answer(request)
        if next(numbers, None):
            response.results[1].CopyFrom(AnalyzeResult(error=Status(code=Code.UNAVAILABLE)))
        return response

    driver = SyncDriver({"transport": MemoryTransport(script), "on_event": telemetry.hook})
    with without_backoff():
        driver.collect([png(1), png(2), png(3)])
    first, second = telemetry.spans
    assert [link.context for link in second.links] == [first.context]
    assert [(span.attributes or {})["vision_grpc.images"] for span in (first, second)] == [3, 1]


# Whose child a call is


@pytest.mark.parametrize("kind", ["sync", "thread", "asyncio", "task"])
def test_a_call_is_below_the_span_in_which_its_stream_was_made(telemetry: _Telemetry, kind: str) -> None:
    """It may be read elsewhere, while another span is current or none."""
    tracer = telemetry.tracing.get_tracer("test")
    images = [png(number) for number in range(20)]
    options: dict[str, Any] = {"on_event": telemetry.hook}

    async def read(client: AsyncVisionClient) -> None:
        with tracer.start_as_current_span("made here"):
            stream = client.analyze_many(images)

        async def consume() -> None:
            with tracer.start_as_current_span("read here"):
                assert len([result async for result in stream]) == 20

        if kind == "task":
            await asyncio.create_task(consume(), context=contextvars.Context())
        else:
            await consume()
        await client.aclose()

    if kind in ("asyncio", "task"):
        asyncio.run(read(AsyncVisionClient(transport=AsyncMemoryTransport(answer), **options)))
    else:
        with VisionClient(transport=MemoryTransport(answer), **options) as client:
            with tracer.start_as_current_span("made here"):
                stream = client.analyze_many(images)

            def consume() -> None:
                with tracer.start_as_current_span("read here"):
                    assert len(list(stream)) == 20

            if kind == "thread":
                with ThreadPoolExecutor(1) as threads:
                    threads.submit(consume).result()
            else:
                consume()
    by_name: dict[str, list[ReadableSpan]] = {}
    for span in telemetry.spans:
        by_name.setdefault(span.name, []).append(span)
    [made] = by_name["made here"]
    assert [span.parent for span in by_name[_METHOD]] == [made.context] * 3
    assert [span.parent for span in by_name["read here"]] == [None]


def test_streams_at_once_have_each_their_own_parent(telemetry: _Telemetry) -> None:
    tracer = telemetry.tracing.get_tracer("test")
    with VisionClient(transport=MemoryTransport(answer), on_event=telemetry.hook) as client:
        streams = []
        for number in range(3):
            with tracer.start_as_current_span(f"stream {number}"):
                streams.append(client.analyze_many([png(number)] * (8 * (number + 1))))
        for stream in streams:
            next(stream)
        for stream in streams:
            list(stream)
    names = {span.context.span_id: span.name for span in telemetry.spans if span.context is not None}
    parents = Counter(names[span.parent.span_id] for span in telemetry.spans if span.parent is not None)
    assert parents == {"stream 0": 1, "stream 1": 2, "stream 2": 3}


def test_without_a_current_span_a_call_is_a_trace_of_its_own(
    connect: Callable[[Handler], Driver], telemetry: _Telemetry
) -> None:
    connect(answer).collect([png(1)])
    assert [span.parent for span in telemetry.spans] == [None]


def test_rest_in_place_of_grpc_is_told_at_the_end(telemetry: _Telemetry) -> None:
    hook = telemetry.hook
    hook(CallStarted(1, 1, 10, 1, ("#0",), _METHOD, "vision.example", 443))
    hook(CallEnded(1, 1, 0.5, "rest", "id", Code.OK, ""))
    [span] = telemetry.spans
    assert (span.attributes or {})["rpc.system.name"] == "http_json"
    [point] = telemetry.points("rpc.client.call.duration")
    assert (point.sum, point.attributes["rpc.system.name"]) == (0.5, "http_json")


def test_a_hook_of_two_clients_says_so(telemetry: _Telemetry) -> None:
    telemetry.hook(CallStarted(1, 1, 10, 1))
    with pytest.raises(ValueError, match="make one for each client"):
        telemetry.hook(CallStarted(1, 1, 10, 1))


def test_operations_are_counted_and_timed(telemetry: _Telemetry) -> None:
    telemetry.hook(OperationAccepted(1, "a.pdf", "op-1", 1_000))
    telemetry.hook(OperationEnded("a.pdf", "op-1", 40.0, 3, Code.OK, ""))
    telemetry.hook(OperationEnded("b.pdf", "op-2", 2.0, 1, Code.NOT_FOUND, "unknown"))
    [accepted] = telemetry.points("vision_grpc.operations")
    assert accepted.value == 1
    points = telemetry.points("vision_grpc.operation.duration")
    assert {(point.sum, point.attributes.get("error.type")) for point in points} == {(40.0, None), (2.0, "NOT_FOUND")}


def test_questions_about_operations_are_spans_of_the_time_they_took(telemetry: _Telemetry) -> None:
    method = "yandex.cloud.ai.ocr.v1.TextRecognitionAsyncService/GetRecognition"
    for code, is_pending in ((Code.NOT_FOUND, True), (Code.UNAVAILABLE, False), (Code.OK, False)):
        to = (method, "ocr.example", 443)
        telemetry.hook(OperationPolled(7, "a.pdf", "op-1", 2, is_pending, 0.25, "rest", "id-1", code, "said", *to))
    pending, failed, done = telemetry.spans
    assert dict(pending.attributes or {}) == {
        "rpc.system.name": "http_json",
        "rpc.method": method,
        "rpc.status_code": "NOT_FOUND",
        "server.address": "ocr.example",
        "server.port": 443,
        "vision_grpc.operation_id": "op-1",
        "vision_grpc.polls": 2,
        "vision_grpc.is_pending": True,
        "vision_grpc.transport": "rest",
        "vision_grpc.request_id": "id-1",
    }
    assert [span.kind for span in (pending, failed, done)] == [SpanKind.CLIENT] * 3
    assert [(span.end_time or 0) - (span.start_time or 0) for span in (pending, failed, done)] == [250_000_000] * 3
    assert [span.status.status_code for span in (pending, failed, done)] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    points = telemetry.points("rpc.client.call.duration")
    assert {(point.attributes["rpc.status_code"], point.attributes.get("error.type")) for point in points} == {
        ("NOT_FOUND", None),
        ("UNAVAILABLE", "UNAVAILABLE"),
        ("OK", None),
    }


def test_what_is_kept_of_ended_calls_is_bounded(telemetry: _Telemetry) -> None:
    for call_id in range(1, 3_000):
        telemetry.hook(CallStarted(call_id, 1, 10, 1, (), _METHOD))
        telemetry.hook(CallEnded(call_id, 1, 0.1, "grpc", None, Code.OK, ""))
    assert len(telemetry.hook._ended) == 1_024
    telemetry.hook(CallStarted(3_000, 1, 10, 2, (), _METHOD, previous_call_id=1))
    telemetry.hook(CallEnded(3_000, 1, 0.1, "grpc", None, Code.OK, ""))
    assert list(telemetry.spans[-1].links) == []


def test_the_spans_of_calls_that_are_abandoned_end(telemetry: _Telemetry) -> None:
    class Late(MemoryTransport):
        def start(self, *arguments: Any) -> Any:  # noqa: ANN401
            *others, on_done = arguments
            others.append(lambda: None)
            started.append(on_done)
            if len(started) == 2:
                started[0]()  # So that there is a result to stop after; the other call stays under way.
            return super().start(*others)

    started: list[Callable[[], None]] = []
    driver = SyncDriver({"transport": Late(answer), "on_event": telemetry.hook})
    driver.take(map(png, range(100)), 1)
    codes = [(span.attributes or {})["rpc.status_code"] for span in telemetry.spans]
    assert codes == ["OK", "CANCELLED"]
    assert (telemetry.spans[1].attributes or {})["vision_grpc.may_be_billed"] is True
