"""Spans and metrics of OpenTelemetry for a client. Needs the extra `otel`."""

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "otel", "opentelemetry")

from opentelemetry import metrics, trace

from vision_grpc.contract.method import BATCH_ANALYZE
from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, CallStarted, Event, ImagesFinished, RetryScheduled

_SCOPE = "vision_grpc"


class OpenTelemetryHook:
    """Turns a client's events into telemetry: `VisionClient(on_event=OpenTelemetryHook())`.

    A span for each call, named after the method, with the attributes of the semantic conventions
    for RPC; a histogram of the calls' durations and counters of images and retries. Without
    providers, those of the process are used. Make a hook for each client.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        self._duration = meter.create_histogram("rpc.client.duration", unit="s", description="Time to the answer")
        self._images = meter.create_counter("vision_grpc.images", description="Images with a result")
        self._retries = meter.create_counter("vision_grpc.retries", description="Images sent again")
        self._spans: dict[int, trace.Span] = {}
        self._service, self._method = BATCH_ANALYZE.containing_service.full_name, BATCH_ANALYZE.name

    def __call__(self, event: Event) -> None:
        """Record an event."""
        if isinstance(event, CallStarted):
            self._start_span(event)
        elif isinstance(event, CallEnded):
            self._end_span(event)
        elif isinstance(event, RetryScheduled):
            self._retries.add(event.images, {"vision_grpc.code": event.code.name})
        elif isinstance(event, ImagesFinished):
            self._images.add(event.succeeded, {"vision_grpc.ok": True})
            self._images.add(event.failed, {"vision_grpc.ok": False})

    def _start_span(self, event: CallStarted) -> None:
        self._spans[event.call_id] = self._tracer.start_span(
            f"{self._service}/{self._method}",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": self._service,
                "rpc.method": self._method,
                "vision_grpc.images": event.images,
                "vision_grpc.content_bytes": event.content_bytes,
                "vision_grpc.attempt": event.attempt,
            },
        )

    def _end_span(self, event: CallEnded) -> None:
        self._duration.record(event.latency_s, {"rpc.grpc.status_code": int(event.code)})
        span = self._spans.pop(event.call_id)
        span.set_attribute("rpc.grpc.status_code", int(event.code))
        if event.transport is not None:
            span.set_attribute("vision_grpc.transport", event.transport)
        if event.request_id is not None:
            span.set_attribute("vision_grpc.request_id", event.request_id)
        if event.code is not Code.OK:
            span.set_status(trace.StatusCode.ERROR, event.message)
        span.end()
