"""Counts, events and logs of what a client does, for all its streams together."""

import logging
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from vision_grpc.errors import Code, ServiceError, TransportName, VisionError
from vision_grpc.events import (
    CallEnded,
    CallStarted,
    Event,
    ImageFailure,
    ImagesFinished,
    OperationAccepted,
    OperationEnded,
    OperationPolled,
    QuotaLearned,
    QuotaSwitched,
    RetryScheduled,
)
from vision_grpc.results import Answer, ImageResult
from vision_grpc.session.client_log import (
    log_call,
    log_operation,
    log_outage,
    log_poll,
    log_quota,
    log_retry,
    log_return,
    log_switch,
    log_tape_failure,
    logs_calls,
)
from vision_grpc.session.destination import UNKNOWN, Destination
from vision_grpc.stream.batch import Entry
from vision_grpc.stream.outage import is_answered
from vision_grpc.stream.pending import Asked
from vision_grpc.stream.verdict import may_be_billed

_HOOK_LOG = logging.getLogger("vision_grpc.events")

LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
"""Upper bounds of the latency histogram's buckets; one more takes what is above."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Sums since the client was made."""

    images_succeeded: int = 0
    images_failed: int = 0
    requests: int = 0
    requests_failed: int = 0
    retries: int = 0
    """Images that were sent again."""
    content_bytes: int = 0
    throttle_wait_s: float = 0.0
    """Time that batches which were ready waited for the quota."""
    calls_in_flight: int = 0
    """Now, not a sum."""
    latency_counts: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS_S) + 1)
    """Calls by latency, a count for each bucket of `LATENCY_BOUNDS_S`."""
    quota_refusals: int = 0
    """Images that wait or waited because the service refused them for its quota; one that is refused again counts
    again."""
    is_service_away: bool = False
    """Whether images wait now for a service that is away."""
    operations_accepted: int = 0
    """Files that the service has accepted, to read them later."""
    operations_waiting: int = 0
    """Operations whose results are waited for now, not a sum."""
    polls: int = 0
    """How often the service was asked about an operation; `requests` does not count these calls."""
    learned_requests_per_s: float | None = None
    """The rate, now, at which calls leave because the service has refused faster ones for a quota; None: it has not."""
    images_from_tape: int = 0
    """Images whose answers the tape had: they were not sent."""
    tape_failures: int = 0
    """How often the tape failed: an image could not be looked up, or an answer not be recorded."""
    shared_requests_per_s: float | None = None
    """The client's share of the quota that it shares with others, as it was last told; None: it was not told any."""
    is_quota_alone: bool = False
    """Whether it goes on at that share because the service of the quota is away."""


# By this factor a rate has to change to be reported again: in a steady state it does not.
_MUCH = 1.5


