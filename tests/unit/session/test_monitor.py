import logging
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from images_in_bytes import png
from run_simulation import FINE, Simulation

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, TransportError
from vision_grpc.events import CallEnded, CallStarted, Event, OperationPolled
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.session.client_log import FailureLog
from vision_grpc.session.destination import Destination
from vision_grpc.session.monitor import LATENCY_BOUNDS_S, Monitor, Stats
from vision_grpc.session.stream_monitor import StreamMonitor
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Finish, Pull, Send, Wait
from vision_grpc.stream.pending import Asked, Pending
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.rate import PERIOD_S

_ANSWER = Answer([], "id", "grpc")
_EIGHT = [(number, f"image-{number}", 12) for number in range(8)]
_ONE = _EIGHT[:1]


@pytest.mark.parametrize(
    ("latency_s", "bucket"),
    [(0.0, 0), (0.01, 0), (0.0101, 1), (0.05, 2), (0.2, 4), (59.9, 11), (60.0, 11), (60.1, 12), (1e9, 12)],
)
def test_a_latency_is_counted_under_its_upper_bound(latency_s: float, bucket: int) -> None:
    monitor = Monitor(None)
    monitor.call_ended(monitor.call_started(_ONE, 10, 1, 0.0), _ONE, 1, latency_s, _ANSWER)
    counts = [0] * (len(LATENCY_BOUNDS_S) + 1)
    counts[bucket] = 1
    assert monitor.stats().latency_counts == tuple(counts)


def test_statistics_are_of_their_moment() -> None:
    monitor = Monitor(None)
    before = monitor.stats()
    call_id = monitor.call_started(_EIGHT, 100, 1, 0.25)
    during = monitor.stats()
    monitor.call_ended(call_id, _EIGHT, 1, 0.1, TransportError("broken"))
    assert before == Stats()
    assert (during.requests, during.calls_in_flight, during.content_bytes) == (1, 1, 100)
    assert (monitor.stats().calls_in_flight, monitor.stats().requests_failed) == (0, 1)


def test_a_question_without_an_answer_has_the_transport_that_was_chosen() -> None:
    polled: list[Event] = []
    monitor = Monitor(polled.append)
    asked = Asked(Pending(_ONE[0], "op-1", 0.0, 100.0, expected_s=1.0, attempts=1), "recognition", 1.0, 9.0)
    for outcome in (_ANSWER, TransportError("broken")):
        to = Destination("Get", transport="rest")
        monitor.poll_ended(monitor.poll_started(), asked, 3.0, outcome, is_pending=False, to=to)
    monitor.poll_ended(monitor.poll_started(), asked, 3.0, TransportError("broken"), is_pending=False)
    assert [event.transport for event in polled if isinstance(event, OperationPolled)] == ["grpc", "rest", None]


def test_a_hook_may_look_at_the_statistics() -> None:
    seen: list[Stats] = []

    def on_event(_: Event) -> None:
        seen.append(monitor.stats())

    monitor = Monitor(on_event)
    monitor.call_ended(monitor.call_started(_EIGHT, 100, 1, 0.0), _EIGHT, 1, 0.1, _ANSWER)
    monitor.images_finished([ImageResult(key) for _, key, _ in _EIGHT])
    assert [stats.images_succeeded for stats in seen] == [0, 0, 8]


def test_the_statistics_may_be_read_while_something_is_reported() -> None:
    """As a signal's handler may, or what garbage collection ends."""
    monitor = Monitor(None)
    with monitor._lock:
        assert monitor.stats() == Stats()


def test_the_wait_for_the_quota_is_counted_from_when_a_batch_was_ready() -> None:
    simulation = Simulation(Plan(Limits(requests_per_s=0.5), RetryPolicy(), Timeouts()))
    waits: list[float] = []
    left = 24
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Pull):
            left -= effect.images
            simulation.run.pulled([Image("key", png(0))] * effect.images, exhausted=left == 0)
        elif isinstance(effect, Send):
            simulation.end(effect, Answer([MessageOutcome(FINE)] * 8, "id", "grpc"))
            waits.append(simulation.monitor.stats().throttle_wait_s)
            simulation.now += 0.5  # So long the next batch is not there yet, and waits for nothing.
        elif isinstance(effect, Wait):
            assert effect.until is not None
            simulation.now = effect.until
    assert waits == pytest.approx([0.0, 2 * PERIOD_S - 0.5, 4 * PERIOD_S - 1.0])


