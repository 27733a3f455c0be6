"""The operations of one stream: which of them is asked about when, and what the answer makes of it.

An operation is asked for its result, less and less often. One that is late by far, or that answers oddly, is asked for
its status too. Nothing that happens to a question ends an operation: as long as the result may come, it is asked again.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from itertools import chain, count

from vision_grpc.errors import Code, DeadlineError, ProtocolError, ReroutedError, ServiceError, VisionError
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.results.operation_outcome import OperationOutcome
from vision_grpc.stream.backoff import backoff_s
from vision_grpc.stream.batch import Entry
from vision_grpc.stream.effects import About, Fetch
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.outage import PROBE_S, is_answered
from vision_grpc.stream.pending import NEVER, Asked, Pending
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.poll_verdict import is_not_ready, is_of_all_calls, is_passing
from vision_grpc.stream.shared import Shared
from vision_grpc.stream.window import OVERDUE_S

# The next question comes after so much of the time that has passed, so that a result is not there for long unseen.
_WAIT_FACTOR = 0.5
_JITTER = 0.2
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0

# A status is worth less patience than a result.
_STATUS_S = 15.0

# A result that is not there so often after the service said that it is done.
_MOST_VAIN = 4
# So often the service may give an odd answer before the status is asked for.
_DOUBTFUL = 2


class Operations:
    """Operations that wait to be asked about, and questions under way."""

    def __init__(
        self,
        plan: Plan,
        shared: Shared,
        rng: random.Random,
        observer: Observer,
        finish: Callable[[int, ImageResult], None],
    ) -> None:
        """`finish` takes the position of an image and its result."""
        self._plan = plan
        self._polls, self._durations, self._presence = shared.polls, shared.durations, shared.presence
        self._rng = rng
        self._observer = observer
        self._finish = finish
        self._due: list[tuple[float, int, Pending]] = []
        self._numbers = count()  # Of two that are due at the same time, the earlier one comes first.
        self._resumed: list[tuple[Entry, str]] = []
        """Those whose time has yet to begin."""
        self._asked: dict[int, Asked] = {}
        self._failures = 0
        self._failing_since: float | None = None
        self._paused_until = -NEVER
        self._knows_status = True
        """Whether the service that knows the status of operations is there, as far as was seen."""
        self.ended_by: VisionError | None = None
        """Why nothing can be asked any more."""

    def __len__(self) -> int:
        return len(self._resumed) + len(self._due) + len(self._asked)

    def __contains__(self, call_id: int) -> bool:
        """Whether a call is a question about an operation."""
        return call_id in self._asked

    def __iter__(self) -> Iterator[Pending]:
        return chain((pending for _, _, pending in self._due), (asked.pending for asked in self._asked.values()))

    @property
    def is_open(self) -> bool:
        """Whether there is something to wait for."""
        return bool(self._asked) or (bool(self._due or self._resumed) and self.ended_by is None)

    # Events

    def accepted(self, call_id: int, entry: Entry, operation_id: str, attempts: int, now: float) -> None:
        """Take an operation that the service has begun for a file."""
        self._observer.operation_accepted(call_id, entry, operation_id)
        expected_s = self._durations.guess_s(entry[2])
        wait_s = expected_s * self._rng.uniform(1.0, 1.0 + _JITTER) if self._plan.waits else 0.0
        self._add(entry, operation_id, now, wait_s=wait_s, expected_s=expected_s, attempts=attempts)

    def resumed(self, entry: Entry, operation_id: str) -> None:
        """Take an operation that was begun before: its result may have been there for long."""
        self._resumed.append((entry, operation_id))

    def authorized(self, call_id: int, authorization: str | None) -> None:
        """Take the authorization of a question: the service may refuse it."""
        self._asked[call_id] = self._asked[call_id]._replace(authorization=authorization)

    def unauthorized(self, call_id: int, error: VisionError, now: float) -> None:
        """Take that there is no token for a question: after some attempts, nothing more is asked."""
        asked = self._asked.pop(call_id)
        pending = asked.pending
        self._observer.poll_ended(call_id, asked, now, error, is_pending=False)
        pending.failures += 1
        if not error.code.retryable or pending.failures >= self._plan.retry.attempts:
            self.ended_by = error
        self._pause(error, now)
        self._wait(pending, now, 0.0)

    def succeeded(self, call_id: int, answer: Answer, now: float) -> None:
        """Take the answer to a question."""
        asked = self._asked[call_id]
        try:
            [error] = answer.errors(1)
        except ProtocolError as unreadable:
            self.failed(call_id, unreadable, now)
            return
        del self._asked[call_id]
        pending, [outcome] = asked.pending, answer.outcomes
        is_pending = isinstance(outcome, OperationOutcome) and error is None and not outcome.operation.done
        self._observer.poll_ended(call_id, asked, now, answer, is_pending=is_pending)
        self._note_answer(now)
        if isinstance(outcome, OperationOutcome):
            self._take_status(pending, outcome, error, now)
            return
        if error is not None and error.retryable and pending.failures + 1 < self._plan.retry.attempts:
            # The stream of pages broke off. To ask again costs nothing.
            self._ask_again(pending, error.message, now)
            return
        elapsed_s = now - pending.since
        if pending.attempts:
            self._durations.learn(pending.entry[2], pending.not_before_s, elapsed_s)
        about = (pending.attempts, answer.transport, answer.request_id, answer.fallback_reason, pending.operation_id)
        self._end(pending, ImageResult(pending.entry[1], outcome, error, *about), now)

    def failed(self, call_id: int, error: VisionError, now: float) -> None:
        """Take the failure of a question."""
        asked = self._asked.pop(call_id)
        pending = asked.pending
        is_pending = asked.about == "recognition" and is_not_ready(error, pending, now)
        self._observer.poll_ended(call_id, asked, now, error, is_pending=is_pending)
        if is_answered(error):
            self._note_answer(now)
        if isinstance(error, ReroutedError):
            self._wait(pending, now, 0.0)
        elif error.code is Code.UNAUTHENTICATED and not pending.is_refreshed and asked.authorization is not None:
            pending.is_refreshed, pending.refused = True, asked.authorization
            self._wait(pending, now, 0.0)
        elif asked.about == "status":
            self._miss_status(pending, error, now)
        elif is_pending:
            self._look_later(pending, now)
        elif error.code is Code.NOT_FOUND and self._knows_status and not pending.is_done:
            # To send the file again costs as much as before: first ask another service whether this one has it.
            pending.doubt, pending.inquire_at = str(error), now
            self._wait(pending, now, 0.0)
        elif self._may_pass(pending, error, now):
            if is_of_all_calls(error):
                self._pause(error, now)
            # An operation may have failed with a code that a service has for having too much to do.
            if isinstance(error, ServiceError) and pending.failures + 1 >= _DOUBTFUL:
                pending.inquire_at = now
            self._ask_again(pending, str(error), now, error.retry_after_s)
        else:
            self._give_up(pending, pending.refused_by(error), now)

    def forgotten(self, call_id: int, now: float) -> None:
        """Take that the shell no longer waits for a question."""
        message = f"the call did not end within {OVERDUE_S:g} s after its deadline"
        self.failed(call_id, DeadlineError(message), now)

    def closed(self, now: float) -> None:
        """Report that nothing is waited for any more."""
        for pending in self:
            self._observer.operation_ended(pending.ended(now, Code.CANCELLED, "the stream ended before it"))

    # Effects

    def next(self, now: float) -> Fetch | None:
        """Return the next question, if one leaves now; operations that are out of time get their results."""
        for entry, operation_id in self._resumed:
            self._add(entry, operation_id, now, wait_s=0.0, expected_s=self._durations.guess_s(0))
        self._resumed.clear()
        while self._due and self._due[0][0] <= now and self.ended_by is None:
            if self._due[0][2].deadline <= now:
                pending = heapq.heappop(self._due)[2]
                self._give_up(pending, pending.gone() if pending.is_done else pending.not_in_time(), now)
            elif self._is_held_up(now) or not self._polls.take(now):
                return None
            else:
                return self._ask(heapq.heappop(self._due)[2], now)
        return None

    def overdue(self, now: float) -> int | None:
        """Return a question that should have ended long ago."""
        return next((call_id for call_id, asked in self._asked.items() if now >= asked.overdue_at), None)

    def wakes_at(self, now: float) -> float | None:
        """Return when there is something to do, if nothing happens before."""
        overdue_at = min((asked.overdue_at for asked in self._asked.values()), default=NEVER)
        due_at = NEVER
        if self._due and self.ended_by is None:
            due_at = self._due[0][0]
            if self._is_full:
                due_at = NEVER
            elif self._due[0][2].deadline > now:
                due_at = max(due_at, self._paused_until, self._polls.ready_at())
        wakes_at = min(overdue_at, due_at)
        return None if wakes_at == NEVER else wakes_at

    @property
    def _is_full(self) -> bool:
        return len(self._asked) >= self._plan.limits.calls_in_flight

    def _is_held_up(self, now: float) -> bool:
        return self._is_full or now < self._paused_until

    def _ask(self, pending: Pending, now: float) -> Fetch:
        pending.polls += 1
        is_late = now >= pending.inquire_at and not pending.is_done
        timeout_s = min(self._plan.timeouts.call_s, pending.deadline - now)
        if is_late:
            timeout_s = min(timeout_s, _STATUS_S)
        call_id = self._observer.poll_started()
        about: About = "status" if is_late else "recognition"
        self._asked[call_id] = Asked(pending, about, now, now + timeout_s + OVERDUE_S)
        refused, pending.refused = pending.refused, None
        return Fetch(call_id, pending.operation_id, about, now + timeout_s, timeout_s, refused)

    def _add(
        self, entry: Entry, operation_id: str, now: float, *, wait_s: float, expected_s: float, attempts: int = 0
    ) -> None:
        deadline = now + self._plan.timeouts.operation_s
        if self._plan.deadline is not None:
            deadline = min(deadline, self._plan.deadline)
        self._observer.operation_pending()
        pending = Pending(entry, operation_id, now, deadline, expected_s=expected_s, attempts=attempts)
        self._wait(pending, now, wait_s)

    def _wait(self, pending: Pending, now: float, wait_s: float) -> None:
        heapq.heappush(self._due, (min(now + wait_s, pending.deadline), next(self._numbers), pending))

    def _look_later(self, pending: Pending, now: float) -> None:
        """Let an operation wait that is not ready."""
        elapsed_s = pending.not_before_s = now - pending.since
        if pending.attempts:
            self._durations.not_ready(pending.entry[2], elapsed_s)
        pending.failures, pending.last_fault = 0, ""
        pending.vain += pending.is_done
        if pending.vain >= _MOST_VAIN:
            self._give_up(pending, pending.gone(), now)
            return
        wait_s = min(max(_SHORTEST_WAIT_S, _WAIT_FACTOR * elapsed_s), _LONGEST_WAIT_S)
        self._wait(pending, now, wait_s * self._jitter())

    def _ask_again(self, pending: Pending, fault: str, now: float, asked_s: float | None = None) -> None:
        pending.failures += 1
        pending.last_fault = fault
        wait_s = backoff_s(self._plan.retry, pending.failures, self._rng, asked_s)
        self._wait(pending, now, wait_s if self._plan.waits else 0.0)

    def _may_pass(self, pending: Pending, error: VisionError, now: float) -> bool:
        """Return whether the same question may be answered later."""
        if isinstance(error, ProtocolError):
            was_unreadable, pending.was_unreadable = pending.was_unreadable, True
            return not was_unreadable
        if self._failing_since is None:
            self._failing_since = now
        if not self._plan.waits and pending.failures + 1 >= self._plan.retry.attempts:
            return False
        if self._presence.was_there():
            return is_passing(error, was_there=True)
        # The address may be wrong: that is to be said soon.
        return is_passing(error, was_there=False) and now - self._failing_since < self._plan.retry.max_backoff_s

    def _take_status(self, pending: Pending, outcome: OperationOutcome, error: ImageError | None, now: float) -> None:
        if error is not None:
            self._give_up(pending, pending.failed(error), now)
        elif outcome.operation.done:
            pending.is_done = True
            self._wait(pending, now, 0.0)
        else:
            pending.doubt, pending.inquire_at = "", now + (now - pending.since)
            self._look_later(pending, now)

    def _miss_status(self, pending: Pending, error: VisionError, now: float) -> None:
        """Go on without a status: what does not know it, or is not there, may be another service."""
        words = error.message if isinstance(error, ServiceError) else ""
        if error.code is Code.NOT_FOUND and pending.operation_id in words:
            self._give_up(pending, pending.unknown(words), now)
            return
        self._knows_status &= isinstance(error, ServiceError)
        if pending.doubt:
            self._give_up(pending, pending.unknown(pending.doubt), now)
            return
        pending.inquire_at = now + (now - pending.since) if error.code.retryable else NEVER
        self._wait(pending, now, 0.0)

    def _pause(self, error: VisionError, now: float) -> None:
        """Ask nothing for a while: what is in the way is in the way of all questions."""
        self._failures += 1
        wait_s = backoff_s(self._plan.retry, self._failures, self._rng, None)
        self._paused_until = now + max(min(wait_s, PROBE_S), error.retry_after_s or 0.0) * self._plan.waits
        if self._failures > 1 and not is_answered(error):
            self._observer.service_missed(error)

    def _note_answer(self, now: float) -> None:
        self._presence.answered(now)
        self._failures = 0
        self._failing_since = None

    def _jitter(self) -> float:
        return self._rng.uniform(1.0 - _JITTER, 1.0 + _JITTER) if self._plan.waits else 0.0

    def _give_up(self, pending: Pending, error: ImageError, now: float) -> None:
        self._end(pending, pending.result(error), now)

    def _end(self, pending: Pending, result: ImageResult, now: float) -> None:
        error = result.error if result.outcome is None else None
        code, message = (Code.OK, "") if error is None else (error.code, error.message)
        self._observer.operation_ended(pending.ended(now, code, message))
        self._finish(pending.entry[0], result)
