"""What a journal has recorded: which images are done or accepted, how many were read, and what is billed."""

from collections.abc import Mapping

from vision_grpc.bulk.journal.accepted import Accepted
from vision_grpc.bulk.journal.heads import LineHead
from vision_grpc.bulk.keys import KeyTable

_OK, _FAILED, _RETRYABLE, _ACCEPTED = 1, 2, 3, 4


class Recorded:
    """The last result of each key, and counts; `key in recorded` says that its image need not be sent again.

    Those are images that were read and, unless `retry_failed`, those that failed for good.
    """

    def __init__(self, *, retry_failed: bool = False) -> None:
        self._retry_failed = retry_failed
        self._states = KeyTable()
        self._billed = self._billed_at_most = 0
        self._accepted: dict[str, Accepted] = {}
        self.ok: int = 0
        """The number of images that were read."""

    def note(self, result: LineHead) -> None:
        """Record one more result of a key; it counts in place of what was recorded before."""
        self._set(result.key, _OK if result.ok else _RETRYABLE if result.retryable else _FAILED)
        self._accepted.pop(result.key, None)
        self._billed += result.units

    def note_accepted(self, accepted: Accepted) -> None:
        """Record that the service has accepted the file of a key; it counts in place of what was recorded before."""
        self._set(accepted.key, _ACCEPTED)
        self._accepted[accepted.key] = accepted

    def note_billed(self, at_most: int) -> None:
        """Record how many units may have been billed by now, lost answers and accepted files included."""
        self._billed_at_most = at_most

    @property
    def accepted(self) -> Mapping[str, Accepted]:
        """Files that the service has accepted and whose results are still to be fetched, by their keys."""
        return self._accepted

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
        """The units billed for all results, of which a key may have several, and for lost answers as far as noted.

        Those of files that are accepted are not among them.
        """
        return max(self._billed, self._billed_at_most - self.accepted_units)

    @property
    def accepted_units(self) -> int:
        """What is billed for the files that are accepted, once their results are there."""
        return sum(each.units for each in self._accepted.values())

    @property
    def counts_lost(self) -> bool:
        """Whether lost answers have been noted, so that all runs have to go on with that."""
        return self._billed_at_most > 0

    def _set(self, key: str, state: int) -> None:
        before = self._states.put(key, state)
        self.ok += (state == _OK) - (before == _OK)
