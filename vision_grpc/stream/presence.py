"""Whether the service is there, as far as all streams of a client together have seen."""

import math


class Presence:
    """When the service answered last, and since when it is missed. Safe to share between threads."""

    def __init__(self) -> None:
        # Each is one number, so that no reader can see half of a change.
        self._answered_at = -math.inf
        self._first_missed_at = math.inf

    def answered(self, now: float) -> None:
        """Take note of an answer of the service, good or bad."""
        self._answered_at = now

    def missed(self, now: float) -> None:
        """Take note of a call that the service has not seen."""
        self._first_missed_at = min(self._first_missed_at, now)

    def was_there(self, since: float) -> bool:
        """Return whether the service has answered since a time."""
        return self._answered_at > since

    def is_expected(self, now: float, patience_s: float, starting_s: float) -> bool:
        """Return whether a service that is away is expected back; `starting_s`: one that has never answered."""
        if self._answered_at > -math.inf:
            return now - self._answered_at < patience_s
        return now - self._first_missed_at < min(patience_s, starting_s)
