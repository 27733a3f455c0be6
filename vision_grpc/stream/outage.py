"""A service that is away: which attempts it has not seen, how long it is waited for, and when a stream looks for it."""

import math
import random

from vision_grpc.config import RetryPolicy
from vision_grpc.errors import Code, DeadlineError, MachineError, ProtocolError, ServiceError, VisionError
from vision_grpc.results import Answer
from vision_grpc.stream.backoff import backoff_s
from vision_grpc.stream.presence import Presence

PROBE_S = 5.0
"""The longest wait between two attempts to reach a service that is away."""

# Time has to pass, even where the policy wants no wait.
_SHORTEST_S = 0.000_1


class Outage:
    """What one stream knows of it; it looks for the service with one call at a time, less and less often.

    Without `waits`, as in tests, a service that is away is not expected back.
    """

    def __init__(
        self, policy: RetryPolicy, patience_s: float, presence: Presence, rng: random.Random, *, waits: bool
    ) -> None:
        self._policy = policy
        self._patience_s = patience_s
        self._presence = presence
        self._rng = rng
        self._waits = waits
        self._missed_since: float | None = None
        self._missed_at = -math.inf
        self.looks_at: float = -math.inf
        """When the next call may leave."""
        self.misses: int = 0
        """Calls since the last answer that the service has not seen; those that were in flight together count once."""

    def answered(self, now: float) -> None:
        """Take note of an answer of the service, good or bad: all calls may leave."""
        self._presence.answered(now)
        self.misses = 0
        self.looks_at = -math.inf

    def is_away(self, error: VisionError, sent_at: float, now: float) -> bool:
        """Return whether a call, sent at `sent_at`, failed because the service is away.

        It is not if other calls were answered since: then it was this call that failed, perhaps for its images.
        """
        if is_answered(error):
            self.answered(now)
        if not _says_away(error) or self._presence.was_there(sent_at):
            return False
        if not self._is_missed:
            self._missed_since = now
        return True

    def is_over_since(self, missed_at: float) -> bool:
        """Return whether the service has answered since it was found to be away."""
        return self._presence.was_there(missed_at)

    def is_expected(self, now: float) -> bool:
        """Return whether a service that is away is expected back.

        The wait is counted from when this stream first missed it, however long ago the last answer came. One that has
        never answered may be starting, or its address may be wrong: that is to be said soon.
        """
        if self._missed_since is None or not self._is_missed:
            return self._waits
        was_there = self._presence.was_there()
        patience_s = self._patience_s if was_there else min(self._patience_s, self._policy.max_backoff_s)
        return self._waits and now - self._missed_since < patience_s

    def wait(self, sent_at: float, now: float, asked_s: float) -> None:
        """Let no call leave for a while, after one that left at `sent_at`; `asked_s` is the wait asked for."""
        if sent_at > self._missed_at:
            self.misses += 1
            wait_s = backoff_s(self._policy, self.misses, self._rng, None)
            self.looks_at = now + max(_SHORTEST_S, min(PROBE_S, wait_s))
            self._missed_at = now
        self.looks_at = max(self.looks_at, now + asked_s)

    @property
    def _is_missed(self) -> bool:
        """Whether this stream has missed the service, which has not answered any stream since."""
        return self._missed_since is not None and not self._presence.was_there(self._missed_since)


def is_answered(outcome: Answer | VisionError) -> bool:
    """Return whether the outcome of a call shows that the service is there: it answered, or refused the call."""
    if isinstance(outcome, ServiceError | ProtocolError):
        return not _says_away(outcome)
    return isinstance(outcome, Answer)


def _says_away(error: VisionError) -> bool:
    """Return whether an error says that the service is away, no matter which machine reports it.

    It was not reached, or closed the connection; a gateway says so in its place, by 502, 503, 504 or their codes; or it
    says so itself. A call that merely took too long may have been seen, and one that this machine had no means for
    says nothing about the service.
    """
    if isinstance(error, DeadlineError | MachineError):
        return False
    return error.code in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}
