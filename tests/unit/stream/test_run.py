"""Single decisions of a stream, each demanded by a test; `test_run_machine` tries them in every order."""

from collections.abc import Sequence

import pytest
from images_in_bytes import png
from run_simulation import (
    FINE,
    PlayedService,
    Simulation,
    answer_to,
    authorization_of,
    images_of,
    numbers_in,
    plan_of,
    status,
)

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.errors import (
    AuthError,
    Code,
    DeadlineError,
    ProtocolError,
    RequestTooLargeError,
    ReroutedError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.results import Answer, ImageResult, Outcome
from vision_grpc.results.outcomes import MessageOutcome, WireOutcome
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Effect, Emit, Finish, Forget, Pull, Send, Wait
from vision_grpc.stream.intake import LINGER_S
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.rate import PERIOD_S
from vision_grpc.stream.window import OVERDUE_S

# Of calls that left at 0.
_UNTIL_A_CALL_IS_OVER = Wait(Timeouts().call_s + OVERDUE_S)


def test_a_request_that_is_refused_is_bisected_until_the_guilty_are_alone() -> None:
    guilty = {3, 12}
    blame = ServiceError(Code.INVALID_ARGUMENT, "one of these is no image")

    def reply(send: Send) -> Answer | VisionError:
        return blame if guilty & set(numbers_in(send)) else answer_to(send)

    results, calls, _ = PlayedService(reply).play(plan_of(), images_of(16))
    assert {int(result.key) for result in results if not result.ok} == guilty
    assert all(result.error.code is Code.INVALID_ARGUMENT for result in results if result.error)
    answered = [number for send in calls if not guilty & set(numbers_in(send)) for number in numbers_in(send)]
    assert sorted(answered) == sorted(set(range(16)) - guilty)
    assert len(calls) == 2 * 7


def test_a_request_that_is_too_large_is_split_without_waiting() -> None:
    def reply(send: Send) -> Answer | VisionError:
        too_large = RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max")
        return too_large if len(send.contents) > 3 else answer_to(send)

    results, calls, times = PlayedService(reply).play(plan_of(), images_of(8))
    assert [result.ok for result in results] == [True] * 8
    assert [len(send.contents) for send in calls] == [8, 4, 2, 2, 2, 2]
    assert set(times) == {0.0}


def test_an_image_that_is_too_large_by_itself_fails_alone() -> None:
    def reply(_: Send) -> VisionError:
        return RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max")

    results, calls, _ = PlayedService(reply).play(plan_of(), images_of(2))
    assert [len(send.contents) for send in calls] == [2, 1, 1]
    assert not any(result.ok for result in results)


def test_only_the_images_that_failed_are_sent_again() -> None:
    seen: set[int] = set()

    def reply(send: Send) -> Answer:
        fresh = [number for number in numbers_in(send) if number not in seen]
        seen.update(fresh)
        busy = [number for number in fresh if number % 3 == 0]
        results = [status(Code.INTERNAL) if number in busy else FINE for number in numbers_in(send)]
        return Answer([MessageOutcome(result) for result in results], "id", "grpc")

    results, calls, _ = PlayedService(reply).play(plan_of(), images_of(8))
    assert [numbers_in(send) for send in calls] == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 3, 6]]
    assert {result.key: result.attempts for result in results} == {
        str(number): 2 if number % 3 == 0 else 1 for number in range(8)
    }


def test_a_refused_token_is_renewed_once() -> None:
    def reply(_: Send) -> VisionError:
        return ServiceError(Code.UNAUTHENTICATED, "stale token")

    results, calls, _ = PlayedService(reply).play(plan_of(), images_of(2))
    assert [send.refused for send in calls] == [None, authorization_of(calls[0].call_id)]
    assert "Bearer" not in f"{calls}"
    assert all(result.error is not None and result.error.code is Code.UNAUTHENTICATED for result in results)


def _refusing(code: Code) -> PlayedService:
    return PlayedService(lambda _: ServiceError(code, "no"))


