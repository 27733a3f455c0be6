"""What a run has done so far and how fast it goes, as numbers. Nothing here reads a clock: times are passed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from vision_grpc.bulk.failures import Failures, is_tried_again
from vision_grpc.bulk.pace import Pace
from vision_grpc.errors import Code
from vision_grpc.results import ImageResult
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.item import Fault, Skipped

MOST_KINDS = 100
"""How many kinds of files that are passed over are told apart; files of later ones are counted as `other`."""

_SETTLED_S = 2.0
_MOSTLY = 0.5
_REFUSED_FOR_S = 5.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The numbers of one moment."""

    done: int
    """Images with a final result, those of earlier runs included."""
    total: int
    """Images to be done as far as is known, those of earlier runs included; no more than the run is to send."""
    is_listed: bool
    """Whether `total` is final."""
    known: int
    """Images found so far, those of earlier runs and those beyond the run's limit included."""
    read: int
    """Images that this run has got a text of, which may be empty."""
    failed: int
    failed_by_code: Mapping[str, int]
    faults: int
    """Parts of sources that could not be read, and images whose keys others have."""
    skipped: Mapping[str, int]
    """Files passed over, by kind, without what the user asked to leave out."""
    earlier: int
    """Images that earlier runs finished."""
    billed_units: int
    """What this run has cost."""
    content_bytes: int
    """Image bytes sent, those sent again included."""
    retries: int
    calls_in_flight: int
    throttled_s: float
    elapsed_s: float
    pace_per_s: float | None
    """Images a second over the last half minute, None before the first."""
    mean_per_s: float | None
    """Images a second since the first call."""
    left_s: float | None
    """Time left at this pace; None where it is not known."""
    is_throttled: bool
    """Whether calls mostly wait for the quota, ours or the service's."""
    away_s: float | None
    """Since when the service is away, in seconds; None if it is there."""
    operations: int = 0
    """Images that the service has accepted, and whose results are waited for."""
    from_tape: int = 0
    """Images that were not sent, as the tape had their answers."""
    tape_failures: int = 0
    """How often the tape failed."""


class PassedOver:
    """Files of one kind that were passed over."""

    __slots__ = ("can_be_fitted", "count", "name")

    def __init__(self, first: Skipped) -> None:
        self.name: str = first.name
        """The first of them."""
        self.can_be_fitted: bool = first.can_be_fitted
        self.count: int = 0


