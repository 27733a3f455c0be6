"""What the streams of a client share, used by threads that take turns where it hurts most."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from vision_grpc.config import Limits, RetryPolicy
from vision_grpc.errors import Code, PathError, TransportError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.monitor import Monitor
from vision_grpc.stream.rate import PERIOD_S
from vision_grpc.stream.retry import RetryBudget
from vision_grpc.stream.throttle import Throttle
from vision_grpc.transport.protocol_choice import ProtocolChoice

_THREADS = 4
_ROUNDS = 1_000


@pytest.fixture(autouse=True)
def _frequent_turns() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


class _Interrupting(float):
    """A number that lets other threads have a turn while it is added to another, or compared."""

    def __radd__(self, other: float) -> float:
        time.sleep(0)
        return other + float(self)

    def __lt__(self, other: float) -> bool:
        time.sleep(0)
        return float(self) < other


class _InterruptingLock:
    """A lock that lets other threads have a turn before it is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        time.sleep(0)
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _together(*works: Callable[[], object], rounds: int = _ROUNDS) -> None:
    """Do each of the works in as many threads as the others, over and over."""
    start = threading.Barrier(_THREADS)

    def run(work: Callable[[], object]) -> None:
        start.wait()
        for _ in range(rounds):
            work()

    threads = [threading.Thread(target=run, args=(work,)) for work, _ in zip(cycle(works), range(_THREADS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_no_retry_is_spent_or_earned_for_nothing() -> None:
    most = 2 * _THREADS * _ROUNDS
    budget = RetryBudget(RetryPolicy(budget=most, budget_per_success=_Interrupting(1)))
    for _ in range(most // 2):
        assert budget.spend()
    _together(lambda: budget.earn(0.0), budget.spend)
    left = 0
    while budget.spend():
        left += 1
    assert left == most // 2


def test_a_quota_is_let_through_once() -> None:
    throttle = Throttle(Limits(requests_per_s=1, images_per_s=_THREADS * _ROUNDS))
    turns: list[float] = []

    def work() -> None:
        turns.append(throttle.reserve(1, _Interrupting(0.0)))

    _together(work)
    assert sorted(turns) == pytest.approx([number * PERIOD_S for number in range(_THREADS * _ROUNDS)])


def test_what_is_counted_is_counted_once() -> None:
    monitor = Monitor(None)
    ids: list[int] = []
    entries = [(number, str(number), 12) for number in range(8)]
    error = ImageError(Code.INVALID_ARGUMENT, "no image")
    results = [ImageResult("good")] * 5 + [ImageResult("bad", error=error)] * 3

    def work() -> None:
        call_id = monitor.call_started(entries, 100, 2, _Interrupting(0.5))
        ids.append(call_id)
        monitor.call_ended(call_id, entries, 2, 0.02, TransportError("broken"))
        monitor.retry_scheduled(entries, 1.0, Code.UNAVAILABLE)
        monitor.images_finished(results)

    _together(work)
    calls = _THREADS * _ROUNDS
    stats = monitor.stats()
    assert len(set(ids)) == stats.requests == stats.requests_failed == stats.latency_counts[1] == calls
    assert (stats.images_succeeded, stats.images_failed, stats.retries) == (5 * calls, 3 * calls, 8 * calls)
    assert (stats.content_bytes, stats.throttle_wait_s, stats.calls_in_flight) == (100 * calls, 0.5 * calls, 0)


def test_a_switch_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    path = ProtocolChoice()
    path._lock = _InterruptingLock()  # type: ignore[assignment]
    caplog.set_level(logging.INFO, "vision_grpc.transport")
    switches = threading.Barrier(_THREADS, action=lambda: path.grpc_failed(PathError("no way"), 0.0))
    returns = threading.Barrier(_THREADS)

    def work() -> None:
        switches.wait()
        path.rest_worked()
        returns.wait()
        path.grpc_worked()

    rounds = 200
    _together(work, rounds=rounds)
    levels = [record.levelname for record in caplog.records if record.name == "vision_grpc.transport"]
    assert levels == ["WARNING", "INFO"] * rounds
