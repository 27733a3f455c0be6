"""Spans and metrics of OpenTelemetry for a client. Needs the extra `otel`.

Names and values are those of the semantic conventions 1.45 for RPC, where they are stable; what they have no name for
begins with `vision_grpc.`. docs/observability.md lists all.
"""

from vision_grpc.texts.extras import need_extra

need_extra(__name__, "otel", "opentelemetry")

import time
from collections import OrderedDict
from typing import NamedTuple

from opentelemetry import metrics, trace
from opentelemetry.util.types import AttributeValue

from vision_grpc.errors import Code
from vision_grpc.events import (
    CallEnded,
    CallStarted,
    Event,
    ImagesFinished,
    OperationAccepted,
    OperationEnded,
    OperationPolled,
    QuotaLearned,
    QuotaSwitched,
    RetryScheduled,
)
from vision_grpc.version import __version__

_SCOPE = "vision_grpc"
_SCHEMA = "https://opentelemetry.io/schemas/1.45.0"
# Those that the conventions advise.
_CALL_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_OPERATION_BOUNDS_S = (1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
# The conventions have no name for JSON over HTTP.
_SYSTEMS = {"rest": "http_json"}
# So many calls may end between one that failed and the next attempt, which links to it.
_MOST_ENDED = 1_024


class _CallUnderWay(NamedTuple):
    span: trace.Span
    attributes: dict[str, AttributeValue]
    """Those that the metric has too."""


class OpenTelemetryHook:
    """Turns a client's events into telemetry: `VisionClient(on_event=OpenTelemetryHook())`.

    A span for each call, below the span that was current where the stream was made, and linked to the attempt before
    it; likewise for each question about an operation; the durations of calls and operations; counters of images and
    retries. Without providers, those of the process are used. Make a hook for each client.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider, schema_url=_SCHEMA)
        meter = metrics.get_meter(_SCOPE, __version__, meter_provider, schema_url=_SCHEMA)
        self._calls = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="Duration of calls to the service",
            explicit_bucket_boundaries_advisory=_CALL_BOUNDS_S,
        )
        self._operations = meter.create_histogram(
            "vision_grpc.operation.duration",
            unit="s",
            description="Time from when a file was accepted to its result",
            explicit_bucket_boundaries_advisory=_OPERATION_BOUNDS_S,
        )
        self._accepted = meter.create_counter(
            "vision_grpc.operations", unit="{operation}", description="Files that were accepted for later"
        )
        self._images = meter.create_counter(
            "vision_grpc.images", unit="{image}", description="Images that have a result, good or bad"
        )
        self._retries = meter.create_counter(
            "vision_grpc.retries", unit="{image}", description="Images that are sent again"
        )
        self._learned = meter.create_gauge(
            "vision_grpc.learned_quota",
            unit="{request}/s",
            description="Rate at which requests leave because the service refused faster ones",
        )
        self._alone = meter.create_up_down_counter(
            "vision_grpc.quota_alone",
            unit="{client}",
            description="Clients that go on without the service of the quota that they share",
        )
        self._under_way: dict[int, _CallUnderWay] = {}
        self._ended: OrderedDict[int, trace.SpanContext] = OrderedDict()

    def __call__(self, event: Event) -> None:
        """Record an event.

        Raises:
            ValueError: it is of another client than those before.
        """
        match event:
            case CallStarted():
                self._start(event)
            case CallEnded():
                self._end(event)
            case RetryScheduled():
                self._retries.add(event.images, {"error.type": event.code.name})
            case QuotaLearned():
                self._learned.set(event.requests_per_s)
            case QuotaSwitched():
                self._alone.add(1 if event.is_alone else -1)
            case ImagesFinished():
                self._count(event)
            case OperationAccepted():
                self._accepted.add(1)
            case OperationPolled():
                self._poll(event)
            case OperationEnded():
                self._operations.record(event.waited_s, _outcome(event.code))

    def _start(self, event: CallStarted) -> None:
        if event.call_id in self._under_way:
            message = "the hook has the calls of two clients, which number them alike: make one for each client"
            raise ValueError(message)
        attributes = _about(event)
        own = {
            "vision_grpc.images": event.images,
            "vision_grpc.content_bytes": event.content_bytes,
            "vision_grpc.attempt": event.attempt,
        }
        before = None if event.previous_call_id is None else self._ended.get(event.previous_call_id)
        span = self._tracer.start_span(
            event.method,
            kind=trace.SpanKind.CLIENT,
            attributes={**attributes, **own},
            links=[] if before is None else [trace.Link(before)],
        )
        self._under_way[event.call_id] = _CallUnderWay(span, attributes)

    def _end(self, event: CallEnded) -> None:
        span, attributes = self._under_way.pop(event.call_id)
        if event.transport in _SYSTEMS:  # That it would be so was not known before.
            attributes["rpc.system.name"] = _SYSTEMS[event.transport]
        attributes |= {"rpc.status_code": event.code.name, **_outcome(event.code)}
        span.set_attributes(attributes)
        _set_answer(span, event)
        if event.code is not Code.OK:
            span.set_attribute("vision_grpc.may_be_billed", event.may_be_billed)
            span.set_status(trace.StatusCode.ERROR, event.message)
        self._calls.record(event.latency_s, attributes, trace.set_span_in_context(span))
        span.end()
        self._ended[event.call_id] = span.get_span_context()
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def _poll(self, event: OperationPolled) -> None:
        """Record a question that has ended: a span that began as long ago as it took."""
        attributes = _about(event) | {"rpc.status_code": event.code.name}
        if not event.is_pending:  # That a result is not there yet is no failure, though its code is one.
            attributes |= _outcome(event.code)
        ended_at = time.time_ns()  # Spans have wall-clock time, which OpenTelemetry itself reads only for the present.
        span = self._tracer.start_span(
            event.method,
            kind=trace.SpanKind.CLIENT,
            attributes={
                **attributes,
                "vision_grpc.operation_id": event.operation_id,
                "vision_grpc.polls": event.polls,
                "vision_grpc.is_pending": event.is_pending,
            },
            start_time=ended_at - round(event.latency_s * 1e9),
        )
        _set_answer(span, event)
        if "error.type" in attributes:
            span.set_status(trace.StatusCode.ERROR, event.message)
        self._calls.record(event.latency_s, attributes, trace.set_span_in_context(span))
        span.end(ended_at)

    def _count(self, event: ImagesFinished) -> None:
        self._images.add(event.succeeded, {"vision_grpc.ok": True})
        for failure in event.failures:
            self._images.add(1, {"vision_grpc.ok": False, "error.type": failure.code.name})


def _about(event: CallStarted | OperationPolled) -> dict[str, AttributeValue]:
    """Return what a call and its metric have in common before it ends."""
    attributes: dict[str, AttributeValue] = {
        "rpc.system.name": _SYSTEMS.get(event.transport or "", "grpc"),
        "rpc.method": event.method,
    }
    if event.server_address is not None:
        attributes["server.address"] = event.server_address
    if event.server_port is not None:
        attributes["server.port"] = event.server_port
    return attributes


def _set_answer(span: trace.Span, event: CallEnded | OperationPolled) -> None:
    if event.transport is not None:
        span.set_attribute("vision_grpc.transport", event.transport)
    if event.request_id is not None:
        span.set_attribute("vision_grpc.request_id", event.request_id)


def _outcome(code: Code) -> dict[str, AttributeValue]:
    return {} if code is Code.OK else {"error.type": code.name}
