"""What clients make of a quota that they do not know."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quota_worlds import Case, Kind, play
from run_simulation import (
    FINE,
    Ending,
    PlayedService,
    Simulation,
    answer_to,
    images_of,
    numbers_in,
    plan_of,
    play_in_time,
    status,
)

from vision_grpc.config import Limits, RetryPolicy
from vision_grpc.errors import Code, ServiceError
from vision_grpc.events import Event, QuotaLearned
from vision_grpc.results import Answer
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.session.monitor import Monitor
from vision_grpc.stream.effects import Send
from vision_grpc.stream.learned_rate import LearnedRate
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.turn import Turn

_REFUSAL = ServiceError(Code.RESOURCE_EXHAUSTED, "quota")


@pytest.mark.parametrize("kind", ["bucket", "window", "jittered"])
@pytest.mark.parametrize(("per_s", "clients"), [(1, 1), (5, 1), (5, 4), (20, 1), (20, 4)])
def test_a_hidden_quota_is_used_up_and_rarely_exceeded(kind: Kind, per_s: float, clients: int) -> None:
    outcome = play(Case(kind, per_s, clients, 0.5), 140.0 if per_s < 20 else 60.0)
    assert outcome.is_good, outcome


@pytest.mark.parametrize("latency_s", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("clients", [2, 3, 4])
def test_clients_that_do_not_know_of_each_other_take_turns_at_a_quota_of_one(clients: int, latency_s: float) -> None:
    outcome = play(Case("bucket", 1, clients, latency_s))
    assert outcome.is_good, outcome
    assert outcome.fairness > 0.2


@pytest.mark.parametrize("kind", ["window", "jittered"])
@pytest.mark.parametrize("clients", [2, 3, 4])
def test_clients_take_turns_where_the_service_does_not_say_when_to_come_again(kind: Kind, clients: int) -> None:
    # Single cases are over the limits by chance.
    outcomes = [play(Case(kind, 1, clients, 0.5), seed=seed) for seed in range(5)]
    assert not any(outcome.lost for outcome in outcomes)
    assert fmean(outcome.refused for outcome in outcomes) <= 0.12
    assert fmean(outcome.used for outcome in outcomes) >= 0.78


@pytest.mark.parametrize("kind", ["bucket", "window", "jittered"])
def test_no_image_is_lost_where_many_share_a_small_quota(kind: Kind) -> None:
    outcome = play(Case(kind, 1, 16, 0.5), 60.0)
    assert outcome.lost == 0
    assert all(outcome.learned_per_s)


def test_a_quota_that_is_never_reached_is_not_learned() -> None:
    outcome = play(Case("bucket", 20, 1, 2.0), 60.0)
    assert outcome.refused == 0
    assert outcome.learned_per_s == [None]


def test_waits_of_a_whole_second_do_not_slow_a_fast_client_down() -> None:
    outcome = play(Case("window", 20, 1, 0.05), 60.0)
    assert outcome.is_good, outcome


@pytest.mark.parametrize("clients", [1, 2])
def test_the_rate_recovers_when_the_quota_is_raised(clients: int) -> None:
    outcome = play(Case("bucket", 1, clients, 0.2, later_per_s=20), 280.0, settles_s=260.0)
    assert outcome.lost == 0
    assert outcome.refused <= 0.1
    assert sum(per_s or 0.0 for per_s in outcome.learned_per_s) > 15


def test_the_rate_stays_near_what_is_sent_where_the_quota_is_not_reached_any_more() -> None:
    # Eight calls of 0.2 s at a time are at most 40 a second.
    [per_s] = play(Case("bucket", 5, 1, 0.2, later_per_s=500), 120.0).learned_per_s
    assert per_s is not None
    assert 40 < per_s < 200


@pytest.mark.parametrize("clients", [1, 4])
def test_clients_that_stop_now_and_then_lose_nothing(clients: int) -> None:
    outcome = play(Case("bucket", 5, clients, 0.2, stops_s=3.0))
    assert outcome.is_good, outcome


def test_clients_that_start_late_lose_nothing() -> None:
    outcome = play(Case("bucket", 5, 4, 0.2, starts_within_s=60.0))
    assert outcome.is_good, outcome
    assert all(outcome.learned_per_s)


@pytest.mark.parametrize("closed_s", [20.0, 120.0])
@pytest.mark.parametrize("kind", ["bucket", "window", "jittered"])
@pytest.mark.parametrize(("per_s", "clients"), [(1, 1), (1, 4), (5, 1), (5, 4)])
def test_a_quota_that_was_closed_is_used_soon_after_it_has_opened(
    kind: Kind, per_s: float, clients: int, closed_s: float
) -> None:
    opens_at = 60.0 + closed_s
    case = Case(kind, per_s, clients, 0.2, closed=(60.0, opens_at))
    outcome = play(case, opens_at + 120.0, settles_s=opens_at + 60.0)
    assert outcome.lost == 0
    assert outcome.used >= 0.5


@pytest.mark.parametrize("kind", ["bucket", "window", "jittered"])
@pytest.mark.parametrize("per_s", [1, 20])
def test_a_quota_that_stays_closed_is_asked_less_and_less_often(kind: Kind, per_s: float) -> None:
    asked = [
        play(Case(kind, per_s, 1, 0.2, closed=(60.0, 1000.0)), until, settles_s=until - 120.0).asked
        for until in (180.0, 360.0)
    ]
    assert asked[0] <= 140
    assert asked[1] <= 20


_steps = st.lists(
    st.tuples(
        st.floats(0, 5),  # Time that passes.
        st.sampled_from(["in", "refused", "reserve", "charge"]),
        st.none() | st.floats(0, 100),  # The wait asked for.
        st.floats(0, 10),  # How long ago the call was sent.
    ),
    max_size=200,
)


@given(steps=_steps)
def test_the_rate_is_positive_and_times_are_in_order(steps: list[tuple[float, str, float | None, float]]) -> None:
    rate, now, last = LearnedRate(), 0.0, float("-inf")
    version = rate.version
    for pause, what, asked_s, ago in steps:
        now += pause
        if what == "in":
            rate.let_through(now - ago, now)
        elif what == "refused":
            before = rate.per_s
            rate.refused(now - ago, now, asked_s)
            # What was raised before may be taken back, and nothing is ever faster after a refusal.
            assert before is None or (rate.per_s is not None and rate.per_s <= before)
        elif what == "charge":
            rate.charge(now)
        else:
            leaves_at = rate.reserve(now)
            assert leaves_at >= now
            assert version != rate.version or leaves_at >= last
            last, version = leaves_at, rate.version
        assert rate.per_s is None or 1 / 50 <= rate.per_s < 1e6


def test_nothing_is_learned_before_a_call_was_let_through() -> None:
    rate = LearnedRate()
    rate.refused(1.0, 2.0, None)
    assert rate.per_s is None
    assert rate.reserve(3.0) == 3.0


def test_a_client_that_is_only_refused_has_its_times_after_a_while() -> None:
    rate = LearnedRate()
    rate.refused(1.0, 2.0, None)
    rate.refused(4.0, 4.5, None)
    assert rate.holds_back
    assert rate.per_s is None
    assert rate.reserve(4.5) > 4.5
    rate.let_through(rate.reserve(4.5), 8.0)
    assert rate.per_s is not None


def test_times_that_were_taken_in_slots_do_not_hold_for_the_rate_that_follows() -> None:
    rate = LearnedRate()
    for number in range(2):
        rate.refused(4.0 * number, 4.0 * number + 0.5, None)
    at = 4.5
    while rate._slots is not None:
        sent_at, at, version = rate.reserve(at), rate.reserve(at), rate.version
        rate.let_through(sent_at, at)
    learned = rate.per_s
    assert learned is not None
    assert learned > 1
    assert rate.version > version
    assert rate.ready_at(at) == pytest.approx(at + 1 / learned)
    rate.refused(at - 0.5, at + 0.1, None)
    assert rate.per_s == learned


def test_the_times_of_a_slow_client_with_permits_are_those_of_the_permits() -> None:
    rate = LearnedRate(has_permits=True)
    rate.let_through(0.5, 0.6)
    for number in range(1, 40):
        rate.refused(number, number + 0.5, None)
    assert rate.per_s is not None
    assert rate.per_s < 0.1
    assert [rate.reserve(100.0), rate.reserve(100.0)] == [100.0, pytest.approx(100.0 + 1 / rate.per_s)]


def test_one_refusal_counts_for_all_calls_that_were_under_way() -> None:
    rate = LearnedRate()
    for number in range(10):
        rate.let_through(0.1 * number, 0.1 * number)
    rate.refused(1.0, 2.0, None)
    learned = rate.per_s
    assert learned is not None
    assert learned == pytest.approx(0.85 * 10)
    for sent_at in (1.5, 1.9, 2.0):
        rate.refused(sent_at, 2.5, None)
    assert rate.per_s == learned
    rate.refused(2.1, 3.0, None)
    assert rate.per_s < learned


def test_times_that_were_reserved_before_a_refusal_do_not_hold() -> None:
    throttle = Throttle(Limits())
    for number in range(5):
        throttle.answered(0.1 * number, 0.1 * number)
    throttle.refused(0.5, 1.0, None)
    turns = [Turn(throttle) for _ in range(10)]
    reserved = [turn.leaves_at(1, 1.0) for turn in turns]
    assert reserved == sorted(set(reserved))
    throttle.refused(1.1, 1.2, None)
    again = [turn.leaves_at(1, 1.2) for turn in turns]
    gaps = {round(late - early, 6) for early, late in pairwise(again)}
    assert throttle.learned_per_s is not None
    assert gaps == {round(1 / throttle.learned_per_s, 6)}


@pytest.mark.parametrize("stated", [2.0, 10.0])
def test_a_stated_quota_is_not_exceeded_and_may_be_lowered(stated: float) -> None:
    def world(send: Send, now: float) -> Ending:
        second = int(now)
        arrived[second] += 1
        refuses = arrived[second] > 1
        return Ending(now + 0.05, _REFUSAL if refuses else answer_to(send))

    arrived: Counter[int] = Counter()
    simulation = Simulation(plan_of(Limits(requests_per_s=stated)))
    played = play_in_time(simulation, images_of(400), world)
    assert all(result.ok for result in played.results)
    for start in played.times:
        assert sum(start <= at < start + 0.999 for at in played.times) <= stated
    learned = simulation.throttle.learned_per_s
    assert learned is not None
    assert learned < 2


def test_a_refusal_within_an_answer_costs_its_image_no_attempt() -> None:
    refusals = 20

    def world(send: Send, now: float) -> Ending:
        nonlocal refusals
        if 0 not in numbers_in(send) or not refusals:
            return Ending(now + 0.1, answer_to(send))
        refusals -= 1
        results = [status(Code.RESOURCE_EXHAUSTED) if number == 0 else FINE for number in numbers_in(send)]
        return Ending(now + 0.1, Answer([MessageOutcome(result) for result in results], "id", "grpc"))

    results = play_in_time(Simulation(plan_of(retry=RetryPolicy(budget=0))), images_of(8), world).results
    assert [result.ok for result in results] == [True] * 8
    assert max(result.attempts for result in results) == 21


def test_a_refusal_is_free_whatever_befell_the_other_images_of_the_call() -> None:
    refusals = iter(range(10))

    def world(send: Send, now: float) -> Ending:
        numbers = numbers_in(send)
        if 0 not in numbers:
            return Ending(now + 0.1, answer_to(send))
        last = next(refusals, None)
        if last is None:
            return Ending(now + 0.1, answer_to(send))
        codes = {0: Code.RESOURCE_EXHAUSTED, 1: Code.UNAVAILABLE if last == 9 else Code.RESOURCE_EXHAUSTED}
        results = [status(codes[number]) if number in codes else FINE for number in numbers]
        return Ending(now + 0.1, Answer([MessageOutcome(result) for result in results], "id", "grpc"))

    results = play_in_time(Simulation(plan_of()), images_of(8), world).results
    assert {result.key: result.attempts for result in results if result.attempts > 1} == {"0": 11, "1": 11}
    assert all(result.ok for result in results)


def test_calls_may_be_answered_while_others_are_refused() -> None:
    """Each in a thread of its own: one counts the answers, to which another adds."""
    throttle = Throttle(Limits())
    other = threading.Thread(target=throttle.answered, args=[0.3, 0.35])

    class Slow(deque[float]):
        """Lets the other thread go on in the middle."""

        def __iter__(self) -> Iterator[float]:
            for each in super().__iter__():
                yield each
                if other.ident is None:
                    other.start()
                    other.join(0.05)

    throttle._learned._let_through = Slow(maxlen=256)
    for sent_at in (0.1, 0.2):
        throttle.answered(sent_at, sent_at)
    throttle.refused(0.4, 0.5, None)
    other.join()
    assert throttle.learned_per_s is not None


def test_what_is_learned_is_reported_when_it_is_new_and_when_it_has_changed_much(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "vision_grpc.calls")
    events: list[Event] = []
    monitor = Monitor(events.append)
    assert monitor.stats().learned_requests_per_s is None
    for per_s in (4.0, 4.5, 3.0, 5.9, 6.0, 4.1, 4.0):
        monitor.quota_learned(per_s)
    assert events == [QuotaLearned(4.0), QuotaLearned(6.0), QuotaLearned(4.0)]
    assert monitor.stats().learned_requests_per_s == 4.0
    assert [vars(record)["vision_requests_per_s"] for record in caplog.records] == [4.0, 6.0, 4.0]
    assert caplog.messages[0] == "the service refuses calls for a quota: from now on 4 a second leave"


def test_where_retries_do_not_wait_no_rate_is_learned() -> None:
    replies = iter([None, *[_REFUSAL] * 3])
    simulation = Simulation(plan_of()._replace(waits=False))
    played = PlayedService(lambda send: next(replies, None) or answer_to(send)).play_on(simulation, images_of(80))
    assert all(result.ok for result in played.results)
    assert simulation.throttle.learned_per_s is None
    assert set(played.times) == {0.0}
