"""What a journal has recorded: which images are done, and how many were read, failed and billed."""

from vision_grpc.bulk.journal.heads import LineHead
from vision_grpc.bulk.keys import KeyTable

_OK, _FAILED, _RETRYABLE = 1, 2, 3


class Recorded:
    """The last result of each key, and counts; `key in recorded` says that its image need not be sent again.

    Those are images that were read and, unless `retry_failed`, those that failed for good.
    """

    def __init__(self, *, retry_failed: bool = False) -> None:
        self._retry_failed = retry_failed
        self._states = KeyTable()
        self._counts = [0, 0, 0, 0]
        self._billed = self._billed_at_most = 0

    def note(self, key: str, *, ok: bool, retryable: bool) -> None:
        """Record one more result of a key; it counts in place of the one before."""
        state = _OK if ok else _RETRYABLE if retryable else _FAILED
        before = self._states.put(key, state)
        if before is not None:
            self._counts[before] -= 1
        self._counts[state] += 1
        self._billed += ok

    def note_line(self, head: LineHead) -> None:
        """Record the result of a line."""
        self.note(head.key, ok=head.ok, retryable=head.retryable)

    def note_billed(self, at_most: int) -> None:
        """Record how many units may have been billed by now, lost answers included."""
        self._billed_at_most = at_most

    def is_read(self, key: str) -> bool:
        """Return whether an image was read."""
        return self._states.get(key) == _OK

    def __contains__(self, key: str) -> bool:
        state = self._states.get(key)
        return state == _OK or (state == _FAILED and not self._retry_failed)

    def __len__(self) -> int:
        """Return the number of different keys."""
        return len(self._states)

    @property
    def billed(self) -> int:
        """The units billed for all results, of which a key may have several, and for lost answers as far as noted."""
        return max(self._billed, self._billed_at_most)

    @property
    def counts_lost(self) -> bool:
        """Whether lost answers have been noted, so that all runs have to go on with that."""
        return self._billed_at_most > 0

    @property
    def ok(self) -> int:
        """The number of images that were read."""
        return self._counts[_OK]

    @property
    def failed(self) -> int:
        """The number of images that failed, for good or not."""
        return self._counts[_FAILED] + self._counts[_RETRYABLE]

    @property
    def retryable(self) -> int:
        """The number of images that failed and may succeed a little later."""
        return self._counts[_RETRYABLE]
