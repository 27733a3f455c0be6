"""Permits of a shared quota, in times made up."""

import math

import pytest
from run_simulation import Simulation, answer_to, images_of, plan_of

from vision_grpc.config import Limits
from vision_grpc.errors import Code, RequestTooLargeError, TransportError
from vision_grpc.stream.effects import Emit, Finish, Pull, Send, Wait
from vision_grpc.stream.permits import PUNCTUAL_S, USABLE_S, Permits, Place, Question
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.turn import Turn


class _World:
    """Permits, streams that want some, and who of them was woken."""

    def __init__(self) -> None:
        self.questions = 0
        self.permits = Permits(self._ask)
        self.woken: list[str] = []

    def _ask(self) -> None:
        self.questions += 1

    def place(self, name: str) -> Place:
        place = Place()
        place.wake = lambda: self.woken.append(name)
        return place


@pytest.fixture
def world() -> _World:
    return _World()


def test_who_waits_is_woken_in_turn(world: _World) -> None:
    first, second = world.place("first"), world.place("second")
    assert world.permits.question(0.0) is None
    assert world.permits.take(first, 8, 0.0) is None
    assert world.permits.take(second, 8, 0.0) is None
    assert world.permits.take(first, 8, 0.0) is None
    assert world.questions == 2
    assert world.permits.question(0.0) == Question(1, 8)
    world.permits.granted([1.0], 8, 10.0)
    assert world.woken == ["first"]
    assert world.permits.take(first, 8, 0.5) == 1.0
    world.permits.used(first, 1.0)
    assert world.permits.take(first, 8, 1.0) is None
    world.permits.granted([1.1, 1.2], 8, 10.0)
    assert world.woken == ["first", "second", "first"]
    assert world.permits.take(second, 8, 1.1) == 1.1
    assert world.permits.question(1.1) is None


@pytest.mark.parametrize(("late_s", "is_gone"), [(0.0, False), (PUNCTUAL_S, False), (PUNCTUAL_S + 0.01, True)])
def test_a_permit_is_good_for_a_moment(world: _World, late_s: float, *, is_gone: bool) -> None:
    place = world.place("only")
    world.permits.take(place, 8, 0.0)
    world.permits.granted([1.0], 8, 10.0)
    assert world.permits.take(place, 8, 1.0 + late_s) == (None if is_gone else 1.0)
    assert (world.permits.question(1.0 + late_s) is not None) is is_gone


def test_a_stream_that_is_always_late_uses_its_permits_late(world: _World) -> None:
    place, now, missed = world.place("only"), 0.0, list[bool]()
    for late_s in (0.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.2, USABLE_S + 0.01, 0.2, 0.0, 0.1):
        world.permits.take(place, 8, now)
        world.permits.granted([now], 8, 10.0)
        now += late_s
        missed.append(world.permits.take(place, 8, now) is None)
        if missed[-1]:
            world.permits.leave(place)
        else:
            world.permits.used(place, now)
        now += 1.0
    assert missed == [True, True, False, True, True, True, False, False, True, False, False, True]


def test_a_permit_is_for_no_larger_request(world: _World) -> None:
    large, small = world.place("large"), world.place("small")
    world.permits.take(large, 4, 0.0)
    world.permits.granted([0.0], 4, 10.0)
    assert world.permits.take(large, 5, 0.0) is None
    assert world.permits.question(0.0) == Question(1, 5)
    assert world.permits.take(small, 3, 0.0) == 0.0
    assert world.permits.take(small, 4, 0.0) == 0.0


def test_what_a_stream_leaves_goes_to_the_next_that_can_use_it(world: _World) -> None:
    first, large, small = (world.place(name) for name in ("first", "large", "small"))
    for place, images in ((first, 4), (large, 8), (small, 2)):
        world.permits.take(place, images, 0.0)
    world.permits.granted([0.0], 4, 10.0)
    world.permits.leave(first)
    assert world.woken == ["first", "small"]
    assert world.permits.take(small, 2, 0.04) == 0.0
    world.permits.leave(large)
    world.permits.leave(small)
    assert world.permits.question(0.04) is None
    assert world.permits.take(first, 4, 0.04) == 0.0, "nobody has used it"


