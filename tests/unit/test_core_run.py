"""The decisions of a stream under every order of events that hypothesis thinks of.

`Run` has no clock and no socket: this file is its shell, its service and its time.
"""

import random
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from images_in_bytes import number_in, png

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.core.batching import BATCH_IMAGES
from vision_grpc.core.effects import Effect, Emit, Finish, Pull, Send, Wait
from vision_grpc.core.retry import RetryBudget
from vision_grpc.core.run import Plan, Run
from vision_grpc.core.throttle import Throttle
from vision_grpc.errors import (
    AuthError,
    Code,
    DeadlineError,
    PathError,
    ProtocolError,
    RequestTooLargeError,
    ReroutedError,
    ServiceError,
    TransportError,
    VisionError,
)
from vision_grpc.images import Image, Refusal
from vision_grpc.messages import AnalyzeResult, RetryInfo, Status
from vision_grpc.outcomes import MessageOutcome, WireOutcome
from vision_grpc.results import Answer, ImageError, ImageResult, Outcome

_ROUNDING_S = 1e-6
_SEED = 7
# What an image may be sent more often than the policy says: its share of a call that was too much is smaller each time.
_BISECTIONS = 3
_REFRESHES = 1
_BLAMED_ON_THE_REQUEST = ServiceError(Code.INVALID_ARGUMENT, "one of these is no image")
# What may end a call and is worth another attempt after a wait, perhaps asked for.
_PASSING = [
    lambda asked: ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=asked),
    lambda asked: ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=asked),
    lambda asked: ServiceError(Code.INTERNAL, "bug", retry_after_s=asked),
    lambda asked: ServiceError(Code.ABORTED, "conflict", retry_after_s=asked),
]
_OTHER_FAILURES: list[VisionError] = [
    DeadlineError("late"),
    TransportError("broken"),
    PathError("unreachable"),
    PathError("untrusted", lasting=True),
    ReroutedError("the other way"),
    ProtocolError("garbage"),
    AuthError("no token"),
    ServiceError(Code.UNAUTHENTICATED, "stale token"),
    ServiceError(Code.PERMISSION_DENIED, "no"),
    ServiceError(Code.UNKNOWN, "?"),
    ServiceError(Code.CANCELLED, "cancelled"),
    RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "received message larger than max"),
    _BLAMED_ON_THE_REQUEST,
]
_FINE = AnalyzeResult()


def _status(code: Code, asked_s: int = 0) -> AnalyzeResult:
    status = Status(code=code)
    if asked_s:
        info = RetryInfo()
        info.retry_delay.seconds = asked_s
        status.details.add().Pack(info)
    return AnalyzeResult(error=status)


_RESULTS = [_FINE, _status(Code.INVALID_ARGUMENT), _status(Code.INTERNAL), _status(Code.RESOURCE_EXHAUSTED, asked_s=3)]
_limits = st.builds(
    Limits,
    calls_in_flight=st.integers(1, 4),
    bytes_in_flight=st.integers(1, 2_000),
    requests_per_s=st.none() | st.floats(0.5, 20),
    images_per_s=st.none() | st.floats(0.5, 40),
)
_policies = st.builds(
    RetryPolicy, attempts=st.integers(1, 7), budget=st.sampled_from([0.0, 3.0, 100.0]), max_backoff_s=st.floats(0.5, 30)
)
_timeouts = st.builds(Timeouts, call_s=st.floats(1, 60), total_s=st.floats(1, 600))


class _Sent(NamedTuple):
    """A call that left."""

    at: float
    images: int


class _Simulation:
    """A run, the time and the calls under way; it keeps a record by which everything can be played again."""

    def __init__(self, plan: Plan, keep: Callable[[Callable[[Run], Effect | None]], None]) -> None:
        self.limits = plan.limits
        self.throttle = Throttle(plan.limits)
        self.run = make_run(plan, self.throttle)
        self.now = 0.0
        self.calls: dict[int, Send] = {}
        self.wanted = 0
        self._keep = keep

    def tell(self, event: Callable[[Run], None]) -> None:
        """Let the run know of something."""
        event(self.run)
        self._keep(event)

    def next(self) -> Effect:
        """Carry out what comes next, as far as a shell would."""
        now = self.now

        def ask(run: Run) -> Effect:
            return run.next(now)

        effect = ask(self.run)
        self._keep(ask)
        if isinstance(effect, Send):
            self.calls[effect.call_id] = effect
        elif isinstance(effect, Pull):
            self.wanted = effect.images
        return effect