def test_what_nothing_will_help_is_not_sent_again() -> None:
    for code in (Code.PERMISSION_DENIED, Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.CANCELLED, Code.UNKNOWN):
        results, calls, _ = _refusing(code).play(plan_of(), images_of(3))
        assert len(calls) == 1
        assert all(result.error is not None and result.error.code is code for result in results)


def test_attempts_end() -> None:
    retry = RetryPolicy(attempts=4)
    results, calls, _ = _refusing(Code.INTERNAL).play(plan_of(retry=retry), images_of(1))
    assert len(calls) == 4
    assert [result.attempts for result in results] == [4]


def test_an_empty_stock_of_retries_lets_errors_through() -> None:
    retry = RetryPolicy(attempts=100, budget=5)
    results, calls, _ = _refusing(Code.INTERNAL).play(plan_of(retry=retry), images_of(80))
    assert len(calls) == 10 + 5
    assert len(results) == 80


def test_an_expired_image_names_its_last_fault() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=1), timeouts=Timeouts(call_s=1, total_s=1)))
    simulation.next()
    simulation.run.pulled(images_of(1), exhausted=True)
    send = simulation.next()
    assert isinstance(send, Send)
    simulation.now = 0.1
    simulation.end(send, ServiceError(Code.UNAVAILABLE, "no healthy upstream"))
    assert isinstance(simulation.next(), Wait)
    simulation.now = 2
    emit = simulation.next()
    assert isinstance(emit, Emit)
    (result,) = emit.results
    assert result.error is not None
    assert result.error.code is Code.DEADLINE_EXCEEDED
    assert result.error.message.endswith("for all attempts; the last one: UNAVAILABLE: no healthy upstream")


def test_waits_are_as_long_as_the_service_asks() -> None:
    busy = iter(
        [ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=31), ServiceError(Code.INTERNAL, "bug", retry_after_s=45)]
    )
    service = PlayedService(lambda send: next(busy, None) or answer_to(send))
    results, _, times = service.play(plan_of(), images_of(8))
    assert times == [0.0, 31.0, 76.0]
    assert [result.attempts for result in results] == [3] * 8


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    busy = ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=11)
    results, calls, _ = PlayedService(lambda _: busy).play(plan_of(timeouts=Timeouts(total_s=10)), images_of(1))
    assert len(calls) == 1
    assert results[0].error is not None
    assert results[0].error.cause is busy


def test_no_attempt_starts_after_the_deadline() -> None:
    """Neither for a quota nor for room in the window: such a call could only fail, and would cost quota."""
    replies = iter([ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=1)])
    limits = Limits(requests_per_s=0.1)
    service = PlayedService(lambda send: next(replies, None) or answer_to(send))
    results, calls, times = service.play(plan_of(limits, timeouts=Timeouts(total_s=5)), images_of(1))
    assert times == [0.0]
    assert [send.timeout_s for send in calls] == [5]
    assert [result.ok for result in results] == [False]


def test_a_reader_who_pauses_loses_no_image() -> None:
    plan = plan_of(Limits(bytes_in_flight=len(png(0))), timeouts=Timeouts(total_s=10))
    simulation = Simulation(plan)
    simulation.next()
    simulation.run.pulled(images_of(3), exhausted=True)
    results: list[ImageResult] = []
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Emit):
            results += effect.results
            simulation.now += 11
        elif isinstance(effect, Wait):
            send = next(iter(simulation.calls.values()))
            simulation.end(send, answer_to(send))
    assert [result.ok for result in results] == [True] * 3


def test_a_damaged_part_of_an_answer_is_a_brokenanswer_to() -> None:
    replies: list[Outcome] = [MessageOutcome(FINE), WireOutcome(b"\x0a\x02\xff\xff", has_error=True)]
    answers = iter([Answer(replies, "id", "grpc")])
    results, calls, _ = PlayedService(lambda send: next(answers, None) or answer_to(send)).play(plan_of(), images_of(2))
    assert [numbers_in(send) for send in calls] == [[0, 1], [0, 1]]
    assert [result.ok for result in results] == [True, True]


