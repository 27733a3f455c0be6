"""Quotas, backoff and the window, in times made up."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision_grpc.config import Limits, RetryPolicy
from vision_grpc.core.rate import ImageRate, RequestRate
from vision_grpc.core.retry import RetryBudget, asked_wait_s, backoff_s
from vision_grpc.core.throttle import Throttle
from vision_grpc.messages import Any, RequestInfo, RetryInfo

# A second may begin or end within a rounding error of a departure.
_ROUNDING_S = 1e-6
_quotas = st.floats(0.1, 100)
_pauses = st.lists(st.floats(0, 0.5) | st.just(0.0) | st.floats(0, 5), max_size=60)
_starts = st.floats(0, 1e6)


def _most_in_a_second(sent: list[tuple[float, int]]) -> int:
    """Return the most that left in a second from one departure on, its end not included."""
    return max(
        (sum(images for at, images in sent if start <= at < start + 1 - _ROUNDING_S) for start, _ in sent), default=0
    )


@given(quota=_quotas, pauses=_pauses, now=_starts)
def test_requests_stay_within_their_quota(quota: float, pauses: list[float], now: float) -> None:
    rate = RequestRate(quota)
    sent: list[tuple[float, int]] = []
    for pause in pauses:
        now = max(now + pause, rate.ready_at())
        rate.charge(now)
        sent.append((now, 1))
    assert _most_in_a_second(sent) <= -(-quota // 1)


@given(quota=_quotas, pauses=_pauses, sizes=st.lists(st.integers(1, 8), min_size=1), now=_starts)
def test_images_stay_within_their_quota(quota: float, pauses: list[float], sizes: list[int], now: float) -> None:
    rate = ImageRate(quota)
    sent: list[tuple[float, int]] = []
    for number, pause in enumerate(pauses):
        images = min(rate.batch_images, sizes[number % len(sizes)])
        now = max(now + pause, rate.ready_at(images, now + pause))
        assert rate.ready_at(images, now) <= now, "what it named as the time is one"
        rate.charge(images, now)
        sent.append((now, images))
    assert _most_in_a_second(sent) <= max(1, quota)


@given(
    requests=st.none() | _quotas,
    images=st.none() | _quotas,
    attempts=st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 8), st.booleans()), max_size=80),
)
def test_what_is_let_through_stays_within_both_quotas(
    requests: float | None, images: float | None, attempts: list[tuple[float, int, bool]]
) -> None:
    """Some callers wait as they are told, others come back whenever they like."""
    throttle = Throttle(Limits(requests_per_s=requests, images_per_s=images))
    now = 0.0
    sent: list[tuple[float, int]] = []
    for pause, wanted, waits in attempts:
        now += pause
        size = wanted if throttle.batch_images is None else min(wanted, throttle.batch_images)
        ready = throttle.acquire(size, now)
        if ready is not None:
            assert ready > now
            if not waits:
                continue
            while ready is not None:
                now = ready
                ready = throttle.acquire(size, now)
        sent.append((now, size))
    if requests is not None:
        assert _most_in_a_second([(at, 1) for at, _ in sent]) <= -(-requests // 1)
    if images is not None:
        assert _most_in_a_second(sent) <= max(1, images)


@given(
    requests=st.none() | _quotas,
    images=st.none() | st.integers(1, 10),
    attempts=st.lists(
        st.tuples(st.sampled_from([0.0, 0.125, 0.875, 1.0]), st.sampled_from([0.0, 0.125]), st.integers(1, 8)),
        max_size=20,
    ),
)
@example(requests=None, images=2, attempts=[(1.0, 0.0, 1), (0.0, 0.125, 1), (0.875, 0.0, 2)])
def test_threads_that_read_the_clock_before_they_take_turns_stay_within_both_quotas(
    requests: float | None, images: int | None, attempts: list[tuple[float, float, int]]
) -> None:
    throttle = Throttle(Limits(requests_per_s=requests, images_per_s=images))
    clock = 0.0
    sent: list[tuple[float, int]] = []
    for pause, ago, wanted in attempts:
        clock += pause
        size = wanted if throttle.batch_images is None else min(wanted, throttle.batch_images)
        if throttle.acquire(size, clock - ago) is None:
            # It leaves after those that were let through before it.
            sent.append((max([clock - ago, *(at for at, _ in sent)]), size))
    if requests is not None:
        assert _most_in_a_second([(at, 1) for at, _ in sent]) <= -(-requests // 1)
    if images is not None:
        assert _most_in_a_second(sent) <= images


@given(quota=st.floats(1, 100), requests=st.integers(2, 50))
def test_a_quota_of_requests_is_used_up(quota: float, requests: int) -> None:
    throttle = Throttle(Limits(requests_per_s=quota))
    now = 0.0
    for _ in range(requests):
        while (ready := throttle.acquire(8, now)) is not None:
            now = ready
    assert now == pytest.approx((requests - 1) / quota)


@given(quota=st.integers(1, 100), images=st.integers(1, 400))
def test_a_quota_of_images_is_used_up(quota: int, images: int) -> None:
    throttle = Throttle(Limits(images_per_s=quota))
    now = 0.0
    for _ in range(images):
        while (ready := throttle.acquire(1, now)) is not None:
            now = ready
    assert now == pytest.approx((images - 1) // quota)


@given(most=st.integers(1, 100), answers=st.lists(st.booleans(), max_size=300))
def test_the_window_stays_within_its_bounds(most: int, answers: list[bool]) -> None:
    throttle = Throttle(Limits(calls_in_flight=most))
    assert throttle.calls == most
    for now, is_answer in enumerate(answers, 1):
        before = throttle.calls
        if is_answer:
            throttle.answered()
            assert before <= throttle.calls <= before + 1
        else:
            throttle.pushed_back(float(now), float(now))
            assert throttle.calls == max(1, before // 2) or throttle.calls == max(1, (before + 1) // 2)
        assert 1 <= throttle.calls <= most


def test_one_push_back_counts_for_all_calls_that_were_under_way() -> None:
    throttle = Throttle(Limits(calls_in_flight=16))
    for sent_at in (1.0, 1.1, 1.2, 1.3):
        throttle.pushed_back(sent_at, now=2.0)
    assert throttle.calls == 8
    throttle.pushed_back(2.1, now=3.0)
    assert throttle.calls == 4


def test_the_window_grows_by_one_for_each_round_of_answers() -> None:
    throttle = Throttle(Limits(calls_in_flight=16))
    throttle.pushed_back(1.0, now=2.0)
    for calls in range(8, 16):
        assert throttle.calls == calls
        for _ in range(calls + 1):
            throttle.answered()
    assert throttle.calls == 16


@given(
    failures=st.integers(1, 2_000),
    asked=st.none() | st.floats(0, 1_000),
    initial=st.floats(0, 10),
    most=st.floats(0, 100),
    seed=st.integers(),
)
def test_backoff_stays_within_its_bounds(
    failures: int, asked: float | None, initial: float, most: float, seed: int
) -> None:
    policy = RetryPolicy(initial_backoff_s=initial, max_backoff_s=most)
    wait = backoff_s(policy, failures, random.Random(seed), asked)  # noqa: S311 - no secret
    floor = 0.0 if asked is None else asked
    assert floor <= wait <= max(floor, min(most, initial * 2.0 ** min(failures - 1, 100)))


def test_backoff_uses_its_whole_range() -> None:
    rng = random.Random(1)  # noqa: S311 - no secret
    waits = [backoff_s(RetryPolicy(initial_backoff_s=1, max_backoff_s=4), 3, rng, None) for _ in range(1_000)]
    assert min(waits) < 0.1
    assert max(waits) > 3.9


def test_the_stock_of_retries() -> None:
    budget = RetryBudget(RetryPolicy(budget=2, budget_per_success=0.5))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def test_the_wait_that_a_service_asks_for() -> None:
    info = RetryInfo()
    info.retry_delay.seconds, info.retry_delay.nanos = 3, 500_000_000
    other, asking, broken = Any(), Any(), Any()
    other.Pack(RequestInfo(request_id="r"))
    asking.Pack(info)
    broken.Pack(info)
    broken.value = b"\xff"
    assert asked_wait_s([other, asking]) == 3.5
    assert asked_wait_s([other]) is None
    assert asked_wait_s([]) is None
