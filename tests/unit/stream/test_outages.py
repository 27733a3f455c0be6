"""Streams whose service is away for a while, no matter which machine reports it."""

import logging
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from images_in_bytes import number_in
from run_simulation import (
    Ending,
    PlayedService,
    Simulation,
    answer_to,
    config_of,
    images_of,
    numbers_in,
    plan_of,
    play_in_time,
)

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.errors import (
    Code,
    DeadlineError,
    MachineError,
    PathError,
    ProtocolError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.results import Answer
from vision_grpc.stream.effects import Send
from vision_grpc.stream.outage import PROBE_S
from vision_grpc.stream.run import Run

_WINDOW = Limits().calls_in_flight
_CALL_S = 0.01
_NEVER = float("inf")
_FAULTS = {
    "refused": PathError("was not reached: connection refused"),
    "closed": TransportError("it was closed before any answer"),
    "502 or 503": ServiceError(Code.UNAVAILABLE, "no healthy upstream"),
    "504": ServiceError(Code.DEADLINE_EXCEEDED, "upstream request timeout"),
    "asks for a wait": ServiceError(Code.UNAVAILABLE, "try again", retry_after_s=2),
}
_by_fault = pytest.mark.parametrize("fault", _FAULTS.values(), ids=_FAULTS)


class _Mortal:
    """A service that is away for a while, once it has answered; or from the start."""

    def __init__(self, simulation: Simulation, fault: VisionError, returns_at: float, *, answers: int = 1) -> None:
        self._simulation = simulation
        self._fault = fault
        self._returns_at = returns_at
        self._answers = answers

    def reply(self, send: Send) -> Answer | VisionError:
        self._simulation.now += _CALL_S
        self._answers -= 1
        is_away = self._answers < 0 and self._simulation.now < self._returns_at
        return self._fault if is_away else answer_to(send)


def _looks(away_s: float) -> float:
    """At most so many calls look for a service, but for bad luck with the backoff."""
    return 10 + 2 * away_s / PROBE_S


@_by_fault
@pytest.mark.parametrize("away_s", [3.0, 25.0, 500.0])
def test_images_wait_for_a_service_that_is_away_for_a_while(fault: VisionError, away_s: float) -> None:
    simulation = Simulation(plan_of())
    service = _Mortal(simulation, fault, away_s)
    results, calls, _ = PlayedService(service.reply).play_on(simulation, images_of(2_000))
    assert [result.ok for result in results] == [True] * 2_000
    assert len(calls) < 2_000 / MOST_IMAGES + _looks(away_s)
    assert simulation.now < away_s + PROBE_S + 2_000 / MOST_IMAGES * _CALL_S


@_by_fault
@pytest.mark.parametrize("away_s", [1.5, 6.0, RetryPolicy().max_backoff_s - PROBE_S])
def test_images_wait_for_a_service_that_is_starting(fault: VisionError, away_s: float) -> None:
    simulation = Simulation(plan_of())
    service = _Mortal(simulation, fault, away_s, answers=0)
    results, calls, _ = PlayedService(service.reply).play_on(simulation, images_of(400))
    assert [result.ok for result in results] == [True] * 400
    assert len(calls) < 400 / MOST_IMAGES + _looks(away_s)


def _next_stream(simulation: Simulation, now: float) -> Simulation:
    """Begin another stream of the same client."""
    rng = random.Random(7)  # noqa: S311 - no secret
    simulation.run = Run(simulation.plan, simulation.shared, rng, simulation.monitor, config_of)
    simulation.now = now
    return simulation


_IDLE_S = Timeouts().total_s + 100


@_by_fault
@pytest.mark.parametrize("idle_s", [0.0, _IDLE_S, 100 * _IDLE_S])
def test_the_time_without_work_before_an_outage_does_not_count(fault: VisionError, idle_s: float) -> None:
    simulation = Simulation(plan_of())
    assert PlayedService(answer_to).play_on(simulation, images_of(8)).results[0].ok
    simulation = _next_stream(simulation, simulation.now + idle_s)
    service = _Mortal(simulation, fault, simulation.now + 40, answers=0)
    results = PlayedService(service.reply).play_on(simulation, images_of(40)).results
    assert [result.ok for result in results] == [True] * 40


@_by_fault
def test_each_outage_of_a_stream_is_waited_for_from_its_own_start(fault: VisionError) -> None:
    def world(send: Send, now: float) -> Ending:
        is_away = now % (2 * _IDLE_S) < _IDLE_S / 2
        return Ending(now + _CALL_S, fault) if is_away else Ending(now + _IDLE_S / 5, answer_to(send))

    simulation = Simulation(plan_of(Limits(calls_in_flight=1), timeouts=Timeouts(call_s=_IDLE_S)))
    simulation.now = _IDLE_S
    results = play_in_time(simulation, images_of(160), world).results
    assert [result.ok for result in results] == [True] * 160
    assert simulation.now > 4 * _IDLE_S


@_by_fault
@pytest.mark.parametrize("was_there", [False, True])
def test_each_stream_waits_anew_for_a_service_that_an_earlier_one_gave_up(fault: VisionError, was_there: bool) -> None:  # noqa: FBT001
    simulation = Simulation(plan_of())
    service = _Mortal(simulation, fault, _NEVER, answers=was_there)
    assert not PlayedService(service.reply).play_on(simulation, images_of(40)).results[-1].ok
    simulation = _next_stream(simulation, simulation.now + 60)
    service = _Mortal(simulation, fault, simulation.now + 20, answers=0)
    results = PlayedService(service.reply).play_on(simulation, images_of(40)).results
    assert [result.ok for result in results] == [True] * 40


def test_a_call_that_the_machine_has_no_means_for_says_nothing_about_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    simulation = Simulation(plan_of())
    shortage = MachineError("this process may open no more files")
    with caplog.at_level(logging.INFO):
        results, calls, _ = PlayedService(lambda _: shortage).play_on(simulation, images_of(8))
    assert [(result.attempts, result.ok) for result in results] == [(RetryPolicy().attempts, False)] * 8
    assert len(calls) == RetryPolicy().attempts
    assert 0 < simulation.now < RetryPolicy().max_backoff_s
    assert simulation.throttle.calls == _WINDOW
    assert caplog.records == []


def test_a_machine_that_lacks_something_for_a_moment_costs_no_image() -> None:
    replies = iter([MachineError("this process may open no more files")] * 3)
    results, _, _ = PlayedService(lambda send: next(replies, None) or answer_to(send)).play(plan_of(), images_of(8))
    assert [(result.attempts, result.ok) for result in results] == [(4, True)] * 8


@pytest.mark.parametrize("end", [ServiceError(Code.PERMISSION_DENIED, "no"), ProtocolError("what?"), None])
def test_each_outage_is_logged_however_the_last_one_ended(
    end: VisionError | None, caplog: pytest.LogCaptureFixture
) -> None:
    def world(send: Send, now: float) -> Ending:
        is_back = now >= simulation_began + 20
        return Ending(now + _CALL_S, (end or answer_to(send)) if is_back else _FAULTS["refused"])

    simulation = Simulation(plan_of())
    with caplog.at_level(logging.INFO):
        for simulation_began in (0.0, 100.0, 200.0):
            play_in_time(_next_stream(simulation, simulation_began), images_of(8), world)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"] * 3


@_by_fault
def test_one_attempt_is_enough_to_wait_for_a_service(fault: VisionError) -> None:
    simulation = Simulation(plan_of(retry=RetryPolicy(attempts=1, budget=0)))
    service = _Mortal(simulation, fault, 25.0)
    results, _, _ = PlayedService(service.reply).play_on(simulation, images_of(400))
    assert [result.ok for result in results] == [True] * 400


def _down(fault: VisionError, began: float, ended: float) -> Callable[[Send, float], Ending]:
    """A service that takes half a second, and is away from one time to another."""

    def world(send: Send, now: float) -> Ending:
        if began <= now < ended:
            return Ending(now + _CALL_S, fault)
        if now < began < now + 0.5:
            return Ending(began, fault)
        return Ending(now + 0.5, answer_to(send))

    return world


@_by_fault
def test_what_was_under_way_is_sent_again_and_one_call_at_a_time_looks_for_the_service(fault: VisionError) -> None:
    simulation = Simulation(plan_of())
    results, calls, times = play_in_time(simulation, images_of(400), _down(fault, 0.75, 25.75))
    assert [result.ok for result in results] == [True] * 400
    assert len(calls) < 400 / MOST_IMAGES + _WINDOW + _looks(25.0)
    in_outage = [at for at in times if 0.75 < at < 25.75]
    assert all(later - earlier > _CALL_S for earlier, later in pairwise(in_outage))


def test_after_an_outage_the_window_is_soon_full_again() -> None:
    simulation = Simulation(plan_of())
    _, _, times = play_in_time(simulation, images_of(1_000), _down(_FAULTS["closed"], 0.75, 10.0))
    back = [at for at in times if at >= 10.0]
    assert [len([at for at in back if at == start]) for start in sorted(set(back))][:4] == [1, 2, 4, 8]


@_by_fault
def test_a_service_that_stays_away_is_not_waited_for_by_each_image(fault: VisionError) -> None:
    simulation = Simulation(plan_of())
    service = _Mortal(simulation, fault, _NEVER)
    results, _, _ = PlayedService(service.reply).play_on(simulation, images_of(20_000))
    assert [result.ok for result in results].count(True) == MOST_IMAGES
    assert len(results) == 20_000
    assert simulation.now < 2 * Timeouts().total_s


@_by_fault
def test_a_service_that_was_never_there_is_not_waited_for_long(
    fault: VisionError, caplog: pytest.LogCaptureFixture
) -> None:
    simulation = Simulation(plan_of())
    service = _Mortal(simulation, fault, _NEVER, answers=0)
    with caplog.at_level(logging.WARNING):
        results, _, _ = PlayedService(service.reply).play_on(simulation, images_of(20_000))
    assert len(results) == 20_000
    assert not any(result.ok for result in results)
    assert simulation.now < Timeouts().total_s / 2
    assert [record.getMessage() for record in caplog.records] == [f"images wait for the service: {fault}"]


def test_an_image_that_waits_for_a_service_ends_in_time_with_what_happened() -> None:
    simulation = Simulation(plan_of(timeouts=Timeouts(call_s=10, total_s=20)))
    images = _WINDOW * MOST_IMAGES
    results = play_in_time(simulation, images_of(images), _down(_FAULTS["closed"], 0.25, _NEVER)).results
    errors = [result.error for result in results if result.error is not None]
    assert len(errors) == images
    assert all("closed before any answer" in error.message for error in errors)
    assert simulation.now <= 20


def test_images_that_kill_the_service_each_time_end_and_the_others_succeed() -> None:
    """Their service is back two seconds later, and everything that was under way is lost with it."""
    killed_at, returns_at = _NEVER, 0.0
    kills = 0

    def world(send: Send, now: float) -> Ending:
        nonlocal killed_at, returns_at, kills
        if now < returns_at and now >= killed_at:
            return Ending(now, _FAULTS["refused"])
        if 13 in numbers_in(send):
            kills += 1
            killed_at, returns_at = now + 0.25, now + 2.25
        if now <= killed_at < now + 0.5:
            return Ending(killed_at, _FAULTS["closed"])
        return Ending(now + 0.5, answer_to(send))

    simulation = Simulation(plan_of())
    results = play_in_time(simulation, images_of(2_000), world).results
    guilty = next(result for result in results if result.key == "13")
    assert not guilty.ok
    assert kills <= 2 * RetryPolicy().attempts
    assert len([result for result in results if not result.ok]) == MOST_IMAGES
    assert simulation.now < Timeouts().total_s / 2


def test_a_service_that_goes_again_and_again_costs_no_image() -> None:
    def world(send: Send, now: float) -> Ending:
        goes_at = 4.0 * (now // 4.0) + 2.0
        if now >= goes_at:
            return Ending(now + _CALL_S, _FAULTS["refused"])
        is_cut = now + 0.3 > goes_at
        return Ending(goes_at, _FAULTS["closed"]) if is_cut else Ending(now + 0.3, answer_to(send))

    results = play_in_time(Simulation(plan_of()), images_of(4_000), world).results
    assert [result.ok for result in results] == [True] * 4_000


def test_a_call_that_breaks_while_others_are_answered_is_an_attempt() -> None:
    def world(send: Send, now: float) -> Ending:
        is_first = 0 in map(number_in, send.contents)
        return Ending(now + 1.0, _FAULTS["closed"]) if is_first else Ending(now + 0.1, answer_to(send))

    simulation = Simulation(plan_of(Limits(calls_in_flight=2)))
    results = play_in_time(simulation, images_of(8_000), world).results
    failed = [result for result in results if not result.ok]
    assert {int(result.key) for result in failed} == set(range(MOST_IMAGES))
    assert {result.attempts for result in failed} == {RetryPolicy().attempts}


def test_a_deadline_is_an_attempt_for_the_service_may_be_at_work() -> None:
    results, calls, _ = PlayedService(lambda _: DeadlineError("late")).play(plan_of(), images_of(1))
    assert len(calls) == results[0].attempts == RetryPolicy().attempts


def test_a_refusal_for_a_quota_is_no_attempt_once_it_has_let_calls_through() -> None:
    replies = iter([None, *[ServiceError(Code.RESOURCE_EXHAUSTED, "quota")] * 20])
    simulation = Simulation(plan_of(Limits(calls_in_flight=1), RetryPolicy(budget=0)))
    service = PlayedService(lambda send: next(replies, None) or answer_to(send))
    results, _, _ = service.play_on(simulation, images_of(16))
    assert [result.attempts for result in results] == [1] * 8 + [21] * 8


def test_a_quota_is_waited_for_however_long_ago_it_let_a_call_through() -> None:
    simulation = Simulation(plan_of())
    PlayedService(answer_to).play_on(simulation, images_of(8))
    _next_stream(simulation, _IDLE_S)
    replies = iter([ServiceError(Code.RESOURCE_EXHAUSTED, "quota")] * 10)
    service = PlayedService(lambda send: next(replies, None) or answer_to(send))
    results = service.play_on(simulation, images_of(8)).results
    assert [(result.attempts, result.ok) for result in results] == [(11, True)] * 8


def test_an_empty_stock_makes_images_wait_however_long_ago_the_last_success_was() -> None:
    simulation = Simulation(plan_of(retry=RetryPolicy(budget=20, attempts=100)))
    PlayedService(answer_to).play_on(simulation, images_of(8))
    _next_stream(simulation, _IDLE_S)
    replies = iter([ServiceError(Code.INTERNAL, "broken")] * 25)
    service = PlayedService(lambda send: next(replies, None) or answer_to(send))
    results = service.play_on(simulation, images_of(8)).results
    assert [(result.attempts, result.ok) for result in results] == [(26, True)] * 8


@pytest.mark.parametrize("asked_s", [None, 0.5, 1.0])
def test_a_quota_that_has_let_nothing_through_is_waited_for_a_few_minutes_at_most(asked_s: float | None) -> None:
    refusal = ServiceError(Code.RESOURCE_EXHAUSTED, "no quota was bought", retry_after_s=asked_s)
    simulation = Simulation(plan_of())
    results = PlayedService(lambda _: refusal).play_on(simulation, images_of(8)).results
    [message] = {result.error.message for result in results if result.error is not None}
    assert message == "no quota was bought; this quota has let no call of this client through"
    assert 4 * RetryPolicy().max_backoff_s <= simulation.now <= 5.1 * RetryPolicy().max_backoff_s


@pytest.mark.parametrize("busy_s", [10.0, 100.0])
def test_a_quota_that_others_use_up_is_waited_for_from_the_first_call_on(busy_s: float) -> None:
    def world(send: Send, now: float) -> Ending:
        refusal = ServiceError(Code.RESOURCE_EXHAUSTED, "quota")
        return Ending(now + _CALL_S, refusal if now < busy_s else answer_to(send))

    results = play_in_time(Simulation(plan_of()), images_of(100), world).results
    assert [result.ok for result in results] == [True] * 100


def test_images_that_wait_for_no_quota_end_after_the_usual_attempts() -> None:
    """Where retries do not wait, as in tests."""
    refusal = ServiceError(Code.RESOURCE_EXHAUSTED, "quota")
    results, _, times = PlayedService(lambda _: refusal).play(plan_of()._replace(waits=False), images_of(8))
    assert {result.attempts for result in results} == {RetryPolicy().attempts}
    assert set(times) == {0.0}