def test_an_outage_does_not_fill_the_memory() -> None:
    pulled: list[int] = []
    simulation = Simulation(plan_of())
    for _ in range(1_000):
        effect = simulation.next()
        if isinstance(effect, Pull):
            pulled.append(effect.images)
            simulation.run.pulled(images_of(effect.images), exhausted=False)
        elif isinstance(effect, Send):
            simulation.end(effect, TransportError("broken"))
        else:
            assert isinstance(effect, Wait)
            break
    assert sum(pulled) <= Limits().calls_in_flight * MOST_IMAGES


def test_a_slow_source_does_not_idle_the_link() -> None:
    """Images that have come are sent when no call is in flight, though the batch is not full."""
    simulation = Simulation(plan_of())
    assert simulation.next() == Pull(MOST_IMAGES)
    simulation.run.pulled(images_of(1), exhausted=False)
    effect = simulation.next()
    assert isinstance(effect, Send)
    assert numbers_in(effect) == [0]
    assert simulation.next() == Pull(MOST_IMAGES)
    simulation.run.pulled(images_of(1), exhausted=False)
    assert simulation.next() == Pull(MOST_IMAGES - 1)
    assert simulation.next() == Wait(LINGER_S)


def test_what_took_long_to_come_leaves_at_once() -> None:
    simulation = Simulation(plan_of())
    for image in images_of(2):
        assert simulation.next() == Pull(MOST_IMAGES)
        simulation.now += LINGER_S
        simulation.run.pulled([image], exhausted=False)
        assert isinstance(simulation.next(), Send)


def test_a_slow_source_does_not_wait_for_a_slow_call() -> None:
    simulation = _with_one_image_under_way_and_one_gathered(plan_of())
    simulation.now = LINGER_S
    effect = simulation.next()
    assert isinstance(effect, Send)
    assert len(effect.contents) == 1
    assert simulation.next() == _UNTIL_A_CALL_IS_OVER


@pytest.mark.parametrize("limits", [Limits(requests_per_s=0.5), Limits(images_per_s=0.5)])
def test_the_quota_counts_from_when_a_call_leaves_with_its_token(limits: Limits) -> None:
    simulation = Simulation(plan_of(limits))
    simulation.next()
    simulation.run.pulled(images_of(9), exhausted=True)
    first = simulation.next()
    assert isinstance(first, Send)
    simulation.now = 3.0
    simulation.run.authorized(first.call_id, None, simulation.now)
    assert simulation.next() == Wait(3.0 + 2 * PERIOD_S)


def test_a_token_that_comes_soon_costs_the_quota_no_second_request() -> None:
    simulation = Simulation(plan_of(Limits(requests_per_s=0.5)))
    simulation.next()
    simulation.run.pulled(images_of(9), exhausted=True)
    first = simulation.next()
    assert isinstance(first, Send)
    simulation.now = 0.1
    simulation.run.authorized(first.call_id, None, simulation.now)
    assert simulation.next() == Wait(0.1 + 2 * PERIOD_S)


@pytest.mark.parametrize("limits", [Limits(requests_per_s=0.5), Limits(images_per_s=0.5)])
def test_what_a_slow_source_brings_gathers_until_the_quota_lets_it_go(limits: Limits) -> None:
    simulation = _with_one_image_under_way_and_one_gathered(plan_of(limits))
    simulation.now = LINGER_S
    assert simulation.next() == Wait(2 * PERIOD_S)
    simulation.now = 2 * PERIOD_S
    assert isinstance(simulation.next(), Send)


def test_what_a_slow_source_brings_gathers_while_the_window_is_full() -> None:
    simulation = _with_one_image_under_way_and_one_gathered(plan_of(Limits(calls_in_flight=2)))
    simulation.throttle.pushed_back(0.0, 0.0)
    simulation.now = LINGER_S
    assert simulation.next() == _UNTIL_A_CALL_IS_OVER


def _with_one_image_under_way_and_one_gathered(plan: Plan) -> Simulation:
    simulation = Simulation(plan)
    for image in images_of(2):
        assert isinstance(simulation.next(), Pull)
        simulation.run.pulled([image], exhausted=False)
        if not simulation.calls:
            assert isinstance(simulation.next(), Send)
    simulation.next()
    return simulation