def test_each_that_waits_gets_a_failure_of_its_own(world: _World) -> None:
    first, second, later = (world.place(name) for name in ("first", "second", "later"))
    world.permits.take(first, 8, 0.0)
    world.permits.take(second, 8, 0.0)
    world.permits.failed(lambda: TransportError("broken"))
    assert world.woken == ["first", "second"]
    assert first.failure is not second.failure
    assert world.permits.take(later, 8, 0.0) is None
    assert later.failure is None
    world.permits.end(lambda: TransportError("closed"))
    assert str(later.failure) == "closed"
    assert world.permits.take(world.place("latest"), 8, 0.0) is None
    assert world.woken == ["first", "second", "later", "latest"]


@pytest.mark.parametrize(
    ("per_s", "streams", "requests"), [(1.0, 3, 1), (50.0, 3, 1), (51.0, 3, 3), (51.0, 9, 6), (math.inf, 3, 3)]
)
def test_a_question_is_for_what_streams_want(world: _World, per_s: float, streams: int, requests: int) -> None:
    world.permits.granted([0.0], 1, per_s)
    for number in range(streams):
        world.permits.take(world.place(str(number)), 8, 1.0)
    assert world.permits.question(1.0) == Question(requests, 8)


def test_a_stream_that_uses_a_high_rate_gets_more_at_once(world: _World) -> None:
    place, now, asked = world.place("only"), 1.0, list[int]()
    for _ in range(12):
        world.permits.take(place, 8, now)
        question = world.permits.question(now)
        assert question is not None
        asked.append(question.requests)
        world.permits.granted([now + number / 100 for number in range(question.requests)], 8, 100.0)
        for _ in range(question.requests):
            now = world.permits.take(place, 8, now) or math.nan
            world.permits.used(place, now)
            now += 0.01
    assert asked == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]
    world.permits.take(place, 8, now + 1.0)
    assert world.permits.question(now + 1.0) == Question(9, 8)


def test_a_stream_far_from_its_quota_gets_more_at_once(world: _World) -> None:
    """The answer takes longer than the time between two requests."""
    place, now, asked = world.place("only"), 1.0, list[int]()
    for is_late in (*[True] * 8, *[False] * 3):
        world.permits.take(place, 8, now)
        question = world.permits.question(now)
        assert question is not None
        asked.append(question.requests)
        times = [now + number / 20 for number in range(question.requests)]
        world.permits.granted(times, 8, 20.0, is_late=is_late)
        for _ in times:
            now = world.permits.take(place, 8, now) or math.nan
            world.permits.used(place, now)
            now += 0.05
    assert asked == [1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5]
    # Where another quota holds it up, the further ones would come too early.
    world.permits.rest(place)
    world.permits.take(place, 8, now)
    assert world.permits.question(now) == Question(4, 8)
    world.permits.take(place, 8, now + 1.0)
    assert world.permits.question(now + 1.0) == Question(3, 8)


def test_a_permit_is_wanted_just_before_other_quotas_let_the_request_go() -> None:
    asked: list[int] = []
    throttle = Throttle(Limits(requests_per_s=1), Permits(lambda: asked.append(1)))
    turn, permits = Turn(throttle), throttle.permits
    assert permits is not None
    throttle.reserve(8, 0.0)
    wants_at = turn.leaves_at(8, 0.0)
    assert 0.9 < wants_at < 1.05
    assert asked == []
    assert turn.leaves_at(8, wants_at) == math.inf
    permits.granted([wants_at + 0.01], 8, 10.0)
    assert turn.leaves_at(8, wants_at + 0.01) == pytest.approx(1.05)
    assert turn.take(1.05) == pytest.approx(1.05)


def test_a_permit_that_other_quotas_outlast_is_given_back() -> None:
    throttle = Throttle(Limits(requests_per_s=1), Permits(lambda: None))
    turn, permits = Turn(throttle), throttle.permits
    assert permits is not None
    assert turn.leaves_at(8, 0.0) == math.inf
    throttle.charge(8, 0.0)  # A call left late.
    permits.granted([0.0], 8, 10.0)
    assert turn.leaves_at(8, 0.0) == pytest.approx(1.02)
    assert turn.place.permit is None
    assert permits.take(Place(), 8, 0.0) == 0.0