def _again(send: Send) -> Callable[[], Sequence[bytes]]:
    """Return what gives the images of a call again."""
    return lambda: send.contents


def make_run(plan: Plan, throttle: Throttle) -> Run:
    """Return a run whose waits are the same each time."""
    return Run(plan, throttle, RetryBudget(plan.retry), random.Random(_SEED))  # noqa: S311 - no secret


class StreamMachine(RuleBasedStateMachine):
    """A source, a service and a reader that behave as badly as they may."""

    @initialize(
        limits=_limits,
        retry=_policies,
        timeouts=_timeouts,
        ordered=st.booleans(),
        images=st.integers(0, 100),
        sizes=st.lists(st.sampled_from([0, 100, 400, 3_000, None]), min_size=1, max_size=9),
    )
    def begin(
        self,
        limits: Limits,
        retry: RetryPolicy,
        timeouts: Timeouts,
        *,
        ordered: bool,
        images: int,
        sizes: list[int | None],
    ) -> None:
        self.plan = Plan(limits, retry, timeouts, ordered)
        self.record: list[Callable[[Run], Effect | None]] = []
        self.effects: list[Effect | None] = []
        self.simulation = _Simulation(self.plan, self.record.append)
        # None stands for an image that cannot be read.
        self.source = [self.image(number, size) for number, size in zip(range(images), cycle(sizes), strict=False)]
        self.pulled = 0
        self.exhausted = False
        self.finished = False
        self.results: list[ImageResult] = []
        self.log: list[_Sent] = []
        self.sends: dict[int, int] = {}
        self.uncounted: dict[int, int] = {}
        self.first_sent_at: dict[int, float] = {}
        self.succeeded: set[int] = set()
        self.stale: set[int] = set()
        self.not_before: dict[int, float] = {}

    @staticmethod
    def image(number: int, size: int | None) -> Image | Refusal:
        key = str(number)
        if size is None:
            return Refusal(key, ImageError(Code.NOT_FOUND, "no such file"))
        return Image(key, png(number, size=size))

    # What the shell does

    @precondition(lambda self: not self.finished)
    @rule(steps=st.integers(1, 12))
    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            if not self.step():
                return

    def step(self) -> bool:
        """Carry out one effect; return whether there may be more to do at this time."""
        calls_before = dict(self.simulation.calls)
        effect = self.simulation.next()
        self.effects.append(effect)
        if isinstance(effect, Send):
            self.check_send(effect, calls_before)
        elif isinstance(effect, Pull):
            self.check_pull(effect)
        elif isinstance(effect, Emit):
            assert effect.results
            self.results += effect.results
        elif isinstance(effect, Wait):
            # Something must be able to end the wait, and not only at once: else the shell spins.
            assert effect.until is not None or calls_before or self.simulation.wanted
            assert effect.until is None or effect.until > self.simulation.now
        else:
            self.finished = True
            self.check_end()
        return not isinstance(effect, Wait | Finish)

    def check_send(self, send: Send, calls_before: dict[int, Send]) -> None:
        limits, timeouts, now = self.plan.limits, self.plan.timeouts, self.simulation.now
        numbers = [number_in(content) for content in send.contents]
        assert len(calls_before) < self.simulation.throttle.calls <= limits.calls_in_flight or not calls_before
        content_bytes = sum(len(content) for call in [*calls_before.values(), send] for content in call.contents)
        assert content_bytes <= limits.bytes_in_flight or not calls_before
        assert 1 <= len(numbers) <= BATCH_IMAGES
        assert sum(map(len, send.contents)) <= limits.bytes_in_flight or len(numbers) == 1
        on_the_way = {number_in(content) for call in calls_before.values() for content in call.contents}
        assert on_the_way.isdisjoint(numbers)
        assert self.succeeded.isdisjoint(numbers), "what has succeeded is billed"
        assert {result.key for result in self.results}.isdisjoint(map(str, numbers))
        assert send.fresh_token == (self.stale & set(numbers) == set(numbers))
        self.stale.difference_update(numbers)
        for number in numbers:
            self.sends[number] = self.sends.get(number, 0) + 1
            counted = self.sends[number] - self.uncounted.get(number, 0)
            assert counted <= self.plan.retry.attempts + _BISECTIONS + _REFRESHES
            first = self.first_sent_at.setdefault(number, now)
            assert 0 <= send.timeout_s <= timeouts.call_s
            assert now + send.timeout_s <= max(now, first + timeouts.total_s) + _ROUNDING_S
            assert now >= self.not_before.get(number, now)
        self.log.append(_Sent(now, len(numbers)))
        self.check_quota()

    def check_quota(self) -> None:
        limits, now = self.plan.limits, self.simulation.now
        last_second = [sent for sent in self.log if sent.at > now - 1 + _ROUNDING_S]
        if limits.requests_per_s is not None:
            assert len(last_second) <= max(1, -(-limits.requests_per_s // 1))
        if limits.images_per_s is not None:
            assert sum(sent.images for sent in last_second) <= max(1, limits.images_per_s)

    def check_pull(self, pull: Pull) -> None:
        assert not self.exhausted
        assert 1 <= pull.images <= BATCH_IMAGES
        if not self.plan.ordered:
            assert self.held_bytes() < self.plan.limits.bytes_in_flight
        early = self.pulled - len(self.results) if self.plan.ordered else 0
        windows = 10 * self.plan.limits.calls_in_flight * BATCH_IMAGES
        assert early <= windows, "a slow image holds back more than a few windows of results"

    def held_bytes(self) -> int:
        """Bytes of the images that were taken and have no result."""
        over = {result.key for result in self.results}
        images = [image for image in self.source[: self.pulled] if isinstance(image, Image)]
        return sum(len(image.content) for image in images if image.key not in over)

    # What the world does

    @precondition(lambda self: not self.finished and self.simulation.wanted)
    @rule(data=st.data(), ends=st.booleans())
    def source_brings(self, data: st.DataObject, *, ends: bool) -> None:
        most = min(self.simulation.wanted, len(self.source) - self.pulled)
        # An asynchronous source brings what it has, which may be less than was wanted.
        self.bring(data.draw(st.integers(min(1, most), most)), ends=ends)

    def bring(self, images: int, *, ends: bool) -> None:
        batch = self.source[self.pulled : self.pulled + images]
        self.pulled += images
        self.exhausted = ends or self.pulled == len(self.source)
        exhausted = self.exhausted
        self.simulation.wanted = 0
        self.simulation.tell(lambda run: run.pulled(batch, exhausted=exhausted))

    def draw_call(self, data: st.DataObject) -> Send:
        return self.simulation.calls.pop(data.draw(st.sampled_from(sorted(self.simulation.calls))))

    @precondition(lambda self: self.simulation.calls)
    @rule(data=st.data())
    def service_answers(self, data: st.DataObject) -> None:
        send = self.draw_call(data)
        results = data.draw(
            st.lists(st.sampled_from(_RESULTS), min_size=len(send.contents), max_size=len(send.contents))
        )
        self.answer(send, results)

    def answer(self, send: Send, results: Sequence[AnalyzeResult]) -> None:
        now = self.simulation.now
        for content, result in zip(send.contents, results, strict=True):
            if result is _FINE:
                self.succeeded.add(number_in(content))
        asked = 3 if any(result.error.details for result in results) else 0
        for content, result in zip(send.contents, results, strict=True):
            if asked and Code(result.error.code).retryable:
                self.not_before[number_in(content)] = now + asked
        answer = Answer([MessageOutcome(result) for result in results], "id", "grpc")
        self.simulation.tell(lambda run: run.succeeded(send.call_id, answer, now, _again(send)))

    @precondition(lambda self: self.simulation.calls)
    @rule(data=st.data(), fewer=st.booleans())
    def service_miscounts(self, data: st.DataObject, *, fewer: bool) -> None:
        send, now = self.draw_call(data), self.simulation.now
        outcomes = [MessageOutcome(_FINE)] * (len(send.contents) + (-1 if fewer else 1))
        self.simulation.tell(lambda run: run.succeeded(send.call_id, Answer(outcomes, "id", "grpc"), now, _again(send)))

    @precondition(lambda self: self.simulation.calls)
    @rule(data=st.data(), error=st.sampled_from(_OTHER_FAILURES))
    def call_fails(self, data: st.DataObject, error: VisionError) -> None:
        send, now = self.draw_call(data), self.simulation.now
        numbers = {number_in(content) for content in send.contents}
        if error.code is Code.UNAUTHENTICATED:
            self.stale |= numbers
        if isinstance(error, ReroutedError):
            for number in numbers:
                self.uncounted[number] = self.uncounted.get(number, 0) + 1
        self.simulation.tell(lambda run: run.failed(send.call_id, error, now, _again(send)))

    @precondition(lambda self: self.simulation.calls)
    @rule(data=st.data(), error=st.sampled_from(_PASSING), asked_s=st.none() | st.floats(0.1, 100))
    def service_is_busy(
        self, data: st.DataObject, error: Callable[[float | None], ServiceError], asked_s: float | None
    ) -> None:
        send, now = self.draw_call(data), self.simulation.now
        if asked_s is not None:
            self.not_before.update({number_in(content): now + asked_s for content in send.contents})
        failure = error(asked_s)
        self.simulation.tell(lambda run: run.failed(send.call_id, failure, now, _again(send)))

    @rule(seconds=st.floats(0.0, 40.0) | st.floats(0.0, 0.1))
    def time_passes(self, seconds: float) -> None:
        self.simulation.now += seconds

    # What must hold

    @invariant()
    def each_image_has_at_most_one_result(self) -> None:
        keys = [result.key for result in self.results]
        assert len(keys) == len(set(keys))
        if self.plan.ordered:
            assert keys == [str(number) for number in range(len(keys))]

    def check_end(self) -> None:
        assert self.exhausted
        assert not self.simulation.calls
        assert {result.key for result in self.results} == {str(number) for number in range(self.pulled)}
        for result in self.results:
            number = int(result.key)
            assert result.ok == (number in self.succeeded)
            assert result.attempts == self.sends.get(number, 0) - self.uncounted.get(number, 0)

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        self.drain()
        self.play_again()

    def drain(self) -> None:
        """From any state, a service that is well again lets the stream end."""
        for _ in range(100_000):
            if self.finished:
                return
            if self.step():
                continue
            if self.simulation.wanted:
                self.bring(min(self.simulation.wanted, len(self.source) - self.pulled), ends=False)
            elif self.simulation.calls:
                _, send = self.simulation.calls.popitem()
                self.answer(send, [_FINE] * len(send.contents))
            elif not self.finished:
                waited = self.effects[-1]
                assert isinstance(waited, Wait)
                assert waited.until is not None, "the run waits for something that will not happen"
                self.simulation.now = waited.until
        message = "the stream does not end"
        raise AssertionError(message)

    def play_again(self) -> None:
        run = make_run(self.plan, Throttle(self.plan.limits))
        again = [effect for event in self.record if (effect := event(run)) is not None]
        ids = {call.call_id for call in again if isinstance(call, Send)}
        assert [_comparable(effect) for effect in again] == [_comparable(effect) for effect in self.effects]
        assert len(ids) == sum(isinstance(effect, Send) for effect in again)


def _comparable(effect: Effect | None) -> object:
    """An effect without the objects that an answer brought along."""
    return [tuple(result.key for result in effect.results)] if isinstance(effect, Emit) else effect


StreamMachine.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStream = StreamMachine.TestCase


# Single decisions, which the machine above allows and does not demand.


class _Service(NamedTuple):
    """Plays the service: says of a call what befalls it."""

    reply: Callable[[Send], Answer | VisionError]

    def play(self, plan: Plan, images: Sequence[Image]) -> tuple[list[ImageResult], list[Send], list[float]]:
        """Return results, calls and their times of a stream over the images, each call answered at once."""
        simulation = _Simulation(plan, lambda _: None)
        results: list[ImageResult] = []
        calls: list[Send] = []
        times: list[float] = []
        left = list(images)
        while not isinstance(effect := simulation.next(), Finish):
            if isinstance(effect, Emit):
                results += effect.results
            elif isinstance(effect, Send):
                calls.append(effect)
                times.append(simulation.now)
                outcome = self.reply(effect)
                if isinstance(outcome, Answer):
                    simulation.run.succeeded(effect.call_id, outcome, simulation.now, _again(effect))
                else:
                    simulation.run.failed(effect.call_id, outcome, simulation.now, _again(effect))
            elif isinstance(effect, Pull):
                batch, left = left[: effect.images], left[effect.images :]
                simulation.run.pulled(batch, exhausted=not left)
            else:
                assert effect.until is not None
                simulation.now = effect.until
        return results, calls, times


def _plan(limits: Limits | None = None, retry: RetryPolicy | None = None, timeouts: Timeouts | None = None) -> Plan:
    return Plan(limits or Limits(), retry or RetryPolicy(), timeouts or Timeouts())


def _images(number: int) -> list[Image]:
    return [Image(str(index), png(index)) for index in range(number)]


def _answer(send: Send, result: AnalyzeResult = _FINE) -> Answer:
    return Answer([MessageOutcome(result) for _ in send.contents], "id", "grpc")


def _numbers(send: Send) -> list[int]:
    return [number_in(content) for content in send.contents]


def test_a_request_that_is_refused_is_bisected_until_the_guilty_are_alone() -> None:
    guilty = {3, 12}

    def reply(send: Send) -> Answer | VisionError:
        return _BLAMED_ON_THE_REQUEST if guilty & set(_numbers(send)) else _answer(send)

    results, calls, _ = _Service(reply).play(_plan(), _images(16))
    assert {int(result.key) for result in results if not result.ok} == guilty
    assert all(result.error.code is Code.INVALID_ARGUMENT for result in results if result.error)
    answered = [number for send in calls if not guilty & set(_numbers(send)) for number in _numbers(send)]
    assert sorted(answered) == sorted(set(range(16)) - guilty)
    assert len(calls) == 2 * 7


def test_a_request_that_is_too_large_is_split_without_waiting() -> None:
    def reply(send: Send) -> Answer | VisionError:
        too_large = RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max")
        return too_large if len(send.contents) > 3 else _answer(send)

    results, calls, times = _Service(reply).play(_plan(), _images(8))
    assert [result.ok for result in results] == [True] * 8
    assert [len(send.contents) for send in calls] == [8, 4, 2, 2, 4, 2, 2]
    assert set(times) == {0.0}


def test_an_image_that_is_too_large_by_itself_fails_alone() -> None:
    def reply(_: Send) -> VisionError:
        return RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max")

    results, calls, _ = _Service(reply).play(_plan(), _images(2))
    assert [len(send.contents) for send in calls] == [2, 1, 1]
    assert not any(result.ok for result in results)


def test_only_the_images_that_failed_are_sent_again() -> None:
    seen: set[int] = set()

    def reply(send: Send) -> Answer:
        fresh = [number for number in _numbers(send) if number not in seen]
        seen.update(fresh)
        busy = [number for number in fresh if number % 3 == 0]
        results = [_status(Code.INTERNAL) if number in busy else _FINE for number in _numbers(send)]
        return Answer([MessageOutcome(result) for result in results], "id", "grpc")

    results, calls, _ = _Service(reply).play(_plan(), _images(8))
    assert [_numbers(send) for send in calls] == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 3, 6]]
    assert {result.key: result.attempts for result in results} == {
        str(number): 2 if number % 3 == 0 else 1 for number in range(8)
    }