def test_the_error_that_ends_a_stream_says_which_images_have_no_result() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=1)))
    simulation.next()
    simulation.run.pulled(images_of(8), exhausted=False)
    effect = simulation.next()
    assert isinstance(effect, Send)
    error = AuthError("no token")
    simulation.run.abandoned(error)
    assert error.__notes__ == ["without a result: 0, 1, 2, 3, 4, 5, 6, 7"]


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.INVALID_ARGUMENT, Code.UNAUTHENTICATED])
def test_without_a_token_nothing_more_is_sent_and_what_is_under_way_is_waited_for(code: Code) -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=3))._replace(ordered=True))
    sends: list[Send] = []
    while len(sends) < 3:
        if isinstance(effect := simulation.next(), Pull):
            simulation.run.pulled(
                images_of(len(sends) * MOST_IMAGES + effect.images)[-effect.images :], exhausted=False
            )
        elif isinstance(effect, Send):
            sends.append(effect)
    error = AuthError("no token")
    first, second, third = sends
    simulation.run.unauthorized(second.call_id, error, 0.0)
    assert simulation.next() == _UNTIL_A_CALL_IS_OVER
    simulation.end(third, ServiceError(code, "what would be worth another attempt"))
    assert simulation.next() == _UNTIL_A_CALL_IS_OVER
    simulation.end(first, answer_to(first))
    results = [result for _ in range(2) for result in _emitted(simulation.next())]
    assert [result.key for result in results] == [str(number) for number in (*numbers_in(first), *numbers_in(third))]
    assert [result.ok for result in results] == [True] * MOST_IMAGES + [False] * MOST_IMAGES
    assert simulation.next() == Finish()
    assert simulation.ended_by is error
    simulation.run.abandoned(error, ["read ahead.png"])
    assert error.__notes__ == [f"without a result: {', '.join(map(str, numbers_in(second)))}, 'read ahead.png'"]


def _emitted(effect: Effect) -> Sequence[ImageResult]:
    assert isinstance(effect, Emit)
    return effect.results


def test_a_token_that_a_call_had_no_time_for_ends_no_stream() -> None:
    simulation = Simulation(plan_of(timeouts=Timeouts(call_s=10, total_s=20)))
    simulation.next()
    simulation.run.pulled(images_of(8), exhausted=False)
    first = simulation.next()
    assert isinstance(first, Send)
    simulation.now = 19.0
    simulation.end(first, ServiceError(Code.UNAUTHENTICATED, "stale"))
    again = simulation.next()
    assert isinstance(again, Send)
    assert again.timeout_s == 1.0
    error = AuthError("no token in time")
    simulation.calls.pop(again.call_id)
    simulation.run.unauthorized(again.call_id, error, 20.0)
    results = _emitted(simulation.next())
    assert {result.error.cause for result in results if result.error is not None} == {error}
    assert isinstance(simulation.next(), Pull)


def test_no_turn_is_waited_for_that_comes_too_late() -> None:
    simulation = Simulation(plan_of(Limits(requests_per_s=0.5))._replace(deadline=1.0))
    simulation.next()
    simulation.run.pulled(images_of(9), exhausted=True)
    first = simulation.next()
    assert isinstance(first, Send)
    (late,) = _emitted(simulation.next())
    assert late.error is not None
    assert late.error.code is Code.DEADLINE_EXCEEDED
    assert late.attempts == 0
    # Nobody else waits longer for it.
    assert simulation.throttle.ready_at(8, 0.0) == 2 * PERIOD_S


def test_a_call_that_does_not_end_is_given_up() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=1)))
    simulation.next()
    simulation.run.pulled(images_of(1), exhausted=True)
    send = simulation.next()
    assert isinstance(send, Send)
    assert simulation.next() == _UNTIL_A_CALL_IS_OVER
    simulation.now = Timeouts().call_s + OVERDUE_S
    assert simulation.next() == Forget(send.call_id)
    simulation.forget(send)
    assert isinstance(simulation.next(), Wait)
    simulation.now += 60
    assert isinstance(simulation.next(), Send)


