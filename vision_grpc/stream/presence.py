"""Whether the service is there, as far as all streams of a client together have seen."""

import math


class Presence:
    """When the service answered last. Safe to share between threads."""

    def __init__(self) -> None:
        # One number, so that no reader can see half of a change.
        self._answered_at = -math.inf

    def answered(self, now: float) -> None:
        """Take note of an answer of the service, good or bad."""
        self._answered_at = now

    def was_there(self, since: float = -math.inf) -> bool:
        """Return whether the service has answered since a time; without one, whether it ever has."""
        return self._answered_at > since
