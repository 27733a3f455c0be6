"""The decisions of a stream under every order of events that hypothesis and chance think of.

`Run` has no clock and no socket: this file is its source, its service, its reader and its time.
"""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from images_in_bytes import number_in, png
from run_simulation import FINE, Simulation, authorization_of, config_of, status

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract.sizes import MOST_IMAGES
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
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.sources.image import Image, Rejection
from vision_grpc.stream.effects import Effect, Emit, Finish, Forget, Pull, Send, Wait
from vision_grpc.stream.permits import USABLE_S, Permit
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.window import OVERDUE_S

_ROUNDING_S = 1e-6
# What an image may be sent more often than the policy says: its share of a call that was too much is smaller each time.
_BISECTIONS = 3
_REFRESHES = 1
_IMPOSSIBLE = "impossible"
_CONFIGS = ["ru", "en", "he", *map(str, range(9)), _IMPOSSIBLE]
# Images that wait for others of their config, and those of the batches that just left.
_MOST_GATHERED = 16 * MOST_IMAGES
# How many turns chance has before the service is well again.
_CHANCES = 250

_limits = st.builds(
    Limits,
    calls_in_flight=st.integers(1, 4),
    # From a single image to more than the calls can hold.
    bytes_in_flight=st.sampled_from([100_000, 5_000, 2_000, 1]),
    requests_per_s=st.none() | st.none() | st.floats(0.5, 20),
    images_per_s=st.none() | st.none() | st.floats(0.5, 40),
)
_policies = st.builds(
    RetryPolicy, attempts=st.integers(1, 7), budget=st.sampled_from([0.0, 3.0, 100.0]), max_backoff_s=st.floats(0.5, 30)
)
_timeouts = st.builds(Timeouts, call_s=st.floats(1, 60), total_s=st.floats(1, 600))


class _Miscount(NamedTuple):
    """A good answer for another number of images."""

    more: int


class _Said(NamedTuple):
    """What the service says of the images of a call, over and over if they are more."""

    results: Sequence[AnalyzeResult]


_BAD, _BROKEN, _BUSY = status(Code.INVALID_ARGUMENT), status(Code.INTERNAL), status(Code.RESOURCE_EXHAUSTED, asked_s=3)
_Ending = _Said | _Miscount | VisionError
_ENDINGS: list[_Ending] = [
    _Said([FINE]),
    _Said([FINE]),
    _Said([FINE, FINE, _BAD]),
    _Said([_BROKEN, FINE]),
    _Said([FINE, _BUSY, _BROKEN]),
    _Said([_BUSY]),
    _Miscount(-1),
    _Miscount(1),
    ServiceError(Code.INVALID_ARGUMENT, "one of these is no image"),
    RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "received message larger than max"),
    ServiceError(Code.UNAVAILABLE, "busy"),
    ServiceError(Code.UNAVAILABLE, "busy", retry_after_s=7.5),
    ServiceError(Code.DEADLINE_EXCEEDED, "upstream request timeout"),
    ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=0.1),
    ServiceError(Code.RESOURCE_EXHAUSTED, "quota"),
    ServiceError(Code.INTERNAL, "bug", retry_after_s=90),
    ServiceError(Code.ABORTED, "conflict"),
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
]


class _Sent(NamedTuple):
    """A call that left."""

    at: float
    images: int