def test_a_shell_that_was_away_hears_first_what_came_meanwhile() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=1)))
    simulation.next()
    simulation.run.pulled(images_of(1), exhausted=True)
    send = simulation.next()
    assert isinstance(send, Send)
    simulation.now = 1_000.0
    assert simulation.next() == Wait(1_000.0 + OVERDUE_S)
    simulation.end(send, answer_to(send))
    assert [result.ok for result in _emitted(simulation.next())] == [True]


def test_a_source_that_brings_nothing_is_not_waited_for_beyond_the_deadline() -> None:
    simulation = Simulation(plan_of()._replace(deadline=1.0))
    assert isinstance(simulation.next(), Pull)
    assert simulation.next() == Wait(1.0)
    simulation.now = 1.0
    assert simulation.next() == Finish()
    assert isinstance(simulation.ended_by, DeadlineError)


def test_what_was_to_go_another_way_is_not_sent_without_a_token() -> None:
    """It has no result, and the error that ends the stream says so."""
    simulation = Simulation(plan_of(Limits(calls_in_flight=2)))
    sends: list[Send] = []
    while len(sends) < 2:
        if isinstance(effect := simulation.next(), Pull):
            simulation.run.pulled(images_of(effect.images), exhausted=False)
        elif isinstance(effect, Send):
            sends.append(effect)
    error = AuthError("no token")
    simulation.run.unauthorized(sends[1].call_id, error, 0.0)
    simulation.end(sends[0], ReroutedError("the other way"))
    assert simulation.next() == Finish()
    assert simulation.ended_by is error
    simulation.run.abandoned(error)
    assert len(error.__notes__[0].split(", ")) == 2 * MOST_IMAGES


def test_a_refusal_of_no_credentials_is_not_answered_with_the_same() -> None:
    simulation = Simulation(plan_of())
    simulation.next()
    simulation.run.pulled(images_of(1), exhausted=True)
    send = simulation.next()
    assert isinstance(send, Send)
    simulation.run.authorized(send.call_id, None, 0.0)
    simulation.end(send, ServiceError(Code.UNAUTHENTICATED, "who are you"))
    (result,) = _emitted(simulation.next())
    assert result.attempts == 1


def test_the_window_is_filled_again_as_calls_end() -> None:
    plan = plan_of(Limits(calls_in_flight=3, bytes_in_flight=3 * MOST_IMAGES * len(png(0))))
    simulation = Simulation(plan)
    under_way: list[int] = []
    for _ in range(20):
        while not isinstance(effect := simulation.next(), Wait):
            if isinstance(effect, Pull):
                simulation.run.pulled([Image("key", png(0))] * effect.images, exhausted=False)
        under_way.append(len(simulation.calls))
        send = next(iter(simulation.calls.values()))
        simulation.end(send, answer_to(send))
    assert under_way == [3] * 20


def test_nothing_to_do_is_over_at_once() -> None:
    results, calls, _ = PlayedService(answer_to).play(plan_of(), [])
    assert (results, calls) == ([], [])


def test_a_slow_image_holds_back_a_few_windows_of_results_at_most() -> None:
    """In order, everything after it has to be kept."""
    window = 2
    simulation = Simulation(Plan(Limits(calls_in_flight=window), RetryPolicy(), Timeouts(), ordered=True))
    pulled = 0
    slow: Send | None = None
    for _ in range(1_000):
        effect = simulation.next()
        if isinstance(effect, Pull):
            images = [Image(str(pulled + number), png(pulled + number)) for number in range(effect.images)]
            pulled += len(images)
            simulation.run.pulled(images, exhausted=False)
        elif isinstance(effect, Send) and slow is None:
            slow = effect
        elif isinstance(effect, Send):
            simulation.end(effect, answer_to(effect))
        else:
            break
    assert effect == _UNTIL_A_CALL_IS_OVER
    assert slow is not None
    assert 2 * window * MOST_IMAGES < pulled <= 10 * window * MOST_IMAGES
    simulation.end(slow, answer_to(slow))
    effect = simulation.next()
    assert isinstance(effect, Emit)
    assert [result.key for result in effect.results] == [str(number) for number in range(pulled)]


