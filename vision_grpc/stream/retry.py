"""Whether a failure deserves another attempt, and after how long.

Nothing here sleeps or reads a clock: what happened comes in, a verdict goes out.
"""

import math
import random
import threading

from vision_grpc.config import RetryPolicy
from vision_grpc.errors import PathError, VisionError
from vision_grpc.stream.backoff import backoff_s
from vision_grpc.stream.batch import History
from vision_grpc.stream.outage import Outage
from vision_grpc.stream.verdict import is_over_quota

# So many failed calls in a row, with no answer between them, are not bad luck.
_OUTAGE_CALLS = 16

# So many of the longest backoffs a quota is waited for that has let nothing through: two minutes.
_FIRST_WAITS = 4


class RetryBudget:
    """A stock of retries that successes refill, so that an outage does not lead to a storm of retries.

    It also notices an outage, for it counts the calls of all streams. Safe to share between threads.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._most = policy.budget
        self._stock = policy.budget
        self._per_success = policy.budget_per_success
        self._failures = 0
        self._earned_at = -math.inf

    def earn(self, now: float) -> None:
        """Count a call that succeeded."""
        self._earned_at = now
        if self._failures or self._stock < self._most:
            with self._lock:
                self._failures = 0
                self._stock = min(self._most, self._stock + self._per_success)

    def spend(self) -> bool:
        """Take a retry from the stock for a call that failed; return False when the stock is empty."""
        with self._lock:
            self._failures += 1
            if self._stock < 1:
                return False
            self._stock -= 1
            return True

    def has_earned(self, since: float = -math.inf) -> bool:
        """Return whether a call has succeeded since then; without a time, whether any has."""
        return self._earned_at > since

    @property
    def is_outage(self) -> bool:
        """Whether many calls in a row have failed, after one that has succeeded."""
        return self._failures >= _OUTAGE_CALLS and self.has_earned()


class Retries:
    """When the batches of one stream are sent again.

    While a service that is away is expected back, attempts that cost it nothing are free, and an empty stock makes
    batches wait instead of failing image after image. Without `waits`, as in tests, a batch is sent again at once.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        patience_s: float,
        budget: RetryBudget,
        outage: Outage,
        rng: random.Random,
        *,
        waits: bool,
    ) -> None:
        self._policy = policy
        self._patience_s = patience_s
        self._budget = budget
        self._outage = outage
        self._rng = rng
        self._waits = waits
        self._failing_since: float | None = None

    @property
    def waits(self) -> bool:
        """Whether batches wait before they are sent again."""
        return self._waits

    def failed(self, now: float) -> None:
        """Take note of a call, or images in it, that failed."""
        if self._failing_since is None or self._budget.has_earned(self._failing_since):
            self._failing_since = now

    def is_free(self, error: VisionError, history: History, now: float, *, is_away: bool) -> bool:
        """Return whether an attempt is free that ended with this error, after this history."""
        if is_over_quota(error):
            return self.waits_for_quota(now)
        # Where the service came back in between, these images may be what makes it go.
        return isinstance(error, PathError) or (is_away and not self._outage.is_over_since(history.missed_at))

    def are_over(self, history: History, now: float) -> bool:
        """Return whether there were as many attempts as are allowed."""
        # When the service is not expected back any more, all count.
        free = history.free if self._outage.is_expected(now) else 0
        return history.attempts - free >= self._policy.attempts

    def wait_s(self, history: History, now: float, asked_s: float | None, *, is_free: bool) -> float | None:
        """Return how long a batch waits for its next attempt; None if it may not have one.

        `is_free`: its last attempt cost the service nothing.
        """
        if self.are_over(history, now):
            return None
        wait_s = backoff_s(self._policy, history.retries + 1, self._rng, asked_s)
        if is_free and self._outage.is_expected(now):
            return wait_s
        if self._budget.spend():
            return wait_s if self._waits else 0.0
        if not (self._waits and self._budget.is_outage and self._has_patience(now)):
            return None
        return max(wait_s, self._policy.max_backoff_s * self._rng.uniform(0.5, 1.0))

    def waits_for_quota(self, now: float) -> bool:
        """Return whether images wait for a quota that their calls were refused for.

        One that has let nothing through may be that of a folder that has none, or busy with the calls of others.
        """
        if self._budget.has_earned() or self._failing_since is None:
            return self._has_patience(now)
        return now - self._failing_since < min(self._patience_s, _FIRST_WAITS * self._policy.max_backoff_s)

    def why_refused(self, error: VisionError) -> str:
        """Return what to add to a refusal for a quota that has let nothing through."""
        is_closed = is_over_quota(error) and not self._budget.has_earned()
        return "; this quota has let no call of this client through" if is_closed else ""

    def _has_patience(self, now: float) -> bool:
        """Return whether the calls of this stream have not failed for too long yet, without a success in between."""
        return self._failing_since is None or now - self._failing_since < self._patience_s