class Monitor:
    """Counts, logs and reports what the streams of a client do. Safe to share between threads."""

    def __init__(self, on_event: Callable[[Event], None] | None) -> None:
        self._hook = None if on_event is None else _Hook(on_event)
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._call_ids = count(1)
        self._succeeded = self._failed = self._requests = self._requests_failed = self._retries = 0
        self._content_bytes = self._in_flight = self._quota_refusals = 0
        self._accepted = self._waiting = self._polls = 0
        self._from_tape = self._tape_failures = 0
        self._throttle_wait_s = 0.0
        self._latencies = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._is_missed = False
        self._learned: float | None = None
        self._told_learned: float | None = None
        self._shared_per_s: float | None = None
        self._is_alone = self._has_left_quota = False

    def stats(self) -> Stats:
        """Return the sums so far."""
        with self._lock:
            return Stats(
                self._succeeded,
                self._failed,
                self._requests,
                self._requests_failed,
                self._retries,
                self._content_bytes,
                self._throttle_wait_s,
                self._in_flight,
                tuple(self._latencies),
                self._quota_refusals,
                self._is_missed,
                self._accepted,
                self._waiting,
                self._polls,
                self._learned,
                self._from_tape,
                self._tape_failures,
                self._shared_per_s,
                self._is_alone,
            )

    def call_started(
        self,
        entries: Sequence[Entry],
        content_bytes: int,
        attempt: int,
        throttled_s: float,
        *,
        previous: int | None = None,
        to: Destination = UNKNOWN,
    ) -> int:
        """Count a call; return its id."""
        call_id, images = next(self._call_ids), len(entries)
        # First: an interrupt while the hook runs prevents the call.
        if self._hook is not None:
            self._hook(
                CallStarted(
                    call_id,
                    images,
                    content_bytes,
                    attempt,
                    _keys(entries),
                    to.method,
                    to.server_address,
                    to.server_port,
                    to.transport,
                    previous,
                )
            )
        with self._lock:
            self._requests += 1
            self._retries += images if attempt > 1 else 0
            self._content_bytes += content_bytes
            self._throttle_wait_s += throttled_s
            self._in_flight += 1
        return call_id

    def call_ended(
        self,
        call_id: int,
        entries: Sequence[Entry],
        attempt: int,
        latency_s: float,
        outcome: Answer | VisionError,
    ) -> None:
        """Count a call that ended."""
        is_answer = isinstance(outcome, Answer)
        with self._lock:
            self._in_flight -= 1
            self._latencies[bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
            self._requests_failed += not is_answer
        self._note_return(outcome)
        if not self._reports_ends:
            return
        is_lost = not isinstance(outcome, Answer) and may_be_billed(outcome)
        end = CallEnded(call_id, len(entries), latency_s, *_told(outcome), is_lost, _keys(entries), attempt)
        self._report_end(end)

    def calls_abandoned(self, calls: Iterable[tuple[int, Sequence[Entry], int, float]]) -> None:
        """Count calls that nothing waits for any more: id, images, attempt and time in seconds of each."""
        about = (None, None, Code.CANCELLED, "the stream ended before it", True)
        ends = [
            CallEnded(call_id, len(entries), latency_s, *about, _keys(entries), attempt)
            for call_id, entries, attempt, latency_s in calls
        ]
        with self._lock:
            self._in_flight -= len(ends)
        for end in ends:
            self._report_end(end)

    def _note_return(self, outcome: Answer | VisionError) -> None:
        with self._lock:
            is_back = self._is_missed and is_answered(outcome)
            self._is_missed = self._is_missed and not is_back
        if is_back:
            log_return()

    def operation_accepted(self, call_id: int, entry: Entry, operation_id: str) -> None:
        """Count a file that the service has accepted in a call."""
        _, key, content_bytes = entry
        with self._lock:
            self._accepted += 1
        if self._hook is not None:
            self._hook(OperationAccepted(call_id, key, operation_id, content_bytes))

    def operation_pending(self) -> None:
        """Count an operation whose result is waited for from now on."""
        with self._lock:
            self._waiting += 1

    def operation_ended(self, end: OperationEnded) -> None:
        """Count an operation that is not waited for any more."""
        with self._lock:
            self._waiting -= 1
        log_operation(end)
        if self._hook is not None:
            self._hook(end)

    def found_on_tape(self, images: int) -> None:
        """Count images whose answers the tape had."""
        with self._lock:
            self._from_tape += images

    def tape_failed(self, images: int, error: VisionError, *, sends: bool) -> None:
        """Count images for which the tape failed, and warn of the first; `sends`: they are sent all the same."""
        with self._lock:
            is_news, self._tape_failures = self._tape_failures == 0, self._tape_failures + images
        log_tape_failure(error, is_news=is_news, sends=sends)

    def poll_started(self) -> int:
        """Count a question about an operation; return the id of its call."""
        with self._lock:
            self._polls += 1
        return next(self._call_ids)

    def poll_ended(
        self,
        call_id: int,
        asked: Asked,
        now: float,
        outcome: Answer | VisionError,
        *,
        is_pending: bool,
        to: Destination = UNKNOWN,
    ) -> None:
        """Take note of how a question ended; `is_pending`: the service says that the operation is under way."""
        self._note_return(outcome)
        if not self._reports_ends:
            return
        pending = asked.pending
        about = (pending.entry[1], pending.operation_id, pending.polls, is_pending, now - asked.sent_at)
        transport, request_id, code, message = _told(outcome)
        told = (to.transport if transport is None else transport, request_id, code, message)
        end = OperationPolled(call_id, *about, *told, to.method, to.server_address, to.server_port)
        if logs_calls():
            log_poll(end)
        if self._hook is not None:
            self._hook(end)

    @property
    def _reports_ends(self) -> bool:
        return self._hook is not None or logs_calls()

    def _report_end(self, end: CallEnded) -> None:
        if logs_calls():
            log_call(end)
        if self._hook is not None:
            self._hook(end)

    def retry_scheduled(self, entries: Sequence[Entry], wait_s: float, code: Code) -> None:
        """Count images that will be sent again."""
        images = len(entries)
        with self._lock:
            self._quota_refusals += images if code is Code.RESOURCE_EXHAUSTED else 0
        log_retry(images, wait_s, code)
        if self._hook is not None:
            self._hook(RetryScheduled(images, wait_s, code, _keys(entries)))

    def quota_learned(self, requests_per_s: float) -> None:
        """Keep the rate that the service lets through, and report one that is new or has changed much."""
        with self._lock:
            self._learned, told = requests_per_s, self._told_learned
            if told is not None and told / _MUCH < requests_per_s < told * _MUCH:
                return
            self._told_learned = requests_per_s
        log_quota(requests_per_s)
        if self._hook is not None:
            self._hook(QuotaLearned(requests_per_s))

    def service_missed(self, error: VisionError) -> None:
        """Warn, once until the next answer, that images wait for a service that is away."""
        with self._lock:
            is_news, self._is_missed = not self._is_missed, True
        if is_news:
            log_outage(error)

    def quota_granted(self, requests_per_s: float, *, is_alone: bool) -> None:
        """Keep the client's share of its quota, and report if it goes on alone from now on, or no longer does."""
        with self._lock:
            is_news = is_alone != self._is_alone and not self._has_left_quota
            self._shared_per_s, self._is_alone = requests_per_s, is_alone and not self._has_left_quota
        if is_news:
            log_switch(requests_per_s, is_alone=is_alone)
            if self._hook is not None:
                self._hook(QuotaSwitched(is_alone, requests_per_s))

    def quota_left(self) -> None:
        """Report that a client which went on alone is closed, so that nobody counts it any longer."""
        with self._lock:
            was_alone, self._is_alone, self._has_left_quota = self._is_alone, False, True
            per_s = self._shared_per_s
        if was_alone and per_s is not None and self._hook is not None:
            self._hook(QuotaSwitched(is_alone=False, requests_per_s=per_s))

    def images_finished(self, results: Sequence[ImageResult]) -> None:
        """Count results."""
        failed = sum([result.error is not None for result in results])
        succeeded = len(results) - failed
        with self._lock:
            self._succeeded += succeeded
            self._failed += failed
        if self._hook is not None:
            failures = tuple(map(_failure, results)) if failed else ()
            keys = tuple([result.key for result in results])
            from_tape = sum([result.transport == "tape" for result in results])
            self._hook(ImagesFinished(succeeded, failed, keys, tuple(filter(None, failures)), from_tape))


def _keys(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple([key for _, key, _ in entries])


def _told(outcome: Answer | VisionError) -> tuple[TransportName | None, str | None, Code, str]:
    """Return what an outcome says: the transport, the request id, the code and the message."""
    if isinstance(outcome, Answer):
        return outcome.transport, outcome.request_id, Code.OK, ""
    if isinstance(outcome, ServiceError):
        return outcome.transport, outcome.request_id, outcome.code, outcome.message
    return None, None, outcome.code, str(outcome)


def _failure(result: ImageResult) -> ImageFailure | None:
    if (error := result.error) is None:
        return None
    return ImageFailure(result.key, error.code, error.message, result.attempts, result.request_id)


class _Hook:
    """The caller's function. What it raises is logged and does not end the stream."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._failures = count(1)

    def __call__(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - the images must not suffer from any error of the hook
            failures = next(self._failures)
            level = logging.WARNING if failures == 1 else logging.DEBUG
            # The kind of the event alone: its keys may be many, and URLs with a signature.
            about = (failures, type(event).__name__)
            _HOOK_LOG.log(level, "on_event failed, %d times by now, at %s", *about, exc_info=failures == 1)