_PUSHES_BACK: list[Answer | VisionError] = [
    ServiceError(Code.RESOURCE_EXHAUSTED, "quota"),
    DeadlineError("late"),
    Answer([MessageOutcome(FINE)] * 7 + [MessageOutcome(status(Code.RESOURCE_EXHAUSTED))], "id", "grpc"),
]


@pytest.mark.parametrize("outcome", _PUSHES_BACK, ids=map(str, range(len(_PUSHES_BACK))))
def test_a_service_that_has_too_much_to_do_gets_less_at_once(outcome: Answer | VisionError) -> None:
    assert _window_after(outcome) == 4


@pytest.mark.parametrize("outcome", [ServiceError(Code.UNAVAILABLE, "busy"), TransportError("broken")])
def test_a_service_that_answers_no_call_gets_one_at_once(outcome: VisionError) -> None:
    assert _window_after(outcome) == 1


_SAYS_NOTHING_OF_LOAD: list[Answer | VisionError] = [
    ServiceError(Code.INTERNAL, "bug"),
    ServiceError(Code.INVALID_ARGUMENT, "one of these is no image"),
    ServiceError(Code.PERMISSION_DENIED, "no"),
    RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max"),
    ReroutedError("the other way"),
    ProtocolError("garbage"),
    Answer([MessageOutcome(FINE)] * 7 + [MessageOutcome(status(Code.INTERNAL))], "id", "grpc"),
]


@pytest.mark.parametrize("outcome", _SAYS_NOTHING_OF_LOAD, ids=map(str, range(len(_SAYS_NOTHING_OF_LOAD))))
def test_other_failures_leave_the_window_as_it_is(outcome: Answer | VisionError) -> None:
    assert _window_after(outcome) == 8


def _window_after(outcome: Answer | VisionError) -> int:
    simulation = Simulation(plan_of(Limits(calls_in_flight=8)))
    simulation.next()
    simulation.run.pulled(images_of(8), exhausted=True)
    send = simulation.next()
    assert isinstance(send, Send)
    simulation.now = 1.0
    simulation.end(send, outcome)
    return simulation.throttle.calls


def test_answers_refill_the_stock_of_retries() -> None:
    """Each call fails once; two retries are in stock."""
    failed: set[int] = set()

    def reply(send: Send) -> Answer | VisionError:
        first = numbers_in(send)[0]
        if first in failed:
            return answer_to(send)
        failed.add(first)
        return TransportError("broken")

    limits, retry = Limits(calls_in_flight=1), RetryPolicy(budget=2, budget_per_success=1)
    results, calls, _ = PlayedService(reply).play(plan_of(limits, retry), images_of(80))
    assert [result.ok for result in results] == [True] * 80
    assert len(calls) == 20


def test_answers_widen_the_window_again() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=8)))
    simulation.throttle.pushed_back(-1.0, -0.5)
    assert simulation.throttle.calls == 4
    PlayedService(answer_to).play_on(simulation, images_of(50 * MOST_IMAGES))
    assert simulation.throttle.calls == 8


def test_a_stream_goes_on_when_all_that_was_ready_is_too_late() -> None:
    """What gathers in another batch leaves next, though the results that are there wait for it."""
    timeouts = Timeouts(call_s=1, total_s=1.05)
    plan = plan_of(Limits(images_per_s=2, calls_in_flight=1), RetryPolicy(attempts=1), timeouts)
    images = [Image(str(number), png(number), languages=(language,)) for number, language in enumerate("baab")]
    simulation = Simulation(plan._replace(ordered=True))
    parts, results = [images[:3], images[3:]], list[ImageResult]()
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Emit):
            results.extend(effect.results)
        elif isinstance(effect, Send):
            is_too_large = len(effect.contents) > 1
            error = RequestTooLargeError(Code.INVALID_ARGUMENT, "too large")
            simulation.end(effect, error if is_too_large else answer_to(effect))
        elif isinstance(effect, Pull):
            part = parts.pop(0)
            simulation.run.pulled(part, exhausted=not parts)
        elif isinstance(effect, Wait):
            assert effect.until is not None
            simulation.now = effect.until
    assert [(result.key, result.ok) for result in results] == [("0", True), ("1", False), ("2", False), ("3", True)]
