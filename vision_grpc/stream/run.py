"""One stream of images from its first to its last result.

Events go in, effects come out: equal events at equal times give equal effects. An image that is
offered ends in exactly one result. What has succeeded is never sent again: it is billed.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, DeadlineError, PathError, ProtocolError, ServiceError, VisionError
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.sources.image import Image, Refusal
from vision_grpc.stream.batch import Batch, Place
from vision_grpc.stream.batching import Batcher, batch_bytes
from vision_grpc.stream.effects import Effect, Emit, Finish, Forget, Pull, Send, Wait
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.ordering import Sequencer
from vision_grpc.stream.retry import Retries, RetryBudget
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.turn import PROMPT_S, Turn
from vision_grpc.stream.verdict import OVERLOAD, Verdict, judge

# A stream that keeps its order may run ahead of a slow image by this many windows.
_ORDERED_WINDOWS = 8

LINGER_S = 0.2
"""A batch that a slow source fills is not waited for any longer, though other calls are under way."""

OVERDUE_S = 5.0
"""How long after its deadline a call is waited for that does not end by itself, as every call should."""


class Plan(NamedTuple):
    """What a run is bound by."""

    limits: Limits
    retry: RetryPolicy
    timeouts: Timeouts
    ordered: bool = False
    deadline: float | None = None
    """When everything must be over (monotonic seconds), instead of `timeouts.total_s` from the first sending on."""


Contents = Callable[[], Sequence[bytes]]
"""Gives the images of a call that ended, for they may have to be sent again."""


class Run:
    """The decisions of one stream."""

    def __init__(
        self,
        plan: Plan,
        throttle: Throttle,
        budget: RetryBudget,
        rng: random.Random,
        observer: Observer,
    ) -> None:
        self._limits, _, self._timeouts, ordered, self._deadline = plan
        self._throttle = throttle
        self._budget = budget
        self._retries = Retries(plan.retry, plan.timeouts.total_s, budget, rng)
        self._observer = observer
        self._batcher: Batcher[tuple[int, Image]] = Batcher(throttle.batch_images, batch_bytes(self._limits))
        self._sequencer: Sequencer[ImageResult] | None = Sequencer() if ordered else None
        self._most_early = _ORDERED_WINDOWS * self._limits.calls_in_flight * throttle.most_images
        self._pulled = 0
        self._pulling = 0
        self._exhausted = False
        self._source_is_slow = False
        self._gathering_since: float | None = None
        self._ended_by: VisionError | None = None
        # Where a batch may be: ready to leave, waiting for its next attempt, or under way.
        self._ready: deque[Batch] = deque()
        self._delayed: list[tuple[float, int, Batch]] = []
        self._in_flight: dict[int, Batch] = {}
        self._bytes_in_flight = 0
        self._bytes_held = 0
        self._results: list[ImageResult] = []
        self._delays = count()
        self._turn = Turn(throttle)

    # Events

    def pulled(self, images: Sequence[Image | Refusal], *, exhausted: bool) -> None:
        """Take what a `Pull` brought; `exhausted` tells that the source has no more, or that no more is wanted."""
        for position, image in enumerate(images, self._pulled):
            if isinstance(image, Refusal):
                self._settle(position, ImageResult(image.key, error=image.error))
            else:
                content_bytes = len(image.content)
                self._bytes_held += content_bytes
                self._line_up(self._batcher.add((position, image), content_bytes))
        self._pulled += len(images)
        self._source_is_slow = len(images) < self._pulling
        self._pulling = 0
        self._exhausted = self._exhausted or exhausted

    def succeeded(self, call_id: int, answer: Answer, now: float, contents: Contents) -> None:
        """Take the answer to a call."""
        batch = self._in_flight[call_id]
        try:
            errors = answer.errors(len(batch.places))
        except ProtocolError as unreadable:
            self.failed(call_id, unreadable, now, contents)
            return
        self._land(call_id, answer, now)
        batch.attempts += 1
        about = (batch.attempts, answer.transport, answer.request_id, answer.fallback_reason)
        again: dict[int, ImageResult] = {}
        for number, (place, outcome, error) in enumerate(zip(batch.places, answer.outcomes, errors, strict=True)):
            result = ImageResult(place[1], outcome, error, *about)
            if error is None or not error.retryable:
                self._finish(place, result)
            else:
                again[number] = result
        if len(again) < len(batch.places):
            self._budget.earn(now)
        if again:
            batch.contents = contents()
            self._retry_images(batch, again, now)
        else:
            self._throttle.answered()

    def failed(self, call_id: int, error: VisionError, now: float, contents: Contents) -> None:
        """Take the failure of a call."""
        batch = self._land(call_id, error, now)
        batch.contents, batch.last_fault = contents(), str(error)
        verdict = judge(error)
        if verdict is Verdict.RESEND:
            self._ready.appendleft(batch)
            return
        if self._ended_by is not None:
            verdict = Verdict.GIVE_UP
        batch.attempts += 1
        # Nothing was sent: that costs the service nothing, and where it is away for a while, the image no attempt.
        is_free = isinstance(error, PathError) and self._retries.expect_service(now)
        batch.unreached += is_free
        if verdict is Verdict.SLOW_DOWN:
            self._throttle.pushed_back(batch.sent_at, now)
        if verdict is Verdict.SPLIT and len(batch.places) > 1:
            numbers = range(len(batch.places))
            middle = len(numbers) // 2
            self._ready.extendleft([batch.part(numbers[middle:]), batch.part(numbers[:middle])])
        elif verdict is Verdict.REFRESH and not batch.refreshed and batch.authorization is not None:
            batch.refused, batch.refreshed = batch.authorization, True
            self._ready.appendleft(batch)
        elif not (verdict.retry and self._delay(batch, _asked_s(error), now, error.code, is_free=is_free)):
            self._give_up(batch, error)

    def forgotten(self, call_id: int, now: float, contents: Contents) -> None:
        """Take that a call is waited for no more."""
        message = f"the call did not end within {OVERDUE_S:g} s after its deadline"
        self.failed(call_id, DeadlineError(message), now, contents)

    def authorized(self, call_id: int, authorization: str | None, now: float) -> None:
        """Take what a call is authorized by, which leaves only now: the service may refuse it."""
        batch = self._in_flight[call_id]
        batch.authorization = authorization
        if now - batch.sent_at > PROMPT_S:
            # The quota was charged for then.
            self._throttle.charge(len(batch.places), now)
        batch.sent_at = now

    def unauthorized(self, call_id: int, error: VisionError, now: float) -> None:
        """Take that a call could not be started for want of a token: no other could either.

        Nothing more is sent. What is under way is billed, so it is waited for; then `next` raises the error. But where
        earlier attempts left a call less time than others have, the others may still get a token.
        """
        batch = self._land(call_id, error, now)
        if batch.is_cut_short:
            self._give_up(batch, error)
            return
        self._ready.append(batch)
        self._ended_by = error
        self._exhausted = True

    # Effects

    def next(self, now: float) -> Effect:
        """Return what is to be done next.

        Raises:
            VisionError: the one of `unauthorized`, once what was under way has its results.
        """
        if (overdue := self._overdue(now)) is not None:
            return overdue
        may_pull = self._ended_by is None and self._prepare(now)
        if self._results:
            return self._emit()
        if self._ended_by is not None:
            return self._wind_up(self._ended_by)
        return self._go_on(now, may_pull=may_pull)

    def closed(self, now: float) -> None:
        """Take note that the stream is over: nobody waits for what is still under way."""
        under_way = self._in_flight.items()
        self._observer.calls_abandoned(
            (call_id, len(batch.places), now - batch.sent_at) for call_id, batch in under_way
        )

    def abandoned(self, error: BaseException, left: Sequence[str] = ()) -> None:
        """Let the exception that ends the stream say which images have no result; `left` did not get here."""
        batches = [*self._in_flight.values(), *self._ready, *(batch for _, _, batch in self._delayed)]
        keys = [key for batch in batches for _, key, _ in batch.places]
        keys += [image.key for _, image in self._batcher.waiting]
        keys += [result.key for result in (*self._results, *(self._sequencer.flush() if self._sequencer else ()))]
        keys += left
        if keys:
            error.add_note(f"without a result: {', '.join(map(str, keys))}")

    def _line_up(self, images: Sequence[tuple[int, Image]]) -> None:
        """Let images leave together that have gathered, if there are any."""
        if images:
            self._gathering_since = None
            places = [(position, image.key, len(image.content)) for position, image in images]
            self._ready.append(Batch(places, [image.content for _, image in images]))

    def _prepare(self, now: float) -> bool:
        """Let what is due, and what need not gather any longer, be ready; return whether more may be pulled."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.appendleft(heapq.heappop(self._delayed)[2])
        may_pull = self._may_pull()
        if not self._ready and self._should_flush(now, may_pull=may_pull):
            self._line_up(self._batcher.flush())
        while self._ready and self._expired(self._ready[0], now):
            batch = self._ready.popleft()
            message = "no attempt can leave before the time for all together is over"
            last = f"; the last one: {batch.last_fault}" if batch.last_fault else ""
            self._give_up(batch, DeadlineError(f"{message}{last}"))
        return may_pull

    def _go_on(self, now: float, *, may_pull: bool) -> Effect:
        wake_at = self._delayed[0][0] if self._delayed else None
        if self._ready and self._has_room(self._ready[0]):
            leaves_at = self._turn.leaves_at(len(self._ready[0].places), now)
            if leaves_at <= now:
                return self._depart(self._ready.popleft(), now)
            wake_at = _earliest(wake_at, leaves_at)
        if may_pull:
            self._pulling = self._batcher.room
            if self._gathering_since is None:
                self._gathering_since = now
            return Pull(self._pulling)
        if self._in_flight or self._ready or self._delayed:
            return self._wait(_earliest(wake_at, self._leaves_at(now)))
        return self._wait_for_source(now) if self._pulling else Finish()

    def _overdue(self, now: float) -> Forget | None:
        """Return the call that was waited for too long, the oldest: something holds it up that does not know time."""
        if not self._in_flight:
            return None
        call_id, batch = next(iter(self._in_flight.items()))
        if now < batch.overdue_at:
            return None
        if now > batch.overdue_at + OVERDUE_S:
            # The shell was away, its event loop perhaps held up: it has yet to hear what came meanwhile.
            batch.overdue_at = now + OVERDUE_S
            return None
        return Forget(call_id)

    def _wait(self, until: float | None) -> Wait:
        if not self._in_flight:
            return Wait(until)
        return Wait(_earliest(until, next(iter(self._in_flight.values())).overdue_at))

    def _wait_for_source(self, now: float) -> Wait:
        """Return how long the source is waited for that has not brought what was pulled, when all else is over.

        Raises:
            DeadlineError: no longer.
        """
        if self._deadline is not None and now >= self._deadline:
            message = "the source of images brought none in the time for all together"
            raise DeadlineError(message)
        return Wait(_earliest(self._deadline, self._leaves_at(now)))

    def _emit(self) -> Emit:
        results, self._results = self._results, []
        succeeded = sum([result.error is None for result in results])
        self._observer.images_finished(succeeded, len(results) - succeeded)
        return Emit(results)

    def _wind_up(self, error: VisionError) -> Effect:
        """Return what is to be done next in a stream that sends no more."""
        if self._in_flight:
            return self._wait(None)
        if self._sequencer:
            self._results = self._sequencer.flush()
            return self._emit()
        raise error

    def _may_pull(self) -> bool:
        return not (
            self._exhausted
            or self._pulling
            or self._ready
            or not self._window_is_open()
            or (self._sequencer is not None and len(self._sequencer) >= self._most_early)
        )

    def _window_is_open(self) -> bool:
        """Whether more may be held. What waits for another attempt counts: an outage must not fill the memory."""
        held = len(self._in_flight) + len(self._delayed)
        most = min(self._limits.calls_in_flight, self._throttle.calls)
        return held < most and self._bytes_held < self._limits.bytes_in_flight

    def _should_flush(self, now: float, *, may_pull: bool) -> bool:
        """Whether a batch leaves before it is full: no more images come, or not soon."""
        if not self._batcher.waiting or (may_pull and not self._source_is_slow):
            return False
        if self._exhausted or not (self._in_flight or self._delayed):
            return True
        leaves_at = self._leaves_at(now)
        return leaves_at is not None and leaves_at <= now

    def _leaves_at(self, now: float) -> float | None:
        """Return when a batch that is not full leaves beside other calls; None: not before one of those is over."""
        gathered = len(self._batcher.waiting)
        if not gathered or self._ready or self._gathering_since is None or not self._window_is_open():
            return None
        return max(self._gathering_since + LINGER_S, self._turn.soonest(gathered, now))

    def _has_room(self, batch: Batch) -> bool:
        if not self._in_flight:
            return True
        return (
            len(self._in_flight) < self._throttle.calls
            and self._bytes_in_flight + batch.content_bytes <= self._limits.bytes_in_flight
        )

    def _expired(self, batch: Batch, now: float) -> bool:
        """Whether the time of a batch is over before it can leave: to send it would only cost quota."""
        deadline = self._deadline if batch.deadline is None else batch.deadline
        return deadline is not None and self._turn.soonest(len(batch.places), now) >= deadline

    def _give_up(self, batch: Batch, error: VisionError) -> None:
        answered = error if isinstance(error, ServiceError) else None
        message, details = (str(error), ()) if answered is None else (answered.message, answered.details)
        image_error = ImageError(error.code, message, details, error)
        for place in batch.places:
            result = ImageResult(place[1], error=image_error, attempts=batch.attempts)
            result.fallback_reason = error.fallback_reason
            if answered is not None:
                result.transport, result.request_id = answered.transport, answered.request_id
            self._finish(place, result)

    def _depart(self, batch: Batch, now: float) -> Send:
        is_again = batch.deadline is not None
        if batch.deadline is None:
            batch.deadline = now + self._timeouts.total_s if self._deadline is None else self._deadline
        throttled_s = self._turn.take(now)
        attempt = batch.attempts + 1
        call_id = self._observer.call_started(len(batch.places), batch.content_bytes, attempt, throttled_s)
        self._in_flight[call_id] = batch
        self._bytes_in_flight += batch.content_bytes
        batch.sent_at = now
        refused, batch.refused = batch.refused, None
        left_s = batch.deadline - now
        timeout_s = min(self._timeouts.call_s, left_s)
        batch.is_cut_short = is_again and left_s < self._timeouts.call_s
        batch.overdue_at = now + timeout_s + OVERDUE_S
        contents, batch.contents = batch.contents, ()
        return Send(call_id, contents, now + timeout_s, timeout_s, refused)

    def _land(self, call_id: int, outcome: Answer | VisionError, now: float) -> Batch:
        batch = self._in_flight.pop(call_id)
        self._bytes_in_flight -= batch.content_bytes
        self._observer.call_ended(call_id, len(batch.places), now - batch.sent_at, outcome)
        return batch

    def _retry_images(self, batch: Batch, again: Mapping[int, ImageResult], now: float) -> None:
        """Send images again that failed in an answered call; where that may not be, what came is their result."""
        errors = [result.error for result in again.values() if result.error is not None]
        if any(error.code in OVERLOAD for error in errors):
            self._throttle.pushed_back(batch.sent_at, now)
        batch.last_fault = errors[0].message
        asked = max((asked_wait_s(error.details) or 0.0 for error in errors), default=0.0)
        if not self._delay(batch.part([*again]), asked, now, errors[0].code):
            for number, result in again.items():
                self._finish(batch.places[number], result)

    def _delay(self, batch: Batch, asked_s: float | None, now: float, code: Code, *, is_free: bool = False) -> bool:
        """Let a batch wait for its next attempt; return False where it may not have one."""
        if self._ended_by is not None:
            return False
        wait_s = self._retries.wait_s(batch, now, asked_s, is_free=is_free)
        if wait_s is None or (batch.deadline is not None and now + wait_s >= batch.deadline):
            return False
        batch.failures += 1
        self._observer.retry_scheduled(len(batch.places), wait_s, code)
        heapq.heappush(self._delayed, (now + wait_s, next(self._delays), batch))
        return True

    def _finish(self, place: Place, result: ImageResult) -> None:
        position, _, content_bytes = place
        self._bytes_held -= content_bytes
        self._settle(position, result)

    def _settle(self, position: int, result: ImageResult) -> None:
        if self._sequencer is None:
            self._results.append(result)
        else:
            self._results += self._sequencer.add(position, result)


def _asked_s(error: VisionError) -> float | None:
    return error.retry_after_s if isinstance(error, ServiceError) else None


def _earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
