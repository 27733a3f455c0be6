"""Counts of a service in the format of Prometheus."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.log import code_of, count_image_codes
from vision_grpc.local.calls.method import short_name
from vision_grpc.local.calls.queue import Load
from vision_grpc.local.calls.quota import Gauge as QuotaGauge
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.ocr.engine import OcrEngine, Picture
from vision_grpc.local.ocr_v1.operations import Usage
from vision_grpc.messages import TextAnnotation

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

# From an answer without an image to the most that a call may take.
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
_CALL = ("method", "transport")
_NAMES = frozenset(code.name for code in Code)


class Metrics:
    """What a service has done so far, and what it does now.

    Each service has a registry of its own: two services in a process count apart, and the process's own registry of
    prometheus_client stays as it is. No label has a text of a client.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._calls = Counter("vision_calls", "Calls that were answered.", (*_CALL, "code"), registry=registry)
        self._seconds = Histogram(
            "vision_call_duration_seconds",
            "Seconds from the headers of a call to its answer.",
            _CALL,
            registry=registry,
            buckets=_SECONDS,
        )
        self._images = Counter("vision_images", "Images that were answered.", ("code",), registry=registry)
        self._not_sent = Counter(
            "vision_images_not_sent",
            "Images that a gateway had on its tape, or that were under way for another caller.",
            ("why",),
            registry=registry,
        )
        self._bytes = Counter("vision_request_bytes", "Bytes of requests as they were sent.", _CALL, registry=registry)
        self._in_flight = Gauge("vision_calls_in_flight", "Calls that are not answered yet.", registry=registry)
        self._faults = Counter("vision_faulty_calls", "Calls that a fault was done to.", _CALL, registry=registry)
        self._recognition = Histogram(
            "vision_recognition_seconds",
            "Seconds that reading an image for one feature took.",
            registry=registry,
            buckets=_SECONDS,
        )

    def began(self, call: Call) -> None:  # noqa: ARG002 - the signature of observers
        """Count a call in flight."""
        self._in_flight.inc()

    def ended(self, call: Call, reply: Reply) -> None:
        """Count an answered call."""
        self._in_flight.dec()
        labels = (short_name(call.method), call.face)
        self._calls.labels(*labels, _bounded_code(code_of(reply))).inc()
        self._seconds.labels(*labels).observe(time.monotonic() - call.started_at)
        self._bytes.labels(*labels).inc(call.request_bytes)
        for why, count in call.not_sent.items():
            self._not_sent.labels(why).inc(count)
        if call.struck_by:
            self._faults.labels(*labels).inc()
        # Those of an operation are counted when it ends, however often its result is fetched.
        for code, count in count_image_codes(reply).items() if call.images else ():
            self._images.labels(_bounded_code(code)).inc(count)

    def watch(self, load: Callable[[], Load], quota: Callable[[], Mapping[str, QuotaGauge]]) -> None:
        """Tell what the threads have to do, and what is left of quotas, asked whenever the metrics are."""
        for name, about, read in (
            ("vision_images_waiting", "Images that wait for a thread.", lambda: load().images_waiting),
            ("vision_images_in_progress", "Images that are being read.", lambda: load().images_in_progress),
            ("vision_deferred_waiting", "Files and pages of operations that wait.", lambda: load().deferred_waiting),
        ):
            Gauge(name, about, registry=self._registry).set_function(read)
        left = Gauge("vision_quota_left", "What is left of the quota now.", ("unit",), registry=self._registry)
        per_s = Gauge("vision_quota_per_second", "The quota of a second.", ("unit",), registry=self._registry)
        for unit, gauge in quota().items():
            per_s.labels(unit).set(gauge.per_s)
            left.labels(unit).set_function(partial(_left_of, quota, unit))

    def watch_operations(self, usage: Callable[[], Usage]) -> None:
        """Tell how many operations are remembered, asked whenever the metrics are."""
        operations = Gauge("vision_operations", "Operations that are known.", ("state",), registry=self._registry)
        operations.labels("under way").set_function(lambda: usage().under_way)
        operations.labels("ended").set_function(lambda: usage().ended)
        kept = Gauge("vision_operation_bytes", "Bytes of files that wait and of results.", registry=self._registry)
        kept.set_function(lambda: usage().bytes)

    def operation_ended(self, code: Code) -> None:
        """Count the file of an operation."""
        self._images.labels(code.name).inc()

    def timed(self, engine: OcrEngine) -> OcrEngine:
        """Return an engine that reads as the other does, and counts how long that takes."""
        return _TimedEngine(engine, self._recognition.observe)

    def render(self) -> bytes:
        """Return all metrics as text, of the type `CONTENT_TYPE`."""
        return generate_latest(_Rendered(self._registry))


class _Rendered(NamedTuple):
    """A registry without the times at which each counter was made, a third of the lines, which nobody asks for."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class _TimedEngine(NamedTuple):
    engine: OcrEngine
    note: Callable[[float], None]

    def open(self, content: bytes) -> Picture:
        return _TimedPicture(self.engine.open(content), self.note)


class _TimedPicture:
    def __init__(self, picture: Picture, note: Callable[[float], None]) -> None:
        self._picture = picture
        self._note = note

    @property
    def complete(self) -> bool:
        return self._picture.complete

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        began_at = time.monotonic()
        try:
            return self._picture.recognize(languages=languages, model=model, give_up=give_up)
        finally:
            self._note(time.monotonic() - began_at)


def _left_of(quota: Callable[[], Mapping[str, QuotaGauge]], unit: str) -> float:
    return quota()[unit].left


def _bounded_code(name: str) -> str:
    """Return the name of a code; faults may answer with numbers of their own, and each label costs memory."""
    return name if name in _NAMES else "OTHER"
