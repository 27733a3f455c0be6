"""One stream of images from its first to its last result.

Events go in, effects come out: equal events at equal times give equal effects. Each image that is
offered gets exactly one result. An image that has succeeded is never sent again: it is billed.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from vision_grpc.errors import Code, DeadlineError, ProtocolError, RequestTooLargeError, VisionError
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.results.operation_outcome import OperationOutcome
from vision_grpc.sources.image import HAVE_RESULTS, FittedImage, FittedOperation, Image, PendingOperation, Pulled
from vision_grpc.stream.batch import Attempt, Batch, Config, Entry, History
from vision_grpc.stream.batching import Batcher
from vision_grpc.stream.effects import Effect, Finish, Forget, Send, Wait
from vision_grpc.stream.intake import Intake
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.operations import Operations
from vision_grpc.stream.outage import Outage
from vision_grpc.stream.outbox import Outbox
from vision_grpc.stream.pending import NEVER
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.resending import Resending
from vision_grpc.stream.retry import Retries
from vision_grpc.stream.shared import Shared
from vision_grpc.stream.turn import PROMPT_S, Turn
from vision_grpc.stream.verdict import Verdict, is_over_quota, judge
from vision_grpc.stream.window import OVERDUE_S, Window
from vision_grpc.texts.quoting import quote_name

# A stream that keeps its order may run ahead of a slow image by this many windows.
_ORDERED_WINDOWS = 8

Contents = Callable[[], Sequence[bytes]]
"""Returns the images of a call that ended, for they may have to be sent again."""

ConfigOf = Callable[[Image], Config | ImageError]
"""Returns what is asked about an image that says so itself, None if the stream asks the same; why that cannot be."""


class Run:
    """The decisions of one stream."""

    def __init__(
        self,
        plan: Plan,
        shared: Shared,
        rng: random.Random,
        observer: Observer,
        config_of: ConfigOf,
    ) -> None:
        self._timeouts = plan.timeouts
        self._deadline = plan.deadline
        self._throttle, self._budget, presence, self._size = shared[:4]
        patience_s = plan.timeouts.total_s
        self._outage = Outage(plan.retry, patience_s, presence, rng, waits=plan.waits)
        self._retries = Retries(plan.retry, patience_s, self._budget, self._outage, rng, waits=plan.waits)
        self._observer = observer
        self._config_of = config_of
        self._batcher = Batcher(self._size, plan.limits.bytes_in_flight // 2)
        self._outbox = Outbox(observer, ordered=plan.ordered)
        self._most_early = _ORDERED_WINDOWS * plan.limits.calls_in_flight * self._size.most_images
        self._intake = Intake()
        self._ended_by: VisionError | None = None
        self._resending = Resending(
            self._retries, self._outage, self._throttle, observer, is_late=self._is_late, finish=self._finish,
            may_be_deferred=not (plan.deferred or plan.no_operations),
        )  # fmt: skip
        # Where a batch may be: ready to be sent, waiting until its next attempt, or in flight.
        self._ready, self._delayed = self._resending.ready, self._resending.delayed
        self._window = Window(plan.limits, self._throttle)
        self._turn = Turn(self._throttle)
        self.place = self._turn.place  # Whoever waits for a permit is woken there.
        self._operations = Operations(plan, shared, rng, observer, self._outbox.add)
        self._most_operations, self._is_deferred = plan.limits.operations_in_flight, plan.deferred
        self._no_operations = plan.no_operations

    # Events

    def pulled(self, images: Sequence[Pulled], *, exhausted: bool) -> None:
        """Take the images of a `Pull`; `exhausted`: the source has no more, or no more are wanted."""
        taken_bytes = 0
        for position, image in enumerate(images, self._intake.taken):
            if isinstance(image, HAVE_RESULTS):
                self._outbox.add(position, image.result)
                continue
            if isinstance(image, FittedImage | FittedOperation):
                self._outbox.restores[position] = image.restore
            if isinstance(image, PendingOperation) and self._no_operations:
                fault = f"the result of operation {image.operation_id} cannot be fetched: {self._no_operations}"
                self._outbox.add(position, ImageResult(image.key, error=ImageError(Code.INVALID_ARGUMENT, fault)))
                continue
            if isinstance(image, PendingOperation):
                self._operations.resumed((position, image.key, 0), image.operation_id)
                continue
            key, content, languages, model = image
            config = None if languages is None and model is None else self._config_of(image)
            if isinstance(config, ImageError):
                self._outbox.add(position, ImageResult(key, error=config))
                continue
            content_bytes = len(content)
            taken_bytes += content_bytes
            entry = (position, key, content_bytes)
            if full := self._batcher.add(entry, cast("bytes", content), config, self._intake.asked_at):
                self._ready += full
        self._window.bytes_held += taken_bytes
        self._intake.came(len(images), exhausted=exhausted)

    def succeeded(self, call_id: int, answer: Answer, now: float, contents: Contents) -> None:
        """Take the answer to a call."""
        if call_id in self._operations:
            self._operations.succeeded(call_id, answer, now)
            return
        entries = self._window.attempts[call_id].entries
        try:
            errors = answer.errors(len(entries))
        except ProtocolError as unreadable:
            self.failed(call_id, unreadable, now, contents)
            return
        attempt = self._end(call_id, answer, now)
        self._outage.answered(now)
        self._size.taken(len(entries), attempt.content_bytes)
        about = (attempt.number, answer.transport, answer.request_id, answer.fallback_reason)
        again: dict[int, ImageResult] = {}
        for number, (entry, outcome, error) in enumerate(zip(entries, answer.outcomes, errors, strict=True)):
            if error is None and isinstance(outcome, OperationOutcome):
                self._window.bytes_held -= entry[2]
                self._operations.accepted(call_id, entry, outcome.operation.id, attempt.number, now)
                continue
            _, key, _ = entry
            result = ImageResult(key, outcome, error, *about)
            if error is None or not error.retryable:
                self._finish(entry, result)
            else:
                again[number] = result
        if len(again) < len(entries):
            self._budget.earn(now)
        if again:
            self._resending.retry_images(attempt, again, contents(), now)
        else:
            self._throttle.answered(attempt.sent_at, now)
            self._resending.note_rate()

    def failed(self, call_id: int, error: VisionError, now: float, contents: Contents) -> None:
        """Take the failure of a call."""
        if call_id in self._operations:
            self._operations.failed(call_id, error, now)
            return
        attempt = self._end(call_id, error, now)
        verdict = judge(error, was_unreadable=attempt.history.was_unreadable)
        if verdict is Verdict.RESEND:
            history = attempt.history._replace(last_fault=str(error))
            self._ready.appendleft(attempt.batch(contents(), history))
            return
        if self._resending.is_over:
            verdict = Verdict.GIVE_UP
        self._retries.failed(now)
        is_away = self._outage.is_away(error, attempt.sent_at, now)
        is_free = self._retries.is_free(error, attempt.history, now, is_away=is_away)
        history = attempt.history.failed(str(error), is_free=is_free, is_unreadable=isinstance(error, ProtocolError))
        batch = attempt.batch(contents(), history)
        if is_away and verdict.retry and self._outage.is_expected(now):
            self._resending.look_for_service(batch, error, attempt.sent_at, now)
            return
        if verdict is Verdict.SLOW_DOWN:
            self._resending.slow_down(attempt.sent_at, now, error.retry_after_s, is_quota=is_over_quota(error))
        if verdict is Verdict.SPLIT and len(batch.entries) > 1:
            if isinstance(error, RequestTooLargeError):
                self._size.refused(len(batch.entries), batch.content_bytes)
            self._ready.extendleft(reversed(batch.halves()))
        elif verdict is Verdict.REFRESH and not batch.history.is_refreshed and attempt.authorization is not None:
            history = batch.history._replace(is_refreshed=True)
            self._ready.appendleft(batch._replace(history=history, refused=attempt.authorization))
        elif not (
            verdict.retry and self._resending.delay(batch, error.retry_after_s, now, error.code, is_free=is_free)
        ):
            why = history.why_not_again(error.retry_after_s, now) or self._retries.why_refused(error)
            self._resending.give_up(batch, error, why if verdict.retry else "")

    def forgotten(self, call_id: int, now: float, contents: Contents) -> None:
        """Take that the shell no longer waits for a call."""
        message = f"the call did not end within {OVERDUE_S:g} s after its deadline"
        self.failed(call_id, DeadlineError(message), now, contents)

    def authorized(self, call_id: int, authorization: str | None, now: float) -> None:
        """Take the authorization of a call, which leaves only now: the service may refuse it."""
        if call_id in self._operations:
            self._operations.authorized(call_id, authorization)
            return
        attempt = self._window.attempts[call_id]
        if now - attempt.sent_at > PROMPT_S:
            # The quota was charged for the time at which the call was to leave.
            self._throttle.charge(len(attempt.entries), now)
        self._window.authorize(call_id, authorization, now)

    def unauthorized(self, call_id: int, error: VisionError, now: float) -> None:
        """Take that a call could not start because there is no token: no other call could start either.

        Nothing more is sent. Calls in flight are billed, so the stream waits for them; then `next` raises the error.
        But where earlier attempts left a call less time than others have, the others may still get a token.
        """
        if call_id in self._operations:
            self._operations.unauthorized(call_id, error, now)
            return
        attempt = self._end(call_id, error, now)
        # What is kept is only named by `abandoned`, not sent: it needs no contents.
        batch = attempt.batch((), attempt.history)
        if attempt.is_cut_short:
            self._resending.give_up(batch, error)
            return
        self._ready.append(batch)
        self._ended_by = error
        self.stop()

    def stop(self) -> None:
        """Send nothing more: the stream ends with the results of the calls in flight."""
        self._resending.is_over = self._intake.is_over = True
        self._turn.leave()

    # Effects

    def next(self, now: float) -> Effect:
        """Return what the shell does next.

        Raises:
            VisionError: the error of `unauthorized`, once the calls in flight have their results.
        """
        for overdue in (self._window.overdue(now), self._operations.overdue(now)):
            if overdue is not None:
                return Forget(overdue)
        ended_by = self._operations.ended_by or self.place.failure
        if ended_by is not None and not self._resending.is_over:
            self._ended_by = ended_by
            self.stop()
        question = self._operations.next(now)  # It may bring results.
        may_pull = not self._resending.is_over and self._prepare(now)
        if question is not None:
            return question
        if self._outbox.due:
            return self._outbox.emit()
        if self._resending.is_over:
            return self._drain(now)
        return self._advance(now, may_pull=may_pull)

    def closed(self, now: float) -> None:
        """Report that the stream is over: nothing waits for the calls in flight."""
        in_flight = self._window.attempts.items()
        self._observer.calls_abandoned(
            (call_id, attempt.entries, attempt.number, now - attempt.sent_at) for call_id, attempt in in_flight
        )
        self._operations.closed(now)

    def abandoned(self, error: BaseException, left: Sequence[str] = ()) -> None:
        """Add to the exception that ends the stream which images have no result; `left` did not get here."""
        unfinished = [*self._window.attempts.values(), *self._ready, *self._delayed]
        keys = [key for batch in unfinished for _, key, _ in batch.entries]
        keys += (*self._batcher.keys(), *self._outbox.keys(), *left)
        if keys:
            error.add_note(f"without a result: {', '.join(quote_name(str(key)) for key in keys)}")
        if self._operations:
            named = [f"{quote_name(str(each.entry[1]))} ({each.name})" for each in self._operations]
            error.add_note(f"accepted by the service, and without a result yet: {', '.join(named)}")

    def _prepare(self, now: float) -> bool:
        """Make ready what is due, and what need not gather any longer; return whether the run may pull more."""
        self._ready.extendleft(self._delayed.pop_due(now))
        while True:
            may_pull = self._may_pull()
            if not self._ready and self._should_flush(now, may_pull=may_pull):
                self._ready.append(self._batcher.flush())
            if not self._ready:
                return may_pull
            for batch in self._ready.pop_late(partial(self._is_late, now=now), in_turn=self._outage.misses > 0):
                self._resending.give_up(batch, DeadlineError(batch.history.why_late(self._turn.why_waiting(now))))
                self._turn.leave()
            if self._ready:
                self._ready.cut_first(self._size)
                return may_pull
            # All were late: now those that gather may leave, or more may be pulled.

    def _advance(self, now: float, *, may_pull: bool) -> Effect:
        ready, wake_at = self._ready, self._delayed.due_at
        if ready and self._window.has_room(ready[0].content_bytes):
            leaves_at = self._outage.looks_at
            if leaves_at <= now:
                leaves_at = self._turn.leaves_at(len(ready[0].entries), now)
            if leaves_at <= now:
                return self._send(ready.popleft(), now)
            wake_at = _earliest(wake_at, leaves_at, self._deadline_of(ready[0]))
        if may_pull:
            return self._intake.ask(self._batcher.room, now)
        wake_at = _earliest(wake_at, self._operations.wakes_at(now))
        if self._window.attempts or ready or self._delayed or self._operations.is_open:
            return Wait(_earliest(wake_at, self._leaves_at(now), self._window.overdue_at))
        return self._wait_for_source(now) if self._intake.wanted else Finish()

    def _wait_for_source(self, now: float) -> Wait:
        """Return how long to wait for a source that has not brought the images of a `Pull`, when all else is over.

        Raises:
            DeadlineError: no longer.
        """
        if self._deadline is not None and now >= self._deadline:
            message = "the source of images yielded no image before the deadline"
            raise DeadlineError(message)
        return Wait(_earliest(self._deadline, self._leaves_at(now)))

    def _drain(self, now: float) -> Effect:
        """Return what comes next in a stream that sends no more."""
        if self._window.attempts or self._operations.is_open:
            return Wait(_earliest(self._window.overdue_at, self._operations.wakes_at(now)))
        if self._outbox.early:
            self._outbox.release()
            return self._outbox.emit()
        if self._ended_by is None:
            return Finish()
        raise self._ended_by

    def _may_pull(self) -> bool:
        return not (
            self._intake.is_over
            or self._intake.wanted
            or self._ready
            or not self._window.is_open(len(self._delayed))
            or self._has_most_operations
            or (self._outbox.early and self._outbox.early + len(self._batcher) >= self._most_early)
        )

    @property
    def _has_most_operations(self) -> bool:
        """Whether there are as many operations as may be, together with the images that become some."""
        coming = len(self._window.attempts) + len(self._delayed) + len(self._batcher) if self._is_deferred else 0
        return bool(coming or self._operations) and len(self._operations) + coming >= self._most_operations

    def _should_flush(self, now: float, *, may_pull: bool) -> bool:
        """Whether a batch leaves before it is full: no more images come, or not soon."""
        if self._batcher.first is None or (may_pull and not self._intake.is_slow):
            return False
        if self._intake.is_over or (self._is_idle and not self._intake.wanted):
            return True
        leaves_at = self._leaves_at(now)
        return leaves_at is not None and leaves_at <= now

    @property
    def _is_idle(self) -> bool:
        return not (self._window.attempts or self._delayed)

    def _leaves_at(self, now: float) -> float | None:
        """Return when a batch that is not full leaves; None: not before a call has ended."""
        first = self._batcher.first
        if first is None or self._ready:
            return None
        if self._is_idle:
            return self._intake.patient_until(first, is_idle=True)
        if not self._window.is_open(len(self._delayed)):
            return None
        return max(self._intake.patient_until(first, is_idle=False), self._turn.expected_at(len(first.entries), now))

    def _is_late(self, batch: Batch, now: float) -> bool:
        """Whether a batch cannot leave before its deadline: to send it would only use up quota."""
        deadline = self._deadline_of(batch)
        return deadline < NEVER and max(self._outage.looks_at, self._turn.soonest(len(batch.entries), now)) >= deadline

    def _deadline_of(self, batch: Batch) -> float:
        deadline = self._deadline if batch.history.deadline is None else batch.history.deadline
        return NEVER if deadline is None else deadline

    def _send(self, batch: Batch, now: float) -> Send:
        history, call_s, is_cut_short = batch.history, self._timeouts.call_s, False
        if (deadline := history.deadline) is None:
            deadline = now + self._timeouts.total_s if self._deadline is None else self._deadline
            history = History(deadline=deadline)
        else:
            is_cut_short = deadline - now < call_s
        timeout_s = min(call_s, deadline - now)
        throttled_s = self._turn.take(now)
        entries, content_bytes, config = batch.entries, batch.content_bytes, batch.config
        attempt = history.attempts + 1
        call_id = self._observer.call_started(entries, content_bytes, attempt, throttled_s, previous=history.call_id)
        history = history._replace(call_id=call_id)
        overdue_at = now + timeout_s + OVERDUE_S
        self._window.start(call_id, Attempt(entries, content_bytes, history, now, overdue_at, is_cut_short, config))
        return Send(call_id, batch.contents, now + timeout_s, timeout_s, batch.refused, config)

    def _end(self, call_id: int, outcome: Answer | VisionError, now: float) -> Attempt:
        attempt = self._window.end(call_id)
        self._observer.call_ended(call_id, attempt.entries, attempt.number, now - attempt.sent_at, outcome)
        return attempt

    def _finish(self, entry: Entry, result: ImageResult) -> None:
        position, _, content_bytes = entry
        self._window.bytes_held -= content_bytes
        self._outbox.add(position, result)


def _earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None and time < NEVER), default=None)
