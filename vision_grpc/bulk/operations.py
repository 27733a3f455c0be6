"""Files that the service has accepted: put on record, and fetched by the next run where this one does not."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock

from vision_grpc.bulk.journal.accepted import Accepted
from vision_grpc.results import ImageResult

KEPT_S = 3 * 86_400.0
"""How long the service keeps results."""


@dataclass(slots=True)
class Tally:
    """What became of the files that earlier runs have sent."""

    fetched: int = 0
    """Files whose results were asked for, and that were not sent."""
    unread: int = 0
    """Those of them that cannot be read any more, so that nobody knows whether they are still the same."""
    expired: int = 0
    """Files that are sent again, as the service keeps no result for so long."""
    changed: int = 0
    """Files that are sent again, as they have another content now."""
    failed: int = 0
    """Files that are sent again, as their operations failed for the moment, or are unknown to the service."""


class Operations:
    """The accepted files whose results are still to be fetched: those of earlier runs, and those of this one.

    `record` puts one on record. With `sends_again`, a file whose operation came to nothing is sent as if it had never
    been. Threads that read ahead ask for those of earlier runs, and the thread of the stream
    adds others.
    """

    def __init__(
        self,
        accepted: Mapping[str, Accepted],
        record: Callable[[Accepted], None],
        *,
        sends_again: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._record = record
        self._clock = clock
        self.sends_again: bool = sends_again
        self._lock = Lock()
        self._pending = dict(accepted)
        self._earlier = dict(accepted)
        self._unmet = {*accepted}
        self.tally: Tally = Tally()
        self.lost: int = 0
        """Units of files of earlier runs that are sent again, though the service may have read them."""

    @property
    def pending(self) -> int:
        """How many files are accepted, and have no result yet."""
        return len(self._pending)

    @property
    def unmet(self) -> int:
        """How many of those are of earlier runs, and of files that this run has not come upon."""
        return len(self._unmet)

    @property
    def units(self) -> int:
        """What is billed for those, as far as is known."""
        with self._lock:
            return sum(each.units for each in self._pending.values())

    def is_earlier(self, key: str) -> bool:
        """Return whether an earlier run has sent a file whose result may still be there."""
        accepted = self._earlier.get(key)
        self._unmet.discard(key)
        if accepted is None or is_kept(accepted, self._clock()):
            return accepted is not None
        with self._lock:
            self._forget(key)
            self.tally.expired += 1
            self.lost += accepted.units
        return False

    def take_up(self, key: str, content: bytes | None) -> Accepted | None:
        """Return the operation of a file if an earlier run has sent this content; None stands for any."""
        accepted = self._earlier.get(key)
        if accepted is None:
            return None
        is_same = content is None or accepted.content_hash in {None, hash_of(content)}
        with self._lock:
            if is_same:
                self.tally.fetched += 1
                self.tally.unread += content is None
            else:
                self._forget(key)
                self.tally.changed += 1
                self.lost += accepted.units
        return accepted if is_same else None

    def accept(self, accepted: Accepted) -> None:
        """Take note of a file that this run has sent, and put it on record.

        Raises:
            Exception: that failed.
        """
        with self._lock:
            self._pending[accepted.key] = accepted
        self._record(accepted)

    def leave(self, accepted: Accepted) -> None:
        """Put a file on record again whose result did not come: the next run asks for it.

        Raises:
            Exception: that failed.
        """
        self._record(accepted)

    def give_up(self, accepted: Accepted, *, may_be_billed: bool) -> None:
        """Forget an operation of an earlier run without a result: its file is sent again."""
        with self._lock:
            self._forget(accepted.key)
            self.tally.fetched -= 1
            self.tally.failed += 1
            self.lost += accepted.units * may_be_billed

    def finish(self, key: str) -> None:
        """Take note that a file has its result."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: str) -> None:
        self._pending.pop(key, None)
        self._earlier.pop(key, None)


def is_kept(accepted: Accepted, now: float) -> bool:
    """Return whether the service may still have a result; `now` is a time as of `time.time`."""
    return now < accepted.accepted_at + KEPT_S


def hash_of(content: bytes) -> str:
    """Return what tells a content from any other."""
    return blake2b(content, digest_size=16).hexdigest()


def is_unanswered(result: ImageResult) -> bool:
    """Return whether it is not known how the operation of a result ended: it may still end well."""
    return result.error is not None and result.error.is_open