def _failed(number: int) -> ImageResult:
    return ImageResult(f"image-{number}", error=ImageError(Code.INVALID_ARGUMENT, "no\npicture"), attempts=1)


@pytest.mark.parametrize("failures", [1, 20, 21, 199, 200, 2_500])
def test_failed_images_are_logged_without_a_flood(failures: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = FailureLog()
    log.log([_failed(number) for number in range(failures - 1)])
    log.log([ImageResult("good"), _failed(failures - 1)])
    lines = [record.getMessage() for record in caplog.records]
    sums = [each for each in (200, 2_000) if each <= failures]
    assert lines == [
        *[
            f"image image-{number} failed: INVALID_ARGUMENT: no picture (attempt 1)"
            for number in range(min(failures, 20))
        ],
        *[f"{each} images of this stream have failed by now" for each in sums],
    ]


def test_those_after_the_first_are_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    FailureLog().log([_failed(number) for number in range(25)])
    assert [record.levelname for record in caplog.records] == ["INFO"] * 20 + ["DEBUG"] * 5


def test_the_key_of_a_failed_image_is_logged_without_the_signature_of_its_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    url = "https://user:pass@bucket.example/scan.png?X-Signature=hush"
    FailureLog().log([ImageResult(url, error=ImageError(Code.NOT_FOUND, "gone"))])
    [record] = caplog.records
    fields = {name: value for name, value in vars(record).items() if name.startswith("vision_")}
    assert fields["vision_key"] == "https://...@bucket.example/scan.png?..."
    assert "hush" not in caplog.text + repr(fields)


def test_what_a_failed_hook_was_told_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    def on_event(_: object) -> None:
        raise OSError

    caplog.set_level(logging.DEBUG)
    Monitor(on_event).images_finished([ImageResult("https://bucket.example/scan.png?X-Signature=hush")])
    assert [record.getMessage() for record in caplog.records] == ["on_event failed, 1 times by now, at ImagesFinished"]
    assert "hush" not in caplog.text


def test_a_record_factory_of_the_program_may_have_names_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """As web services do, who put the id of their own request on each record."""
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401
        record = before(*args, **kwargs)
        record.request_id = record.call_id = record.code = record.key = record.images = record.transport = "own"
        return record

    logging.setLogRecordFactory(factory)
    caplog.set_level(logging.DEBUG)
    try:
        monitor = Monitor(None)
        monitor.call_ended(monitor.call_started(_ONE, 10, 1, 0.0), _ONE, 1, 0.5, _ANSWER)
        monitor.retry_scheduled(_ONE, 0.5, Code.UNAVAILABLE)
        monitor.service_missed(TransportError("gone"))
        FailureLog().log([_failed(1)])
    finally:
        logging.setLogRecordFactory(before)
    end, retry, *_ = [vars(record) for record in caplog.records]
    names = ["call_id", "images", "seconds", "code", "request_id", "transport", "attempt"]
    assert [end[f"vision_{name}"] for name in names] == [1, 1, 0.5, "OK", "id", "grpc", 1]
    assert [retry[f"vision_{name}"] for name in ("images", "wait_seconds", "code")] == [1, 0.5, "UNAVAILABLE"]
    assert end["request_id"] == "own"


def test_hooks_and_loggers_see_the_context_of_where_the_stream_was_made() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="outside")
    seen: list[str] = []
    monitor = Monitor(lambda _: seen.append(variable.get()))
    token = variable.set("made here")
    stream = StreamMonitor(monitor, copy_context())
    variable.reset(token)
    call_id = stream.call_started(_ONE, 10, 1, 0.0)
    stream.call_ended(call_id, _ONE, 1, 0.5, _ANSWER)
    stream.retry_scheduled(_ONE, 0.5, Code.UNAVAILABLE)
    stream.images_finished([ImageResult("key")])
    stream.calls_abandoned([(call_id, _ONE, 1, 0.5)])
    assert seen == ["made here"] * 5
    assert variable.get() == "outside"


def test_a_hook_may_end_another_stream_of_the_same_context() -> None:
    """Garbage collection may do so, too."""
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        seen.append(event)
        if isinstance(event, CallStarted):
            other.calls_abandoned([(7, _ONE, 1, 0.5)])

    monitor, context = Monitor(on_event), copy_context()
    other = StreamMonitor(monitor, context)
    StreamMonitor(monitor, context).call_started(_ONE, 10, 1, 0.0)
    assert [type(event) for event in seen] == [CallStarted, CallEnded]