def test_a_refused_token_is_renewed_once() -> None:
    def reply(_: Send) -> VisionError:
        return ServiceError(Code.UNAUTHENTICATED, "stale token")

    results, calls, _ = _Service(reply).play(_plan(), _images(2))
    assert [send.fresh_token for send in calls] == [False, True]
    assert all(result.error is not None and result.error.code is Code.UNAUTHENTICATED for result in results)


def test_what_nothing_will_help_is_not_sent_again() -> None:
    for code in (Code.PERMISSION_DENIED, Code.NOT_FOUND, Code.UNIMPLEMENTED, Code.CANCELLED, Code.UNKNOWN):
        results, calls, _ = _Service(lambda _, code=code: ServiceError(code, "no")).play(_plan(), _images(3))
        assert len(calls) == 1
        assert all(result.error is not None and result.error.code is code for result in results)


def test_attempts_end() -> None:
    retry = RetryPolicy(attempts=4)
    results, calls, _ = _Service(lambda _: TransportError("broken")).play(_plan(retry=retry), _images(1))
    assert len(calls) == 4
    assert [result.attempts for result in results] == [4]


def test_an_empty_stock_of_retries_lets_errors_through() -> None:
    retry = RetryPolicy(attempts=100, budget=5)
    results, calls, _ = _Service(lambda _: TransportError("broken")).play(_plan(retry=retry), _images(80))
    assert len(calls) == 10 + 5
    assert len(results) == 80