class StreamMachine(RuleBasedStateMachine):
    """A source, a service and a reader that behave as badly as they may.

    After an event the run is carried on until it waits, as shells do, unless several come at once.
    """

    @initialize(
        limits=_limits,
        retry=_policies,
        timeouts=_timeouts,
        ordered=st.booleans(),
        images=st.sampled_from([300, 100, 9, 0]),
        sizes=st.lists(st.sampled_from([100, 100, 100, 0, 400, 3_000, None]), min_size=1, max_size=9),
        configs=st.lists(st.sampled_from([None, None, *_CONFIGS]), min_size=1, max_size=20),
        brings=st.lists(st.integers(0, MOST_IMAGES), min_size=1, max_size=5),
        pauses=st.lists(st.sampled_from([0.0, 0.0, 0.1, 20.0]), min_size=1, max_size=5),
        trouble=st.sampled_from([0.02, 0.1, 0.5]),
        tokens=st.sampled_from([1_000_000, 1_000_000, 40, 3]),
        abandons=st.sampled_from([False, False, False, True]),
        shares_quota=st.booleans(),
        seed=st.integers(0, 1_000),
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
        configs: list[str | None],
        brings: list[int],
        pauses: list[float],
        trouble: float,
        tokens: int,
        abandons: bool,
        shares_quota: bool,
        seed: int,
    ) -> None:
        self.plan = Plan(limits, retry, timeouts, ordered)
        self.simulation = Simulation(self.plan, seed=seed, shares_quota=shares_quota)
        self.permits: list[Permit] = []
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        # The share of calls that chance lets end badly.
        self.trouble = trouble
        # How many calls get a token; those after them get none.
        self.tokens = tokens
        self.ended_with: VisionError | None = None
        # Whether something else ends the stream in the middle.
        self.abandons = abandons
        # None stands for an image that cannot be read.
        self.source = [
            _image(number, size, config)
            for number, size, config in zip(range(images), cycle(sizes), cycle(configs), strict=False)
        ]
        # How many images there are when some are wanted; 0: they come later.
        self.brings = cycle(brings)
        # How long the reader takes over what it is given.
        self.pauses = cycle(pauses)
        self.pulled = 0
        self.exhausted = False
        self.finished = False
        self.results: list[ImageResult] = []
        self.log: list[_Sent] = []
        self.left_at: dict[int, float] = {}
        self.sends: Counter[int] = Counter()
        self.uncounted: Counter[int] = Counter()
        self.free: Counter[int] = Counter()
        self.first_sent_at: dict[int, float] = {}
        self.succeeded: set[int] = set()
        self.stale: dict[int, str] = {}
        self.not_before: dict[int, float] = {}
        self.settle()

    # What the shell does

    def settle(self) -> None:
        """Carry on until there is nothing to do at this time."""
        while self.step():
            if self.simulation.wanted:
                self.bring(next(self.brings))

    def step(self) -> bool:
        """Carry out one effect; return whether there may be more to do at this time."""
        calls_before = dict(self.simulation.calls)
        effect = self.simulation.next()
        if isinstance(effect, Send):
            self.check_send(effect, calls_before)
            self.start(effect)
        elif isinstance(effect, Pull):
            self.check_pull(effect)
        elif isinstance(effect, Forget):
            # A call of this service has no deadline of its own.
            send = calls_before[effect.call_id]
            assert self.simulation.now >= self.left_at[effect.call_id] + send.timeout_s + OVERDUE_S - _ROUNDING_S
            self.simulation.forget(send)
        elif isinstance(effect, Emit):
            assert effect.results
            self.results += effect.results
            self.simulation.now += next(self.pauses)
        elif isinstance(effect, Wait):
            # Something must be able to end the wait, and not only at once: else the shell spins.
            is_woken = calls_before or self.simulation.wanted or self.simulation.question() is not None
            assert effect.until is not None or is_woken
            assert effect.until is None or effect.until > self.simulation.now
        else:
            self.finished = True
            self.check_end()
        return not isinstance(effect, Wait | Finish)

    def start(self, send: Send) -> None:
        """Send a call, if there is a token for it."""
        numbers, now = [number_in(content) for content in send.contents], self.simulation.now
        if self.tokens:
            self.tokens -= 1
            self.sends.update(numbers)
        else:
            error = AuthError("no token")
            # What is sent again may have had too little time for one.
            if not (self.sends[numbers[0]] and send.timeout_s < self.plan.timeouts.call_s):
                self.ended_with = error
            del self.simulation.calls[send.call_id]
            self.simulation.report(lambda run: run.unauthorized(send.call_id, error, now))

    def check_send(self, send: Send, calls_before: dict[int, Send]) -> None:
        limits, timeouts, now = self.plan.limits, self.plan.timeouts, self.simulation.now
        numbers = [number_in(content) for content in send.contents]
        assert self.ended_with is None, "nothing is sent any more"
        self.check_permit(len(numbers))
        assert len(calls_before) < self.simulation.throttle.calls <= limits.calls_in_flight or not calls_before
        content_bytes = sum(len(content) for call in [*calls_before.values(), send] for content in call.contents)
        assert content_bytes <= limits.bytes_in_flight or not calls_before
        assert 1 <= len(numbers) <= MOST_IMAGES
        assert {_config_of(self.source[number]) for number in numbers} == {send.config}
        assert sum(map(len, send.contents)) <= limits.bytes_in_flight or len(numbers) == 1
        on_the_way = {number_in(content) for call in calls_before.values() for content in call.contents}
        assert on_the_way.isdisjoint(numbers)
        assert self.succeeded.isdisjoint(numbers), "what has succeeded is billed"
        assert {result.key for result in self.results}.isdisjoint(map(str, numbers))
        assert {self.stale.pop(number, None) for number in numbers} == {send.refused}
        for number in numbers:
            counted = self.sends[number] - self.uncounted[number] - self.free[number]
            assert counted < self.plan.retry.attempts + _BISECTIONS + _REFRESHES
            first = self.first_sent_at.setdefault(number, now)
            assert 0 <= send.timeout_s <= timeouts.call_s
            assert now + send.timeout_s <= max(now, first + timeouts.total_s) + _ROUNDING_S
            assert now >= self.not_before.get(number, now)
        self.log.append(_Sent(now, len(numbers)))
        self.left_at[send.call_id] = now
        self.check_quota()

    def check_permit(self, images: int) -> None:
        """Look at the permit that the call has used: it came for so many images, and for now."""
        if self.simulation.permits is not None:
            permit, now = self.simulation.permits.uses.pop(), self.simulation.now
            assert permit is not None
            assert permit in self.permits, "it was used before"
            self.permits.remove(permit)
            assert images <= permit.images
            assert permit.at <= now <= permit.at + USABLE_S

    def check_quota(self) -> None:
        """Look at the second that ends now: each departure ends one, so that no second is left out."""
        limits, now = self.plan.limits, self.simulation.now
        last_second = [sent for sent in self.log if sent.at > now - 1 + _ROUNDING_S]
        if limits.requests_per_s is not None:
            assert len(last_second) <= max(1, -(-limits.requests_per_s // 1))
        if limits.images_per_s is not None:
            assert sum(sent.images for sent in last_second) <= max(1, limits.images_per_s)

    def check_pull(self, pull: Pull) -> None:
        assert not self.exhausted
        assert 1 <= pull.images <= MOST_IMAGES
        if not self.plan.ordered:
            assert self.held_bytes() < self.plan.limits.bytes_in_flight
        early = self.pulled - len(self.results) if self.plan.ordered else 0
        windows = 10 * self.plan.limits.calls_in_flight * MOST_IMAGES
        assert self.gathered() <= _MOST_GATHERED
        assert early <= windows, "a slow image holds back more than a few windows of results"

    def gathered(self) -> int:
        """Images that were taken and have neither been sent nor got a result."""
        over = {result.key for result in self.results}
        return sum(str(number) not in over and not self.sends[number] for number in range(self.pulled))

    def held_bytes(self) -> int:
        """Bytes of the images that were taken and have no result."""
        over = {result.key for result in self.results}
        images = [image for image in self.source[: self.pulled] if isinstance(image, Image)]
        return sum(len(image.content) for image in images if image.key not in over)

    # What the world does

    def bring(self, images: int, *, ends: bool = False) -> None:
        """Let the source bring so many of the images that are wanted, unless it has none just now."""
        left = len(self.source) - self.pulled
        images = min(images, self.simulation.wanted, left)
        if images == 0 and left and not ends:
            return
        batch = self.source[self.pulled : self.pulled + images]
        self.pulled += images
        self.exhausted = exhausted = ends or self.pulled == len(self.source)
        self.simulation.wanted = 0
        self.simulation.report(lambda run: run.pulled(batch, exhausted=exhausted))

    @precondition(lambda self: self.simulation.wanted)
    @rule(images=st.integers(1, MOST_IMAGES), ends=st.sampled_from([False, False, False, True]))
    def source_brings(self, images: int, *, ends: bool) -> None:
        self.bring(images, ends=ends)
        self.settle()

    @precondition(lambda self: self.simulation.calls)
    @rule(pick=st.integers(0, 3), ending=st.sampled_from(_ENDINGS), more_at_once=st.sampled_from([False, False, True]))
    def call_ends(self, pick: int, ending: _Ending, *, more_at_once: bool) -> None:
        self.end_call(pick, ending)
        if not (more_at_once and self.simulation.calls):
            self.settle()

    def end_call(self, pick: int, ending: _Ending) -> None:
        """Let one of the calls in flight end."""
        calls = self.simulation.calls
        send = calls[sorted(calls)[pick % len(calls)]]
        numbers = [number_in(content) for content in send.contents]
        if isinstance(ending, _Said):
            self.answer(send, [result for result, _ in zip(cycle(ending.results), numbers)])
            return
        if isinstance(ending, _Miscount):
            self.simulation.end(send, _answer([FINE] * (len(numbers) + ending.more)))
            return
        if ending.code is Code.UNAUTHENTICATED:
            self.stale.update(dict.fromkeys(numbers, authorization_of(send.call_id)))
        if isinstance(ending, ReroutedError):
            self.uncounted.update(numbers)
        elif _may_be_free(ending):
            self.free.update(numbers)
        if isinstance(ending, ServiceError) and ending.retry_after_s is not None:
            self.not_before.update(dict.fromkeys(numbers, self.simulation.now + ending.retry_after_s))
        self.simulation.end(send, ending)

    def answer(self, send: Send, results: Sequence[AnalyzeResult]) -> None:
        numbers = [number_in(content) for content in send.contents]
        self.succeeded.update(number for number, result in zip(numbers, results, strict=True) if result is FINE)
        if _BUSY in results:
            again = [number for number, result in zip(numbers, results, strict=True) if result in (_BUSY, _BROKEN)]
            self.not_before.update(dict.fromkeys(again, self.simulation.now + 3))
        self.simulation.end(send, _answer(results))

    @precondition(lambda self: self.simulation.question())
    @rule(
        waits=st.lists(st.sampled_from([0.0, 0.02, 0.3, 5.0]), min_size=1, max_size=3),
        per_s=st.floats(0, 400),
        fewer=st.sampled_from([0, 0, 1]),
    )
    def quota_grants(self, waits: list[float], per_s: float, fewer: int) -> None:
        self.grant(waits, per_s, fewer)
        self.settle()

    def grant(self, waits: Sequence[float], per_s: float, fewer: int = 0) -> None:
        """Let the quota answer, perhaps with more permits than were asked for, or for fewer images."""
        question = self.simulation.question()
        assert question is not None
        times = [self.simulation.now + wait for wait in waits]
        images = max(1, question.images - fewer)
        self.permits += [Permit(at, images) for at in times]
        self.permits.sort()
        self.simulation.grant(times, images, per_s)

    @precondition(lambda self: self.simulation.question())
    @rule()
    def quota_fails(self) -> None:
        self.ended_with = TransportError("no permit")
        self.simulation.refuse(self.ended_with)
        self.settle()

    @rule(seconds=st.none() | st.floats(0.0, 0.1) | st.floats(0.0, 40.0))
    def time_passes(self, seconds: float | None) -> None:
        """Some time, or just as much as the run waits for."""
        self.pass_time(seconds)
        if not self.finished:
            self.settle()

    def pass_time(self, seconds: float | None) -> None:
        last = self.simulation.effects[-1]
        if seconds is not None:
            self.simulation.now += seconds
        elif isinstance(last, Wait) and last.until is not None:
            self.simulation.now = max(self.simulation.now, last.until)

    # What must hold

    @invariant()
    def each_image_has_at_most_one_result(self) -> None:
        keys = [result.key for result in self.results]
        assert len(keys) == len(set(keys))
        if self.plan.ordered:
            assert keys == sorted(keys, key=int)
            assert self.ended_with is not None or keys == [str(number) for number in range(len(keys))]

    @invariant()
    def what_has_no_result_would_be_named(self) -> None:
        # With an order, to ask is to end the stream.
        if not self.plan.ordered and not self.finished:
            self.check_names()

    def check_names(self) -> None:
        error = RuntimeError("a bug")
        self.simulation.run.abandoned(error)
        self.check_named(error)

    def check_named(self, error: BaseException) -> None:
        """Each image that was pulled has a result, or is named by the error that ends the stream; none is both."""
        named = [key for note in getattr(error, "__notes__", ()) for key in note.split(": ")[1].split(", ")]
        assert len(named) == len(set(named))
        assert set(named) == {str(number) for number in range(self.pulled)} - {result.key for result in self.results}

    @invariant()
    def the_calls_under_way_are_counted(self) -> None:
        assert self.simulation.monitor.stats().calls_in_flight == len(self.simulation.calls)

    def check_end(self) -> None:
        error = self.simulation.ended_by
        assert not self.simulation.calls
        assert error is self.ended_with
        assert self.exhausted or error is not None
        self.check_names()
        for result in self.results:
            number = int(result.key)
            assert result.ok == (number in self.succeeded)
            assert result.attempts == self.sends[number] - self.uncounted[number]

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        if self.abandons and not self.finished:
            self.check_names()
            self.simulation.run.closed(self.simulation.now)
        else:
            self.go_on_by_chance()
            self.check_statistics()
        assert self.simulation.monitor.stats().calls_in_flight == 0
        effects = self.simulation.effects
        assert list(map(_comparable, self.simulation.play_again())) == list(map(_comparable, effects))

    def go_on_by_chance(self) -> None:
        """Whatever happens next, the stream ends once the service is well again."""
        for turn in range(100_000):
            if self.finished:
                return
            is_well = turn > _CHANCES
            if self.simulation.wanted and self.chance.random() < 0.8:
                self.bring(self.chance.randint(1, MOST_IMAGES))
            elif self.simulation.calls and self.chance.random() < 0.6:
                is_bad = not is_well and self.chance.random() < self.trouble
                self.end_call(self.chance.randrange(4), self.chance.choice(_ENDINGS) if is_bad else _Said([FINE]))
            elif self.simulation.question() is not None and self.chance.random() < 0.5:
                self.grant([self.chance.choice([0.0, 0.02, 0.3])], 20.0, 0 if is_well else self.chance.randrange(2))
            else:
                self.pass_time(None if is_well else self.chance.choice([None, 0.01, 0.1, 10.0]))
            if self.chance.random() < 0.8:
                self.settle()
            self.each_image_has_at_most_one_result()
            self.what_has_no_result_would_be_named()
        message = "the stream does not end"
        raise AssertionError(message)

    def check_statistics(self) -> None:
        stats = self.simulation.monitor.stats()
        assert stats.images_succeeded == sum(result.ok for result in self.results)
        assert stats.images_failed == sum(not result.ok for result in self.results)
        assert stats.requests == len(self.log)


def _may_be_free(error: VisionError) -> bool:
    """Whether the service, or somebody in its place, says that it is away or has no quota left."""
    refusals = {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED}
    return error.code in refusals and not isinstance(error, DeadlineError | RequestTooLargeError)


def _answer(results: Sequence[AnalyzeResult]) -> Answer:
    return Answer([MessageOutcome(result) for result in results], "id", "grpc")


def _image(number: int, size: int | None, config: str | None) -> Image | Rejection:
    key = str(number)
    if size is None:
        return Rejection(key, ImageError(Code.NOT_FOUND, "no such file"))
    model = "impossible" if config == _IMPOSSIBLE else None
    return Image(key, png(number, size=size), None if config is None else [config], model)


def _config_of(image: Image | Rejection) -> object:
    assert isinstance(image, Image)
    return config_of(image)


def _comparable(effect: Effect) -> object:
    """An effect without the objects that an answer brought along."""
    return [tuple(result.key for result in effect.results)] if isinstance(effect, Emit) else effect


StreamMachine.TestCase.settings = settings(max_examples=50)
TestStream = StreamMachine.TestCase
