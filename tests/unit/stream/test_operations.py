"""Operations, without a clock or a service: which of them is asked about when."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images_in_bytes import number_in, png
from run_simulation import Simulation

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, PathError, ServiceError, TransportError, VisionError
from vision_grpc.messages import AnalyzeResult, Operation, Status
from vision_grpc.results import Answer, ImageResult
from vision_grpc.results.operation_outcome import OperationOutcome
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.sources.image import Image, PendingOperation, Pulled
from vision_grpc.stream.durations import Durations
from vision_grpc.stream.effects import Emit, Fetch, Finish, Forget, Pull, Send, Wait
from vision_grpc.stream.plan import Plan

NOT_READY = ServiceError(Code.NOT_FOUND, "operation data is not ready")
FINE = Answer([MessageOutcome(AnalyzeResult())], "id", "grpc")


@dataclass
class World:
    """A service whose operations take time, and a stream that uses them; time is a number."""

    plan: Plan
    takes_s: Callable[[int], float] = lambda _: 5.0
    """How long the operation of an image takes; infinite: it is never ready."""
    odd: Callable[[int], VisionError | None] = lambda _: None
    """What a question is answered with in place of the truth, by its number."""
    status: Callable[[str], Operation] = lambda operation_id: Operation(id=operation_id)
    seed: int = 7
    results: list[ImageResult] = field(default_factory=list[ImageResult])
    asked_at: list[float] = field(default_factory=list[float])
    sent: list[int] = field(default_factory=list[int])
    statuses: int = 0
    most_pending: int = 0
    held_bytes: int = 0

    def play(self, images: Sequence[Pulled]) -> Simulation:
        """Play a stream over images until it ends."""
        simulation = Simulation(self.plan, seed=self.seed, most_images=1)
        left = list(images)
        ready_at = {item.operation_id: self.takes_s(0) for item in images if isinstance(item, PendingOperation)}
        while not isinstance(effect := simulation.next(), Finish):
            if isinstance(effect, Emit):
                self.results.extend(effect.results)
            elif isinstance(effect, Send):
                number = number_in(effect.contents[0])
                self.sent.append(number)
                ready_at[f"op-{number}"] = simulation.now + self.takes_s(number)
                simulation.end(effect, Answer([OperationOutcome(Operation(id=f"op-{number}"))], "id", "grpc"))
                self.most_pending = max(self.most_pending, simulation.monitor.stats().operations_waiting)
                self.held_bytes = max(self.held_bytes, simulation.run._window.bytes_held)
            elif isinstance(effect, Fetch):
                self._answer(simulation, effect, ready_at)
            elif isinstance(effect, Pull):
                batch, left = left[: effect.images], left[effect.images :]
                self._pull(simulation, batch, exhausted=not left)
            else:
                assert isinstance(effect, Wait)
                assert effect.until is not None
                assert effect.until > simulation.now
                simulation.now = effect.until
        return simulation

    def _pull(self, simulation: Simulation, batch: Sequence[Pulled], *, exhausted: bool) -> None:
        simulation.report(lambda run: run.pulled(batch, exhausted=exhausted))

    def _answer(self, simulation: Simulation, fetch: Fetch, ready_at: dict[str, float]) -> None:
        number = len(self.asked_at)
        self.asked_at.append(simulation.now)
        odd = self.odd(number)
        simulation.now += 0.01
        if odd is not None:
            simulation.end(fetch, odd)
        elif fetch.about == "status":
            self.statuses += 1
            simulation.end(fetch, Answer([OperationOutcome(self.status(fetch.operation_id))], "id", "grpc"))
        else:
            simulation.end(fetch, FINE if simulation.now >= ready_at[fetch.operation_id] else NOT_READY)


def _plan(*, ordered: bool = False, operation_s: float = 3_600.0, **limits: float) -> Plan:
    return Plan(
        Limits(**{"operations_in_flight": 100, **limits}),  # type: ignore[arg-type]
        RetryPolicy(),
        Timeouts(operation_s=operation_s),
        ordered=ordered,
        deferred=True,
    )


def _images(number: int) -> list[Image]:
    return [Image(str(each), png(each)) for each in range(number)]


ODD = st.sampled_from([
    None, None, None,
    ServiceError(Code.UNAVAILABLE, "down"), ServiceError(Code.RESOURCE_EXHAUSTED, "quota"),
    ServiceError(Code.INTERNAL, "oops"), TransportError("broken"), PathError("no way"),
])  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(
    number=st.integers(1, 40),
    in_flight=st.integers(1, 20),
    polls_per_s=st.sampled_from([2.0, 50.0]),
    takes=st.lists(st.floats(0.0, 300.0), min_size=1, max_size=8),
    odd=st.lists(ODD, max_size=30),
    ordered=st.booleans(),
    seed=st.integers(0, 1_000),
)
def test_whatever_happens_to_questions_each_image_is_sent_once_and_gets_its_result(
    *,
    number: int,
    in_flight: int,
    polls_per_s: float,
    takes: list[float],
    odd: list[VisionError | None],
    ordered: bool,
    seed: int,
) -> None:
    world = World(
        _plan(ordered=ordered, operations_in_flight=in_flight, polls_per_s=polls_per_s),
        takes_s=lambda image: takes[image % len(takes)],
        odd=lambda question: odd[question] if question < len(odd) else None,
        seed=seed,
    )
    simulation = world.play(_images(number))
    assert sorted(world.sent) == list(range(number))
    keys = [result.key for result in world.results]
    assert (keys if ordered else sorted(keys, key=int)) == [str(each) for each in range(number)]
    assert all(result.ok and result.operation_id == f"op-{result.key}" for result in world.results)
    assert world.most_pending <= in_flight
    per_second = max(sum(start <= at < start + 1.0 for at in world.asked_at) for start in world.asked_at)
    assert per_second <= polls_per_s
    stats = simulation.monitor.stats()
    assert (stats.operations_accepted, stats.operations_waiting, stats.polls) == (number, 0, len(world.asked_at))
    assert simulation.play_again() == simulation.effects


def test_bytes_are_released_once_a_file_is_accepted() -> None:
    world = World(_plan(operations_in_flight=1_000))
    world.play(_images(300))
    assert world.held_bytes <= 9 * len(png(100))


def test_few_questions_once_it_is_known_how_long_operations_take() -> None:
    world = World(_plan(requests_per_s=10), takes_s=lambda _: 20.0)
    world.play(_images(400))
    assert len(world.asked_at) < 3 * 400


def test_guesses_follow_what_is_seen_by_size() -> None:
    durations = Durations()
    first = durations.guess_s(1_000_000)
    for _ in range(60):
        guess = durations.guess_s(1_000_000)
        durations.learn(1_000_000, *((0.0, guess) if guess > 40 else (guess, 40.0)))
    assert durations.guess_s(1_000_000) == pytest.approx(40.0, rel=0.2)
    assert durations.guess_s(900_000) == durations.guess_s(1_000_000) > first
    durations.learn(1_000, 0.0, 0.5)
    assert durations.guess_s(1_000) < 0.5 < durations.guess_s(1_000_000)


def test_an_operation_that_is_never_ready_is_given_up_in_its_time() -> None:
    world = World(_plan(operation_s=600), takes_s=lambda _: float("inf"))
    simulation = world.play([Image("a", png(1)), PendingOperation("b", "old")])
    assert 600 <= simulation.now < 660
    assert world.statuses > 0
    assert len(world.asked_at) < 120
    for result in world.results:
        assert result.error is not None
        assert result.error.code is Code.DEADLINE_EXCEEDED
        assert f"PendingOperation({result.key!r}, {result.operation_id!r})" in result.error.message


def test_an_operation_is_asked_about_less_and_less_often() -> None:
    world = World(_plan(), takes_s=lambda _: 120.0)
    world.play([Image("a", png(1))])
    waits = [after - before for before, after in zip(world.asked_at, world.asked_at[1:], strict=False)]
    assert len(waits) < 20
    assert max(waits[:3]) < 3
    assert max(waits) <= 30 * 1.2 + 0.1


def test_while_a_stream_ends_its_operations_are_waited_for() -> None:
    simulation = Simulation(_plan(), most_images=1)
    sent: list[str] = []
    results: list[ImageResult] = []
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Pull):
            simulation.run.pulled([Image("a", png(1))], exhausted=False)
        elif isinstance(effect, Send):
            sent.append(f"op-{effect.call_id}")
            simulation.end(effect, Answer([OperationOutcome(Operation(id=sent[-1]))], "id", "grpc"))
            if len(sent) == 3:
                simulation.run.stop()
        elif isinstance(effect, Fetch):
            simulation.end(effect, FINE if simulation.now > 10 else NOT_READY)
        elif isinstance(effect, Emit):
            results.extend(effect.results)
        else:
            assert isinstance(effect, Wait)
            assert effect.until is not None
            simulation.now = effect.until
    assert sorted(filter(None, [result.operation_id for result in results])) == sent


def test_a_question_that_hangs_is_forgotten_and_asked_again() -> None:
    world = World(_plan())
    simulation = Simulation(world.plan, most_images=1)
    simulation.run.pulled([PendingOperation("a", "old")], exhausted=True)
    fetch = simulation.next()
    assert isinstance(fetch, Fetch)
    wait = simulation.next()
    assert isinstance(wait, Wait)
    assert wait.until is not None
    simulation.now = wait.until
    assert simulation.next() == Forget(fetch.call_id)
    simulation.run.forgotten(fetch.call_id, simulation.now, list)
    while not isinstance(effect := simulation.next(), Fetch):
        assert isinstance(effect, Wait)
        assert effect.until is not None
        simulation.now = effect.until
    assert effect.operation_id == "old"


@pytest.mark.parametrize("is_lasting", [False, True])
def test_without_a_token_nothing_is_asked_and_the_operations_are_named(is_lasting: bool) -> None:  # noqa: FBT001
    from vision_grpc.errors import AuthError

    error = AuthError("no token")
    simulation = Simulation(_plan())
    simulation.run.pulled([PendingOperation("a", "old"), PendingOperation("b", "older")], exhausted=is_lasting)
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Fetch):
            simulation.questions.pop(effect.call_id)
            simulation.run.unauthorized(effect.call_id, error, simulation.now)
        elif isinstance(effect, Wait):
            assert effect.until is not None
            simulation.now = effect.until
    assert simulation.ended_by is error
    simulation.run.abandoned(error)
    assert any("operation old" in note and "operation older" in note for note in error.__notes__)
    simulation.run.closed(simulation.now)
    assert simulation.monitor.stats().operations_waiting == 0


def test_one_that_was_cancelled_is_said_when_it_is_late() -> None:
    cancelled = Operation(done=True, error=Status(code=Code.CANCELLED, message="by hand"))
    world = World(
        _plan(),
        takes_s=lambda _: float("inf"),
        status=lambda name: Operation(id=name, done=cancelled.done, error=cancelled.error),
    )
    simulation = world.play([PendingOperation("a", "old")])
    [result] = world.results
    assert result.error is not None
    assert (result.error.code, world.statuses) == (Code.CANCELLED, 1)
    assert simulation.now < 60


def test_equal_seeds_give_equal_streams() -> None:
    rng = random.Random(3)  # noqa: S311 - no secret
    takes = [rng.uniform(0, 30) for _ in range(20)]
    worlds = [World(_plan(), takes_s=lambda image: takes[image]) for _ in range(2)]
    for world in worlds:
        world.play(_images(20))
    assert worlds[0].asked_at == worlds[1].asked_at