def test_waits_are_as_long_as_the_service_asks() -> None:
    busy = iter(
        [ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=31), ServiceError(Code.INTERNAL, "bug", retry_after_s=45)]
    )
    service = _Service(lambda send: next(busy, None) or _answer(send))
    results, _, times = service.play(_plan(), _images(8))
    assert times == [0.0, 31.0, 76.0]
    assert [result.attempts for result in results] == [3] * 8


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    busy = ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=11)
    results, calls, _ = _Service(lambda _: busy).play(_plan(timeouts=Timeouts(total_s=10)), _images(1))
    assert len(calls) == 1
    assert results[0].error is not None
    assert results[0].error.cause is busy


def test_no_attempt_starts_after_the_deadline() -> None:
    """Neither for a quota nor for room in the window: such a call could only fail, and would cost quota."""
    replies = iter([ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=1)])
    limits = Limits(requests_per_s=0.1)
    service = _Service(lambda send: next(replies, None) or _answer(send))
    results, calls, times = service.play(_plan(limits, timeouts=Timeouts(total_s=5)), _images(1))
    assert times == [0.0]
    assert [send.timeout_s for send in calls] == [5]
    assert [result.ok for result in results] == [False]


def test_a_reader_who_pauses_loses_no_image() -> None:
    plan = _plan(Limits(bytes_in_flight=len(png(0))), timeouts=Timeouts(total_s=10))
    simulation = _Simulation(plan, lambda _: None)
    simulation.next()
    simulation.run.pulled(_images(3), exhausted=True)
    results: list[ImageResult] = []
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Emit):
            results += effect.results
            simulation.now += 11
        elif isinstance(effect, Wait):
            call_id, send = simulation.calls.popitem()
            simulation.run.succeeded(call_id, _answer(send), simulation.now, _again(send))
    assert [result.ok for result in results] == [True] * 3