@pytest.mark.parametrize("images_per_s", [None, 8])
def test_streams_ask_for_no_more_permits_than_a_stated_quota_lets_them_use(images_per_s: float | None) -> None:
    limits = Limits(requests_per_s=1) if images_per_s is None else Limits(images_per_s=images_per_s)
    throttle = Throttle(limits, Permits(lambda: None))
    permits, turns, now, granted = throttle.permits, [Turn(throttle) for _ in range(4)], 0.0, 0
    left: list[tuple[float, int]] = []
    assert permits is not None
    while len(left) < 20:
        due: list[float] = []
        for number, turn in enumerate(turns):
            if (leaves_at := turn.leaves_at(8, now)) <= now:
                turn.take(now)
                left.append((now, number))
                leaves_at = turn.leaves_at(8, now)
            due.append(leaves_at)
        if permits.question(now) is not None:
            granted += 1
            permits.granted([now + 0.01], 8, 10.0)
        else:
            now = min(due)
    assert granted <= len(left) + 1
    assert [number for _, number in left] == [0, 1, 2, 3] * 5
    assert left[-1][0] == pytest.approx(19 * 1.05, abs=0.2)


def test_who_stands_behind_a_stream_that_ends_asks_a_little_later() -> None:
    throttle = Throttle(Limits(requests_per_s=1), Permits(lambda: None))
    first, second = Turn(throttle), Turn(throttle)
    assert throttle.permits is not None
    assert first.leaves_at(8, 0.0) == math.inf
    assert 1.0 < second.leaves_at(8, 0.0) < 1.05
    first.leave()
    assert second.leaves_at(8, 0.0) == math.inf
    assert throttle.permits.question(0.0) == Question(1, 8)


@pytest.mark.parametrize(("takes_s", "rises"), [(0.01, True), (1.0, False)])
def test_a_rate_that_was_learned_rises_where_it_is_what_holds_requests_up(takes_s: float, *, rises: bool) -> None:
    throttle = Throttle(Limits(), Permits(lambda: None))
    turn, permits, now = Turn(throttle), throttle.permits, 100.0
    assert permits is not None
    for sent_at in (99.2, 99.4, 99.6, 99.8):
        throttle.answered(sent_at, sent_at)
    for sent_at in (98.0, 99.9):
        throttle.refused(sent_at, sent_at + 0.1, None)
    learned = throttle.learned_per_s
    assert learned is not None
    for _ in range(10):
        while (leaves_at := turn.leaves_at(8, now)) > now:
            if leaves_at == math.inf:
                permits.granted([now + takes_s], 8, 100.0)
            else:
                now = leaves_at
        turn.take(now)
        throttle.answered(now, now)
    assert ((throttle.learned_per_s or 0.0) > learned) is rises


def test_the_wait_for_a_permit_is_counted() -> None:
    throttle = Throttle(Limits(), Permits(lambda: None))
    turn, permits = Turn(throttle), throttle.permits
    assert permits is not None
    assert turn.leaves_at(8, 1.0) == math.inf
    permits.granted([3.5], 8, 10.0)
    assert turn.leaves_at(8, 3.0) == 3.5
    assert turn.take(3.5) == 2.5


def _until_it_waits(simulation: Simulation) -> Wait:
    images = images_of(100)
    while not isinstance(effect := simulation.next(), Wait):
        assert isinstance(effect, Pull)
        batch = images[: effect.images]
        simulation.run.pulled(batch, exhausted=False)
    return effect


def test_a_stream_waits_for_its_permit_until_its_deadline() -> None:
    simulation = Simulation(Plan(*plan_of()[:3], deadline=5.0), shares_quota=True)
    assert _until_it_waits(simulation).until == 5.0
    simulation.now = 5.0
    effect = simulation.next()
    assert isinstance(effect, Emit)
    assert {result.error.code for result in effect.results if result.error} == {Code.DEADLINE_EXCEEDED}
    assert "it has waited 5 s for a permit of the quota" in str(effect.results[0].error)


def test_a_stream_that_stops_wants_no_permit() -> None:
    simulation = Simulation(plan_of(), shares_quota=True)
    assert _until_it_waits(simulation).until is None
    assert simulation.question() == Question(1, 8)
    simulation.report(lambda run: run.stop())
    assert simulation.question() is None
    assert isinstance(simulation.next(), Finish)


def test_a_batch_that_is_cut_takes_a_permit_for_each_part() -> None:
    simulation = Simulation(plan_of(Limits(calls_in_flight=1)), shares_quota=True)
    sizes: list[int] = []
    _until_it_waits(simulation)
    for _ in range(3):
        question = simulation.question()
        assert question is not None
        simulation.grant([simulation.now], question.images, 10.0)
        send = simulation.next()
        assert isinstance(send, Send)
        outcome = answer_to(send) if sizes else RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "too large")
        sizes.append(len(send.contents))
        simulation.end(send, outcome)
        while not isinstance(simulation.next(), Wait | Pull):
            pass
    assert sizes == [8, 4, 4]
