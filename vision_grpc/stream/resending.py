"""What becomes of images that a call brought no result: another attempt after a wait, or the end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.errors import Code, VisionError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.stream.batch import Attempt, Batch, Entry
from vision_grpc.stream.delayed import Delayed
from vision_grpc.stream.giving_up import failed_results
from vision_grpc.stream.observer import Observer
from vision_grpc.stream.outage import Outage
from vision_grpc.stream.ready import Ready
from vision_grpc.stream.retry import Retries
from vision_grpc.stream.throttle import Throttle
from vision_grpc.stream.verdict import OVERLOAD


class Resending:
    """Puts what is sent again among the batches that are ready or delayed; what is not gets its result."""

    def __init__(
        self,
        retries: Retries,
        outage: Outage,
        throttle: Throttle,
        observer: Observer,
        *,
        is_late: Callable[[Batch, float], bool],
        finish: Callable[[Entry, ImageResult], None],
        may_be_deferred: bool,
    ) -> None:
        """With `may_be_deferred`, an operation could take what is sent in calls that wait."""
        self._retries = retries
        self._outage = outage
        self._throttle = throttle
        self._observer = observer
        self._is_late = is_late
        self._finish = finish
        self._may_be_deferred = may_be_deferred
        self.ready = Ready()
        self.delayed = Delayed()
        self.is_over = False
        """Whether nothing is sent again."""

    def give_up(self, batch: Batch, error: VisionError, why: str = "") -> None:
        """Let the error be the result of each image."""
        for entry, result in failed_results(batch, error, why, may_be_deferred=self._may_be_deferred):
            self._finish(entry, result)

    def slow_down(self, sent_at: float, now: float, asked_s: float | None, *, is_quota: bool) -> None:
        """Send less, for a service that has too much to do, or refuses a call for a quota (`is_quota`)."""
        if not (is_quota and self._retries.waits):
            self._throttle.pushed_back(sent_at, now)
            return
        self._throttle.refused(sent_at, now, asked_s)
        self.note_rate()

    def note_rate(self) -> None:
        """Report the rate that was learned, if there is one."""
        if (per_s := self._throttle.learned_per_s) is not None:
            self._observer.quota_learned(per_s)

    def retry_images(
        self, attempt: Attempt, again: Mapping[int, ImageResult], contents: Sequence[bytes], now: float
    ) -> None:
        """Send images again that failed in an answered call; where that is not allowed, they keep these results.

        Those that were refused for a quota are sent apart: what befell the others costs them no attempt.
        """
        self._retries.failed(now)
        refused: dict[int, ImageError] = {}
        failed: dict[int, ImageError] = {}
        for number, result in again.items():
            if (error := result.error) is not None:
                (refused if error.code is Code.RESOURCE_EXHAUSTED else failed)[number] = error
        asked = max((asked_wait_s(error.details) or 0.0 for error in (refused | failed).values()), default=0.0)
        if refused or any(error.code in OVERLOAD for error in failed.values()):
            self.slow_down(attempt.sent_at, now, asked or None, is_quota=bool(refused))
        for errors in filter(None, (refused, failed)):
            is_free = errors is refused and self._retries.waits_for_quota(now)
            first = next(iter(errors.values()))
            history = attempt.history.failed(first.message, is_free=is_free)
            batch = attempt.batch(contents, history).part([*errors])
            if not self.delay(batch, asked, now, first.code, is_free=is_free):
                why = history.why_not_again(asked, now)
                for entry, (number, error) in zip(batch.entries, errors.items(), strict=True):
                    again[number].error = replace(error, message=f"{error.message}{why}")
                    self._finish(entry, again[number])

    def look_for_service(self, batch: Batch, error: VisionError, sent_at: float, now: float) -> None:
        """Let a batch that the service has not seen take its turn to look whether it is back."""
        asked_s = error.retry_after_s or 0.0
        self._throttle.went_away()
        self._outage.wait(sent_at, now, asked_s)
        if self._retries.are_over(batch.history, now) or self._is_late(batch, now):
            self.give_up(batch, error, batch.history.why_not_again(error.retry_after_s, now))
            return
        if self._outage.misses > 1:
            self._observer.service_missed(error)
        self._observer.retry_scheduled(batch.entries, self._outage.looks_at - now, error.code)
        batch = batch._replace(history=batch.history._replace(retries=batch.history.retries + 1, missed_at=now))
        if asked_s:
            self.delayed.add(now + asked_s, batch)
        else:
            # At the end: images that make the service go are not to be all that it gets.
            self.ready.append(batch)

    def delay(self, batch: Batch, asked_s: float | None, now: float, code: Code, *, is_free: bool = False) -> bool:
        """Let a batch wait for its next attempt; return False where it may not have one."""
        if self.is_over:
            return False
        history = batch.history
        is_quota = code is Code.RESOURCE_EXHAUSTED
        if is_quota and not is_free:
            history = history._replace(free=0)  # The quota is not waited for any more.
        wait_s = self._retries.wait_s(history, now, asked_s, is_free=is_free)
        if is_quota and is_free and wait_s is not None and self._throttle.holds_back:
            wait_s = asked_s or 0.0  # For the rest there is the rate.
        if wait_s is None or (history.deadline is not None and now + wait_s >= history.deadline):
            return False
        self._observer.retry_scheduled(batch.entries, wait_s, code)
        self.delayed.add(now + wait_s, batch._replace(history=history._replace(retries=history.retries + 1)))
        return True