def test_a_damaged_part_of_an_answer_is_a_broken_answer() -> None:
    replies: list[Outcome] = [MessageOutcome(_FINE), WireOutcome(b"\x0a\x02\xff\xff", has_error=True)]
    answers = iter([Answer(replies, "id", "grpc")])
    results, calls, _ = _Service(lambda send: next(answers, None) or _answer(send)).play(_plan(), _images(2))
    assert [_numbers(send) for send in calls] == [[0, 1], [0, 1]]
    assert [result.ok for result in results] == [True, True]


def test_an_outage_does_not_fill_the_memory() -> None:
    pulled: list[int] = []
    simulation = _Simulation(_plan(), lambda _: None)
    for _ in range(1_000):
        effect = simulation.next()
        if isinstance(effect, Pull):
            pulled.append(effect.images)
            simulation.run.pulled(_images(effect.images), exhausted=False)
        elif isinstance(effect, Send):
            simulation.run.failed(effect.call_id, TransportError("broken"), simulation.now, _again(effect))
        else:
            assert isinstance(effect, Wait)
            break
    assert sum(pulled) <= Limits().calls_in_flight * BATCH_IMAGES


def test_a_slow_source_does_not_idle_the_link() -> None:
    """What has come is sent when nothing else is under way, though the batch is not full."""
    simulation = _Simulation(_plan(), lambda _: None)
    assert simulation.next() == Pull(BATCH_IMAGES)
    simulation.run.pulled(_images(1), exhausted=False)
    effect = simulation.next()
    assert isinstance(effect, Send)
    assert _numbers(effect) == [0]
    assert simulation.next() == Pull(BATCH_IMAGES)
    simulation.run.pulled(_images(1), exhausted=False)
    assert simulation.next() == Pull(BATCH_IMAGES - 1)
    assert simulation.next() == Wait(None)