class Progress:
    """Counts what happens in a run, which sends `most` images at most. One thread counts, another may look."""

    def __init__(self, now: float, *, most: int | None = None) -> None:
        self._most = most
        self._started_at = self._calling_since = now
        self._known = 0
        self.read: int = 0
        """Images that this run has got a text of, which may be empty."""
        self.billed_units: int = 0
        """What this run has cost, without lost answers."""
        self.from_tape: int = 0
        """Images that were not sent, as the tape had their answers."""
        self.is_listed: bool = False
        """Whether the sources are read to their end."""
        self._pace = Pace(now)
        self._quota_refusals = 0
        self._refused_at: float | None = None
        self._away_since: float | None = None
        self.earlier_read: int = 0
        """Images that earlier runs have got a text of."""
        self.earlier_failed: int = 0
        """Images that failed for good in earlier runs, and are not sent again."""
        self.earlier_billed_units = 0
        """What earlier runs have cost, as their journal says."""
        self.failures: Failures = Failures()
        """Images of this run without a text."""
        self.faults: Failures = Failures()
        """Parts of sources that could not be read."""
        self.doubles: Failures = Failures()
        """Images left out, as others have their keys."""
        self.skipped: dict[str, PassedOver] = {}
        """Files passed over, by kind."""
        self.left_out: dict[str, int] = {}
        """Files and pages that the user asked to leave out, by kind."""

    def listed(self, images: int = 1) -> None:
        """Count images that this run is to send."""
        self._known += images

    def listing_ended(self) -> None:
        """Take note that the sources are read to their end: the total is known."""
        self.is_listed = True

    def done_before(self, *, ok: bool) -> None:
        """Count an image of the sources that an earlier run has finished."""
        if ok:
            self.earlier_read += 1
        else:
            self.earlier_failed += 1

    def skip(self, file: Skipped) -> None:
        """Count a file that is passed over, or pages that are left out."""
        if file.is_wished:
            self.left_out[file.kind] = self.left_out.get(file.kind, 0) + file.images
            return
        # A suffix may be anything: bounded.
        name = file.kind if file.kind in self.skipped or len(self.skipped) < MOST_KINDS else "other"
        if name not in self.skipped:
            self.skipped[name] = PassedOver(file)
        self.skipped[name].count += file.images

    def fault(self, fault: Fault) -> None:
        """Count a part of a source that cannot be read, or an image whose key another one has."""
        counted = self.doubles if fault.error.code is Code.ALREADY_EXISTS else self.faults
        counted.add(fault.name, fault.error)

    def finish(self, result: ImageResult, *, billed_units: int) -> None:
        """Count the final result of an image that was listed."""
        if result.error is None:
            self.read += 1
        else:
            self.failures.add(result.key, result.error, is_tried_again=is_tried_again(result))
        self.billed_units += billed_units
        self.from_tape += result.transport == "tape"

    def snapshot(self, now: float, stats: Stats) -> Snapshot:
        """Return the numbers of now; `stats` are those of the run's client.

        To know the pace and the state of the service, it has to be called every second or so, by one thread.
        """
        finished = self.read + self.failures.count
        self._look(now, finished, stats)
        earlier = self.earlier_read + self.earlier_failed
        calling_s = now - self._calling_since
        away_s = None if self._away_since is None else now - self._away_since
        return Snapshot(
            done=earlier + finished,
            total=earlier + self._to_do(finished),
            is_listed=self._is_final(finished),
            known=earlier + max(self._known, finished),
            read=self.read,
            failed=self.failures.count,
            failed_by_code=self.failures.by_code.copy(),
            faults=self.faults.count + self.doubles.count,
            skipped={name: kind.count for name, kind in self.skipped.copy().items()},
            earlier=earlier,
            billed_units=self.billed_units,
            content_bytes=stats.content_bytes,
            retries=stats.retries,
            calls_in_flight=stats.calls_in_flight,
            throttled_s=stats.throttle_wait_s,
            elapsed_s=now - self._started_at,
            pace_per_s=self._pace.images_per_s if finished else None,
            mean_per_s=finished / calling_s if calling_s > 0 else None,
            left_s=self._left_s(finished, is_away=away_s is not None),
            is_throttled=self._is_throttled(now),
            away_s=away_s,
            operations=stats.operations_waiting,
            from_tape=self.from_tape,
            tape_failures=stats.tape_failures,
        )

    def _look(self, now: float, finished: int, stats: Stats) -> None:
        if stats.requests == 0 and finished == 0:
            # What listing takes before the first call says nothing about the pace.
            self._calling_since = now
            self._pace = Pace(now)
        self._pace.mark(now, finished, stats.throttle_wait_s)
        if stats.quota_refusals > self._quota_refusals:
            self._quota_refusals, self._refused_at = stats.quota_refusals, now
        if not stats.is_service_away:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now

    def _to_do(self, finished: int) -> int:
        """Return how many images this run is to finish, as far as is known."""
        known = max(self._known, finished)
        return known if self._most is None else min(known, self._most + self.from_tape)

    def _is_final(self, finished: int) -> bool:
        return self.is_listed or (self._most is not None and self._to_do(finished) == self._most + self.from_tape)

    def _left_s(self, finished: int, *, is_away: bool) -> float | None:
        left = self._to_do(finished) - finished
        if not self._is_final(finished) or is_away:
            return None
        if left <= 0:
            return 0.0
        pace = self._pace.images_per_s
        return left / pace if pace and self._pace.seconds >= _SETTLED_S else None

    def _is_throttled(self, now: float) -> bool:
        was_refused = self._refused_at is not None and now - self._refused_at < _REFUSED_FOR_S
        return was_refused or self._pace.throttled_share >= _MOSTLY
