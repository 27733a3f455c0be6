from collections.abc import Iterator

import pytest
from images_in_bytes import png
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vision_grpc import VisionClient
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.otel import OpenTelemetryHook
from vision_grpc.testing import MemoryTransport


@pytest.fixture(scope="module")
def telemetry() -> Iterator[tuple[InMemorySpanExporter, InMemoryMetricReader]]:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracing)
    metering = MeterProvider([reader])
    metrics.set_meter_provider(metering)
    yield spans, reader
    tracing.shutdown()
    metering.shutdown()


def _answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    bad = AnalyzeResult(error=Status(code=3, message="no image"))
    return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs[1:]] + [bad])


def test_calls_are_spans_and_images_are_counted(
    telemetry: tuple[InMemorySpanExporter, InMemoryMetricReader],
) -> None:
    spans, reader = telemetry
    with VisionClient(transport=MemoryTransport(_answer), on_event=OpenTelemetryHook()) as client:
        assert len(list(client.analyze_many([png(number) for number in range(9)]))) == 9
    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == ["yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"] * 2
    assert [(span.attributes or {})["vision_grpc.images"] for span in finished] == [8, 1]
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    counts = {(point.attributes or {})["vision_grpc.ok"]: point.value for point in points["vision_grpc.images"]}
    assert counts == {True: 7, False: 2}
    assert sum(point.count for point in points["rpc.client.duration"]) == 2