def test_the_error_that_ends_a_stream_says_which_images_have_no_result() -> None:
    simulation = _Simulation(_plan(Limits(calls_in_flight=1)), lambda _: None)
    simulation.next()
    simulation.run.pulled(_images(8), exhausted=False)
    effect = simulation.next()
    assert isinstance(effect, Send)
    error = AuthError("no token")
    simulation.run.abandoned(error)
    assert error.__notes__ == ["without a result: 0, 1, 2, 3, 4, 5, 6, 7"]


def test_without_a_token_nothing_more_is_sent_and_what_is_under_way_is_waited_for() -> None:
    simulation = _Simulation(_plan(Limits(calls_in_flight=3))._replace(ordered=True), lambda _: None)
    sends: list[Send] = []
    while len(sends) < 3:
        if isinstance(effect := simulation.next(), Pull):
            simulation.run.pulled(_images(len(sends) * BATCH_IMAGES + effect.images)[-effect.images :], exhausted=False)
        elif isinstance(effect, Send):
            sends.append(effect)
    error = AuthError("no token")
    first, second, third = sends
    simulation.run.unauthorized(second.call_id, error, 0.0)
    assert simulation.next() == Wait(None)
    simulation.run.failed(third.call_id, ServiceError(Code.UNAVAILABLE, "busy"), 0.0, _again(third))
    assert simulation.next() == Wait(None)
    simulation.run.succeeded(first.call_id, _answer(first), 0.0, _again(first))
    results = [result for _ in range(2) for result in _emitted(simulation.next())]
    assert [result.key for result in results] == [str(number) for number in (*_numbers(first), *_numbers(third))]
    assert [result.ok for result in results] == [True] * BATCH_IMAGES + [False] * BATCH_IMAGES
    assert simulation.next() == Finish(error)
    assert error.__notes__ == [f"without a result: {', '.join(map(str, _numbers(second)))}"]


def _emitted(effect: Effect) -> Sequence[ImageResult]:
    assert isinstance(effect, Emit)
    return effect.results


def test_the_window_is_filled_again_as_calls_end() -> None:
    plan = _plan(Limits(calls_in_flight=3, bytes_in_flight=3 * BATCH_IMAGES * len(png(0))))
    simulation = _Simulation(plan, lambda _: None)
    under_way: list[int] = []
    for _ in range(20):
        while not isinstance(effect := simulation.next(), Wait):
            if isinstance(effect, Pull):
                simulation.run.pulled([Image("key", png(0))] * effect.images, exhausted=False)
        under_way.append(len(simulation.calls))
        call_id, send = simulation.calls.popitem()
        simulation.run.succeeded(call_id, _answer(send), simulation.now, _again(send))
    assert under_way == [3] * 20


def test_nothing_to_do_is_over_at_once() -> None:
    results, calls, _ = _Service(_answer).play(_plan(), [])
    assert (results, calls) == ([], [])
