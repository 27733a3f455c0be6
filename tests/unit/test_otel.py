from collections.abc import Callable, Iterator
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

from vision_grpc import RetryPolicy
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.otel import OpenTelemetryHook
from vision_grpc.testing import AsyncMemoryTransport, Handler, MemoryTransport

pytestmark = pytest.mark.usefixtures("patient_sources")


class _Telemetry(NamedTuple):
    hook: OpenTelemetryHook
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> list[ReadableSpan]:
        """Spans that have ended."""
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        return [
            point
            for scope in scopes
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def telemetry() -> Iterator[_Telemetry]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing, metering = TracerProvider(), MeterProvider([reader])
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    yield _Telemetry(OpenTelemetryHook(tracer_provider=tracing, meter_provider=metering), exporter, reader)
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
    assert [span.name for span in spans] == ["yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"] * 2
    assert [span.kind for span in spans] == [SpanKind.CLIENT] * 2
    assert [span.status.status_code for span in spans] == [StatusCode.UNSET] * 2
    assert [dict(span.attributes or {}) for span in spans] == [
        {
            "rpc.system": "grpc",
            "rpc.service": "yandex.cloud.ai.vision.v1.VisionService",
            "rpc.method": "BatchAnalyze",
            "rpc.grpc.status_code": 0,
            "vision_grpc.images": len(batch),
            "vision_grpc.content_bytes": sum(map(len, batch)),
            "vision_grpc.attempt": 1,
            "vision_grpc.transport": "memory",
            "vision_grpc.request_id": request_id,
        }
        for batch, request_id in [(images[:8], "memory-1"), (images[8:], "memory-2")]
    ]
    counts = {point.attributes["vision_grpc.ok"]: point.value for point in telemetry.points("vision_grpc.images")}
    assert counts == {True: 7, False: 2}
    [duration] = telemetry.points("rpc.client.duration")
    assert (duration.count, duration.attributes) == (2, {"rpc.grpc.status_code": 0})


def test_failures_and_retries_are_told(connect: Callable[[Handler], Driver], telemetry: _Telemetry) -> None:
    def busy(_: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        raise ServiceError(Code.INTERNAL, "busy", request_id="r-1")

    connect(busy).collect([png(1), png(2)])
    spans = telemetry.spans
    assert [(span.status.status_code, span.status.description) for span in spans] == [(StatusCode.ERROR, "busy")] * 2
    assert [(span.attributes or {})["vision_grpc.attempt"] for span in spans] == [1, 2]
    assert [(span.attributes or {})["vision_grpc.request_id"] for span in spans] == ["r-1"] * 2
    assert [(span.attributes or {})["rpc.grpc.status_code"] for span in spans] == [13] * 2
    [retries] = telemetry.points("vision_grpc.retries")
    assert (retries.value, retries.attributes) == (2, {"vision_grpc.code": "INTERNAL"})


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
    codes = [(span.attributes or {})["rpc.grpc.status_code"] for span in telemetry.spans]
    assert codes == [Code.OK, Code.CANCELLED]
