"""Quotas, backoff and the window, in times made up."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vision_grpc.codec.retry_info import LONGEST_WAIT_S, asked_wait_s, retry_info
from vision_grpc.config import Limits, RetryPolicy
from vision_grpc.messages import Any, Duration, RequestInfo, RetryInfo
from vision_grpc.stream.backoff import backoff_s
from vision_grpc.stream.batch_size import BatchSize
from vision_grpc.stream.rate import PERIOD_S, ImageRate, RequestRate
from vision_grpc.stream.retry import RetryBudget
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.turn import PROMPT_S, Turn

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
        images = min(max(1, int(quota)), sizes[number % len(sizes)])
        now = max(now + pause, rate.ready_at(images, now + pause))
        assert rate.ready_at(images, now) <= now, "what it named as the time is one"
        rate.charge(images, now)
        sent.append((now, images))
    assert _most_in_a_second(sent) <= max(1, quota)


@given(
    requests=st.none() | _quotas,
    images=st.none() | _quotas,
    attempts=st.lists(
        # How long after the one before it, how many images, how much earlier the clock was read, how long on the way.
        st.tuples(
            st.floats(0, 0.7), st.integers(1, 8), st.sampled_from([0.0, 0.0, 0.125]), st.floats(0, PERIOD_S - 1.001)
        ),
        max_size=80,
    ),
    waits=st.booleans(),
)
@example(
    requests=None, images=2, attempts=[(1.0, 1, 0.0, 0.0), (0.0, 1, 0.125, 0.0), (0.875, 2, 0.0, 0.0)], waits=False
)
def test_what_arrives_stays_within_both_quotas(
    requests: float | None, images: float | None, attempts: list[tuple[float, int, float, float]], *, waits: bool
) -> None:
    """One caller that waits for each turn, or many that queue up; each call is on its way for another time."""
    limits = Limits(requests_per_s=requests, images_per_s=images)
    throttle, most_images = Throttle(limits), BatchSize(limits, 8).images
    now = 0.0
    arrived: list[tuple[float, int]] = []
    for pause, wanted, ago, delay in attempts:
        now += pause
        size = min(wanted, most_images)
        leaves_at = throttle.reserve(size, now - ago)
        assert leaves_at >= now - ago
        arrived.append((leaves_at + delay, size))
        if waits:
            now = max(now, leaves_at)
    if requests is not None:
        assert _most_in_a_second([(at, 1) for at, _ in arrived]) <= -(-requests // 1)
    if images is not None:
        assert _most_in_a_second(arrived) <= max(1, images)


@given(quota=_quotas, requests=st.integers(2, 50))
def test_a_quota_of_requests_is_used_up(quota: float, requests: int) -> None:
    throttle = Throttle(Limits(requests_per_s=quota))
    turns = [throttle.reserve(8, 0.0) for _ in range(requests)]
    assert turns == pytest.approx([number * PERIOD_S / quota for number in range(requests)])


@given(quota=st.integers(1, 100), images=st.integers(1, 400))
def test_a_quota_of_images_is_used_up(quota: int, images: int) -> None:
    throttle = Throttle(Limits(images_per_s=quota))
    turns = [throttle.reserve(1, 0.0) for _ in range(images)]
    assert turns == pytest.approx([number * PERIOD_S / quota for number in range(images)])


@pytest.mark.parametrize(
    ("images", "requests", "batch"),
    [
        (None, 1, 8),
        (0.5, None, 1),
        (3, None, 3),
        (8, None, 8),
        (9, None, 3),
        (10, None, 5),
        (12, None, 6),
        (23, None, 7),
        (100, None, 8),
        # Where few requests may leave, they had better be full.
        (12, 1, 8),
        (12, 2, 6),
    ],
)
def test_batches_are_of_a_size_that_uses_the_quota_up(images: float | None, requests: float | None, batch: int) -> None:
    assert BatchSize(Limits(images_per_s=images, requests_per_s=requests), 8).images == batch


def test_who_wants_little_does_not_overtake_who_wants_much() -> None:
    throttle = Throttle(Limits(images_per_s=8))
    assert throttle.reserve(8, 0.0) == 0.0
    full = throttle.reserve(8, 0.1)
    assert full == pytest.approx(PERIOD_S)
    assert throttle.reserve(1, 0.2) > full


def test_to_ask_is_not_to_reserve() -> None:
    throttle = Throttle(Limits(requests_per_s=1))
    throttle.reserve(8, 0.0)
    assert [throttle.ready_at(8, 0.5) for _ in range(3)] == [PERIOD_S] * 3


def test_a_turn_that_was_missed_by_far_is_gone() -> None:
    turn = Turn(Throttle(Limits(requests_per_s=1)))
    assert turn.leaves_at(8, 0.0) == 0.0
    assert turn.take(0.0) == 0.0
    assert turn.leaves_at(8, 0.5) == turn.soonest(8, 0.5) == PERIOD_S
    assert turn.leaves_at(8, PERIOD_S + 0.2) == PERIOD_S
    assert turn.leaves_at(8, PERIOD_S + 0.5) == pytest.approx(2 * PERIOD_S)
    assert turn.take(2 * PERIOD_S) == pytest.approx(2 * PERIOD_S - 0.5)


@pytest.mark.parametrize(("late_s", "counts_late"), [(PROMPT_S, False), (0.1, True)])
def test_who_leaves_late_delays_those_behind(late_s: float, *, counts_late: bool) -> None:
    throttle = Throttle(Limits(requests_per_s=1))
    turn = Turn(throttle)
    turn.leaves_at(8, 0.0)
    turn.take(late_s)
    assert throttle.ready_at(8, 0.5) == pytest.approx(PERIOD_S + (late_s if counts_late else 0.0))


def test_a_turn_is_good_for_as_many_images_as_it_was_taken_for() -> None:
    turn = Turn(Throttle(Limits(images_per_s=8)))
    turn.leaves_at(8, 0.0)
    turn.take(0.0)
    assert turn.leaves_at(4, 0.0) == turn.leaves_at(3, 0.0) == pytest.approx(PERIOD_S)
    assert turn.leaves_at(5, 0.0) > PERIOD_S


@given(most=st.integers(1, 100), answers=st.lists(st.booleans(), max_size=300))
def test_the_window_stays_within_its_bounds(most: int, answers: list[bool]) -> None:
    throttle = Throttle(Limits(calls_in_flight=most))
    assert throttle.calls == most
    for now, is_answer in enumerate(answers, 1):
        before = throttle.calls
        if is_answer:
            throttle.answered(float(now), float(now))
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
            throttle.answered(2.5, 2.6)
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
    budget.earn(0.0)
    assert not budget.spend()
    budget.earn(0.0)
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(100):
        budget.earn(0.0)
    assert [budget.spend() for _ in range(3)] == [True, True, False]


def _asking(seconds: int, nanos: int = 0) -> Any:
    detail = Any()
    detail.Pack(RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos)))
    return detail


def test_the_wait_that_a_service_asks_for() -> None:
    other = Any()
    other.Pack(RequestInfo(request_id="r"))
    assert asked_wait_s([other, _asking(3, 500_000_000)]) == 3.5
    assert asked_wait_s([_asking(3), _asking(5), _asking(4)]) == 5
    assert asked_wait_s([other]) is None
    assert asked_wait_s([]) is None


def test_a_wait_may_be_longer_than_any_time_and_less_than_nothing() -> None:
    assert asked_wait_s([_asking(2**62, 999_999_999)]) == LONGEST_WAIT_S
    assert asked_wait_s([_asking(0, 2_000_000_000)]) == 2
    assert asked_wait_s([_asking(0, -1)]) == 0
    assert asked_wait_s([_asking(-(2**62))]) == 0


def test_what_is_no_wait_asks_for_none() -> None:
    broken, empty = _asking(1), Any()
    broken.value = b"\xff"
    empty.Pack(RetryInfo())
    assert asked_wait_s([broken]) is None
    assert asked_wait_s([empty]) is None
    assert asked_wait_s([broken, empty, _asking(3)]) == 3


@pytest.mark.parametrize("wait_s", [0.0, 0.25, 7.0, 9_999_999_999.5, LONGEST_WAIT_S])
def test_a_wait_is_read_as_it_was_told(wait_s: float) -> None:
    detail = Any()
    detail.Pack(retry_info(wait_s))
    assert asked_wait_s([detail]) == wait_s
