"""Quotas: exact over a longer time, apart for each test, and never a refusal for ever."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from vision_grpc.codec.retry_info import LONGEST_WAIT_S
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.quota import Gauge, Quota


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait_of(take: Callable[[], None]) -> float:
    with pytest.raises(ServiceError, match="is used up") as caught:
        take()
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert caught.value.retry_after_s is not None
    return caught.value.retry_after_s


def test_no_quota_refuses_nothing() -> None:
    quota = Quota()
    for _ in range(1000):
        quota.take_request()
        quota.take_images(8)
    assert quota.state() == {}


def test_the_calls_of_a_second_are_let_in_and_the_next_ones_are_told_when(clock: Clock) -> None:
    quota = Quota(requests_per_s=10, clock=clock)
    for _ in range(10):
        quota.take_request()
    assert wait_of(quota.take_request) == pytest.approx(0.1, abs=0.002)
    clock.now += 0.05
    assert wait_of(quota.take_request) == pytest.approx(0.05, abs=0.002)
    clock.now += 0.05
    quota.take_request()


def test_who_waits_as_told_is_let_in(clock: Clock) -> None:
    quota = Quota(requests_per_s=7, images_per_s=3, clock=clock)
    for number in range(200):
        take = quota.take_request if number % 2 else partial(quota.take_images, 2)
        with suppress(ServiceError):
            while True:
                take()
        clock.now += wait_of(take)
        take()


def test_no_more_than_the_quota_of_a_longer_time_is_let_in(clock: Clock) -> None:
    quota = Quota(images_per_s=20, clock=clock)
    let_in = 0
    for _ in range(10_000):
        with suppress(ServiceError):
            quota.take_images(3)
            let_in += 3
        clock.now += 0.001
    assert 10 * 20 <= let_in <= 10 * 20 + 20 + 3


@pytest.mark.parametrize("per_s", [0.01, 0.5, 1, 5])
def test_a_call_larger_than_the_quota_of_a_second_is_let_in_and_waited_for(clock: Clock, per_s: float) -> None:
    quota = Quota(images_per_s=per_s, clock=clock)
    quota.take_images(8)
    wait_s = wait_of(lambda: quota.take_images(8))
    assert wait_s == pytest.approx(8 / per_s, abs=0.002)
    clock.now += wait_s
    quota.take_images(8)


@pytest.mark.parametrize("per_s", [1e-300, 5e-324])
def test_the_wait_for_the_smallest_quota_is_the_longest_that_can_be_told(clock: Clock, per_s: float) -> None:
    quota = Quota(requests_per_s=per_s, clock=clock)
    quota.take_request()
    assert wait_of(quota.take_request) == LONGEST_WAIT_S


def test_a_refused_call_takes_nothing(clock: Clock) -> None:
    quota = Quota(images_per_s=4, clock=clock)
    quota.take_images(3)
    for _ in range(5):
        wait_of(lambda: quota.take_images(2))
    quota.take_images(1)
    assert quota.state() == {"images": Gauge(per_s=4, left=0, refused=5)}


def test_each_test_has_a_quota_of_its_own(clock: Clock) -> None:
    quota = Quota(requests_per_s=1, clock=clock)
    for test_id in ("", "a", "b"):
        quota.take_request(test_id)
        wait_of(partial(quota.take_request, test_id))
    quota.reset("a")
    assert quota.state("a")["requests"] == Gauge(1, 1, 0)
    assert quota.state("b")["requests"] == Gauge(1, 0, 1)
    quota.reset()
    assert quota.state("b")["requests"] == Gauge(1, 1, 0)


def test_tests_that_ended_are_forgotten(clock: Clock) -> None:
    quota = Quota(requests_per_s=1, clock=clock)
    for number in range(5000):
        quota.take_request(str(number))
    assert len(quota._tests) == 1000
