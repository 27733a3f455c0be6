"""A limit of what a run may cost, which holds in spite of lost answers and of a process that is killed."""

from collections.abc import Callable
from threading import Lock

AHEAD = 64
"""How many units are put on record at a time: as many as are at most not known to be billed or not after a kill."""

Record = Callable[[int], None]
"""Puts on record, before it is true, that so many units in all may have been billed."""


class Budget:
    """Counts billed units, one an image or a page of a document; it never lets more than `most` be billed.

    Units are reserved before their image leaves, and given back where the image turns out not to be billed. An answer
    that was lost counts as billed, and so does each image that was in flight when an earlier run was killed: `record`
    keeps what has been reserved. A file that the service has accepted counts as billed from then on: it is as soon as
    it is read, whether its result is fetched or not.
    """

    def __init__(self, most: int, *, spent: int = 0, record: Record | None = None) -> None:
        self._most = most
        self._lock = Lock()
        self._spent = self._recorded = spent
        self._reserved = 0
        self._record = record

    @property
    def left(self) -> int:
        """Units that may still be spent."""
        return max(0, self._most - self._spent - self._reserved)

    @property
    def spent(self) -> int:
        """Units that were billed, or may have been."""
        return self._spent

    @property
    def is_exceeded(self) -> bool:
        """Whether another attempt for what is reserved could be too much, as earlier ones may have been billed."""
        return self._spent + self._reserved > self._most

    def reserve(self, units: int = 1) -> bool:
        """Reserve units; return False if there are not so many left."""
        with self._lock:
            if self._spent + self._reserved + units > self._most:
                return False
            self._reserved += units
            self._keep_on_record()
        return True

    def settle(self, reserved: int = 1, *, billed: int) -> None:
        """Give units back that were reserved, and spend those that are billed in their place."""
        with self._lock:
            self._reserved -= reserved
            self._spent += billed

    def correct(self, counted: int, *, billed: int) -> None:
        """Put what is billed for an accepted file in the place of what was counted for it."""
        self.settle(0, billed=billed - counted)

    def lose(self, units: int) -> None:
        """Count units of images whose answer was lost; what is reserved for those is for another attempt."""
        with self._lock:
            self._spent += units
            if not self.is_exceeded:
                self._keep_on_record()

    def release(self) -> None:
        """Give back all that is reserved: nothing is in flight any more."""
        with self._lock:
            self._reserved = 0

    def _keep_on_record(self) -> None:
        needed = self._spent + self._reserved
        if self._record is not None and needed > self._recorded:
            self._recorded = min(self._most, needed + AHEAD)
            self._record(self._recorded)
