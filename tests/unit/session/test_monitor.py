import pytest
from images_in_bytes import png
from run_simulation import FINE, Simulation

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import TransportError
from vision_grpc.events import Event
from vision_grpc.results import Answer, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.session.monitor import LATENCY_BOUNDS_S, Monitor, Stats
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Finish, Pull, Send, Wait
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
