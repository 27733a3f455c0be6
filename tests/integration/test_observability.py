"""What is seen of a client from outside: the examples of docs/observability.md, and real services in spans."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from vision_grpc import Code, VisionClient
from vision_grpc.otel import OpenTelemetryHook
from vision_grpc.testing import FakeVision, blank_image

_DOCUMENT = (Path(__file__).parents[2] / "docs" / "observability.md").read_text()
_HOOK, _STDLIB, _STRUCTLOG, _OTEL = re.findall(r"```python\n(.*?)```", _DOCUMENT, re.DOTALL)
_VISION = "yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of the examples, and a service that reads one of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("scan", "damaged"):
        Path(f"{name}.png").write_bytes(blank_image(name))
    with FakeVision("Hello world") as vision, vision.environment():
        vision.fails(Code.INVALID_ARGUMENT, "no picture in it", of=Path("damaged.png"))
        yield


@pytest.fixture
def loggers() -> Iterator[None]:
    """Loggers as they were before."""
    logger = logging.getLogger("vision_grpc")
    handlers, level = [*logger.handlers], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    structlog.reset_defaults()


def run(example: str) -> None:
    exec(example, {"__name__": "example"})  # noqa: S102 - our own documentation


def lines_of(printed: str, logger: str) -> list[dict[str, Any]]:
    """Return the lines of JSON that a logger wrote."""
    return [line for line in map(json.loads, printed.splitlines()) if line["logger"] == logger]


@pytest.mark.usefixtures("images")
def test_the_hook_names_failed_images(capsys: pytest.CaptureFixture[str]) -> None:
    run(_HOOK)
    assert capsys.readouterr().out == "failed: damaged.png INVALID_ARGUMENT no picture in it\n"


@pytest.mark.usefixtures("images", "loggers")
@pytest.mark.parametrize("example", [_STDLIB, _STRUCTLOG], ids=["standard library", "structlog"])
def test_records_have_their_parts_as_fields(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(example)
    printed = capsys.readouterr().err
    [call] = lines_of(printed, "vision_grpc.calls")
    assert (call["vision_call_id"], call["vision_images"], call["vision_code"]) == (1, 2, "OK")
    assert (call["vision_transport"], call["vision_attempt"]) == ("grpc", 1)
    assert call["vision_seconds"] > 0
    assert len(call["vision_request_id"]) == 36
    [image] = lines_of(printed, "vision_grpc.images")
    assert (image["vision_key"], image["vision_code"]) == ("damaged.png", "INVALID_ARGUMENT")
    assert image["vision_request_id"] == call["vision_request_id"]
    assert (
        "image damaged.png failed: INVALID_ARGUMENT: no picture in it"
        in image["message" if example is _STDLIB else "event"]
    )
    if example is _STRUCTLOG:
        assert {call["job"], image["job"]} == {"invoices"}


@pytest.mark.usefixtures("images")
def test_calls_are_below_the_span_of_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr("opentelemetry.sdk.trace.export.ConsoleSpanExporter", lambda: exporter)
    run(_OTEL)
    by_name = {span.name: span for span in exporter.get_finished_spans()}
    assert by_name.keys() == {"read invoices", _VISION}
    assert by_name[_VISION].parent == by_name["read invoices"].context


@pytest.mark.parametrize(("transport", "system"), [("grpc", "grpc"), ("rest", "http_json")])
@pytest.mark.parametrize(
    ("api", "method"),
    [("vision/v1", _VISION), ("ocr/v1", "yandex.cloud.ai.ocr.v1.TextRecognitionService/Recognize")],
)
def test_the_server_and_the_method_are_named(
    transport: Any,  # noqa: ANN401
    system: str,
    api: Any,  # noqa: ANN401
    method: str,
) -> None:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing, metering = TracerProvider(), MeterProvider([reader])
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    hook = OpenTelemetryHook(tracer_provider=tracing, meter_provider=metering)
    with (
        FakeVision("text") as vision,
        VisionClient(vision.rest_endpoint, transport=transport, api=api, on_event=hook) as client,
    ):
        client.analyze(blank_image())
    [span] = exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    port = int(vision.grpc_endpoint.rpartition(":")[2])
    assert span.name == attributes["rpc.method"] == method
    assert attributes["rpc.system.name"] == system
    assert (attributes["server.address"], attributes["server.port"]) == ("127.0.0.1", port)
    metering.shutdown()
    tracing.shutdown()
