"""One stream of images from its first to its last result.

Events go in, effects come out: equal events at equal times give equal effects. An image that is
offered ends in exactly one result. What has succeeded is never sent again: it is billed.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, DeadlineError, PathError, ProtocolError, ServiceError, VisionError
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.sources.image import Image, Rejection
from vision_grpc.stream.batch import Batch, Entry, SentBatch
from vision_grpc.stream.batching import Batcher, batch_bytes
from vision_grpc.stream.delayed import Delayed
from vision_grpc.stream.effects import Effect, Emit, Finish, Forget, Pull, Send, Wait
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.ordering import Sequencer
from vision_grpc.stream.retry import Retries, RetryBudget
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.turn import PROMPT_S, Turn
from vision_grpc.stream.verdict import OVERLOAD, Verdict, judge
from vision_grpc.stream.window import OVERDUE_S, Window

# A stream that keeps its order may run ahead of a slow image by this many windows.
_ORDERED_WINDOWS = 8

LINGER_S = 0.2
"""A batch that a slow source fills is not waited for any longer, though other calls are under way."""


class Plan(NamedTuple):
    """What a run is bound by."""

    limits: Limits
    retry: RetryPolicy
    timeouts: Timeouts
    ordered: bool = False
    deadline: float | None = None
    """When everything must be over (monotonic seconds), instead of `timeouts.total_s` from the first sending on."""
    waits: bool = True
    """Whether retries wait; see `vision_grpc.testing.without_backoff`."""


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
        self._limits, self._timeouts, self._deadline = plan.limits, plan.timeouts, plan.deadline
        self._throttle = throttle
        self._budget = budget
        self._retries = Retries(plan.retry, plan.timeouts.total_s, budget, rng, waits=plan.waits)
        self._observer = observer
        self._batcher: Batcher[tuple[int, Image]] = Batcher(throttle.batch_images, batch_bytes(self._limits))
        self._sequencer: Sequencer[ImageResult] | None = Sequencer() if plan.ordered else None
        self._most_early = _ORDERED_WINDOWS * self._limits.calls_in_flight * throttle.most_images
        self._pulled = 0
        self._pulling = 0
        self._exhausted = False
        self._source_is_slow = False
        self._gathering_since: float | None = None
        self._ended_by: VisionError | None = None
        # Where a batch may be: ready to leave, waiting for its next attempt, or under way.
        self._ready: deque[Batch] = deque()
        self._delayed = Delayed()
        self._in_flight = Window()
        self._bytes_held = 0
        self._results: list[ImageResult] = []
        self._turn = Turn(throttle)

    # Events

    def pulled(self, images: Sequence[Image | Rejection], *, exhausted: bool) -> None:
        """Take what a `Pull` brought; `exhausted` tells that the source has no more, or that no more is wanted."""
        for position, image in enumerate(images, self._pulled):
            if isinstance(image, Rejection):
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
        try:
            errors = answer.errors(len(self._in_flight[call_id].entries))
        except ProtocolError as unreadable:
            self.failed(call_id, unreadable, now, contents)
            return
        sent = self._land(call_id, answer, now)
        about = (sent.history.attempts + 1, answer.transport, answer.request_id, answer.fallback_reason)
        again: dict[int, ImageResult] = {}
        for number, (entry, outcome, error) in enumerate(zip(sent.entries, answer.outcomes, errors, strict=True)):
            result = ImageResult(entry[1], outcome, error, *about)
            if error is None or not error.retryable:
                self._finish(entry, result)
            else:
                again[number] = result
        if len(again) < len(sent.entries):
            self._budget.earn(now)
        if again:
            self._retry_images(sent, contents(), again, now)
        else:
            self._throttle.answered()

    def failed(self, call_id: int, error: VisionError, now: float, contents: Contents) -> None:
        """Take the failure of a call."""
        sent, verdict = self._land(call_id, error, now), judge(error)
        history = sent.history._replace(last_fault=str(error))
        if verdict is Verdict.RESEND:
            self._ready.appendleft(Batch(sent.entries, contents(), history))
            return
        if self._ended_by is not None:
            verdict = Verdict.GIVE_UP
        # Nothing was sent: that costs the service nothing, and where it is away for a while, the image no attempt.
        is_free = isinstance(error, PathError) and self._retries.expect_service(now)
        history = history._replace(attempts=history.attempts + 1, unreached=history.unreached + is_free)
        if verdict is Verdict.SLOW_DOWN:
            self._throttle.pushed_back(sent.sent_at, now)
        if verdict is Verdict.REFRESH and not history.is_refreshed and sent.authorization is not None:
            history = history._replace(refused=sent.authorization, is_refreshed=True)
            self._ready.appendleft(Batch(sent.entries, contents(), history))
            return
        batch = Batch(sent.entries, contents(), history)
        if verdict is Verdict.SPLIT and len(batch.entries) > 1:
            self._ready.extendleft(reversed(batch.halves()))
        elif not (verdict.retry and self._delay(batch, _asked_s(error), now, error.code, is_free=is_free)):
            self._give_up(batch.entries, history.attempts, error)

    def forgotten(self, call_id: int, now: float, contents: Contents) -> None:
        """Take that a call is waited for no more."""
        message = f"the call did not end within {OVERDUE_S:g} s after its deadline"
        self.failed(call_id, DeadlineError(message), now, contents)

    def authorized(self, call_id: int, authorization: str | None, now: float) -> None:
        """Take what a call is authorized by, which leaves only now: the service may refuse it."""
        sent = self._in_flight[call_id]
        if now - sent.sent_at > PROMPT_S:
            # The quota was charged for then.
            self._throttle.charge(len(sent.entries), now)
        sent.authorization, sent.sent_at = authorization, now

    def unauthorized(self, call_id: int, error: VisionError, now: float) -> None:
        """Take that a call could not be started for want of a token: no other could either.

        Nothing more is sent. What is under way is billed, so it is waited for; then `next` raises the error. But where
        earlier attempts left a call less time than others have, the others may still get a token.
        """
        sent = self._land(call_id, error, now)
        if sent.is_cut_short:
            self._give_up(sent.entries, sent.history.attempts, error)
            return
        self._ready.append(Batch(sent.entries, (), sent.history))
        self._ended_by = error
        self._exhausted = True

    # Effects

    def next(self, now: float) -> Effect:
        """Return what is to be done next.

        Raises:
            VisionError: the one of `unauthorized`, once what was under way has its results.
        """
        if (overdue := self._in_flight.overdue(now)) is not None:
            return Forget(overdue)
        may_pull = self._ended_by is None and self._prepare(now)
        if self._results:
            return self._emit()
        if self._ended_by is not None:
            return self._wind_up(self._ended_by)
        return self._go_on(now, may_pull=may_pull)

    def closed(self, now: float) -> None:
        """Take note that the stream is over: nobody waits for what is still under way."""
        self._observer.calls_abandoned(
            (call_id, len(sent.entries), now - sent.sent_at) for call_id, sent in self._in_flight
        )

    def abandoned(self, error: BaseException, left: Sequence[str] = ()) -> None:
        """Let the exception that ends the stream say which images have no result; `left` did not get here."""
        batches = [*(sent for _, sent in self._in_flight), *self._ready, *self._delayed]
        keys = [key for batch in batches for _, key, _ in batch.entries]
        keys += [image.key for _, image in self._batcher.waiting]
        keys += [result.key for result in (*self._results, *(self._sequencer.flush() if self._sequencer else ()))]
        keys += left
        if keys:
            error.add_note(f"without a result: {', '.join(map(str, keys))}")

    def _line_up(self, images: Sequence[tuple[int, Image]]) -> None:
        """Let images leave together that have gathered, if there are any."""
        if images:
            self._gathering_since = None
            entries = [(position, image.key, len(image.content)) for position, image in images]
            self._ready.append(Batch(entries, [image.content for _, image in images]))

    def _prepare(self, now: float) -> bool:
        """Let what is due, and what need not gather any longer, be ready; return whether more may be pulled."""
        self._ready.extendleft(self._delayed.pop_due(now))
        may_pull = self._may_pull()
        if not self._ready and self._should_flush(now, may_pull=may_pull):
            self._line_up(self._batcher.flush())
        while self._ready and self._expired(self._ready[0], now):
            batch = self._ready.popleft()
            message = "no attempt can leave before the time for all together is over"
            last = f"; the last one: {fault}" if (fault := batch.history.last_fault) else ""
            self._give_up(batch.entries, batch.history.attempts, DeadlineError(f"{message}{last}"))
        return may_pull

    def _go_on(self, now: float, *, may_pull: bool) -> Effect:
        wake_at = self._delayed.due_at
        if self._ready and self._has_room(self._ready[0]):
            leaves_at = self._turn.leaves_at(len(self._ready[0].entries), now)
            if leaves_at <= now:
                return self._depart(self._ready.popleft(), now)
            wake_at = _earliest(wake_at, leaves_at)
        if may_pull:
            self._pulling = self._batcher.room
            if self._gathering_since is None:
                self._gathering_since = now
            return Pull(self._pulling)
        if self._in_flight or self._ready or self._delayed:
            return Wait(_earliest(wake_at, self._leaves_at(now), self._in_flight.overdue_at))
        return self._wait_for_source(now) if self._pulling else Finish()

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
            return Wait(self._in_flight.overdue_at)
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
            and self._in_flight.content_bytes + batch.content_bytes <= self._limits.bytes_in_flight
        )

    def _expired(self, batch: Batch, now: float) -> bool:
        """Whether the time of a batch is over before it can leave: to send it would only cost quota."""
        deadline = self._deadline if batch.history.deadline is None else batch.history.deadline
        return deadline is not None and self._turn.soonest(len(batch.entries), now) >= deadline

    def _give_up(self, entries: Sequence[Entry], attempts: int, error: VisionError) -> None:
        answered = error if isinstance(error, ServiceError) else None
        message, details = (str(error), ()) if answered is None else (answered.message, answered.details)
        image_error = ImageError(error.code, message, details, error)
        for entry in entries:
            result = ImageResult(entry[1], error=image_error, attempts=attempts)
            result.fallback_reason = error.fallback_reason
            if answered is not None:
                result.transport, result.request_id = answered.transport, answered.request_id
            self._finish(entry, result)

    def _depart(self, batch: Batch, now: float) -> Send:
        history, throttled_s = batch.history, self._turn.take(now)
        call_id = self._observer.call_started(
            len(batch.entries), batch.content_bytes, history.attempts + 1, throttled_s
        )
        deadline, is_again = history.deadline, history.deadline is not None
        if deadline is None:
            deadline = now + self._timeouts.total_s if self._deadline is None else self._deadline
        left_s = deadline - now
        timeout_s = min(self._timeouts.call_s, left_s)
        sent = SentBatch(
            batch.entries,
            batch.content_bytes,
            history._replace(deadline=deadline, refused=None),
            sent_at=now,
            overdue_at=now + timeout_s + OVERDUE_S,
            is_cut_short=is_again and left_s < self._timeouts.call_s,
        )
        self._in_flight.add(call_id, sent)
        return Send(call_id, batch.contents, now + timeout_s, timeout_s, history.refused)

    def _land(self, call_id: int, outcome: Answer | VisionError, now: float) -> SentBatch:
        sent = self._in_flight.remove(call_id)
        self._observer.call_ended(call_id, len(sent.entries), now - sent.sent_at, outcome)
        return sent

    def _retry_images(
        self, sent: SentBatch, contents: Sequence[bytes], again: Mapping[int, ImageResult], now: float
    ) -> None:
        """Send images again that failed in an answered call; where that may not be, what came is their result."""
        errors = [result.error for result in again.values() if result.error is not None]
        if any(error.code in OVERLOAD for error in errors):
            self._throttle.pushed_back(sent.sent_at, now)
        history = sent.history._replace(attempts=sent.history.attempts + 1, last_fault=errors[0].message)
        asked = max((asked_wait_s(error.details) or 0.0 for error in errors), default=0.0)
        batch = Batch(sent.entries, contents, history).part([*again])
        if not self._delay(batch, asked, now, errors[0].code):
            for number, result in again.items():
                self._finish(sent.entries[number], result)

    def _delay(self, batch: Batch, asked_s: float | None, now: float, code: Code, *, is_free: bool = False) -> bool:
        """Let a batch wait for its next attempt; return False where it may not have one."""
        if self._ended_by is not None:
            return False
        history = batch.history
        wait_s = self._retries.wait_s(history, now, asked_s, is_free=is_free)
        if wait_s is None or (history.deadline is not None and now + wait_s >= history.deadline):
            return False
        self._observer.retry_scheduled(len(batch.entries), wait_s, code)
        waiting = Batch(batch.entries, batch.contents, history._replace(failures=history.failures + 1))
        self._delayed.add(now + wait_s, waiting)
        return True

    def _finish(self, entry: Entry, result: ImageResult) -> None:
        position, _, content_bytes = entry
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
