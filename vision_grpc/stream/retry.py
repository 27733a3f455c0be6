"""Whether a failure deserves another attempt, and after how long.

Nothing here sleeps or reads a clock: what happened comes in, a verdict goes out.
"""

import math
import random
import threading

from vision_grpc.config import RetryPolicy
from vision_grpc.stream.batch import History

PROBE_S = 5.0
"""The longest wait between two attempts to reach a service that is away."""

# So many failed calls in a row, with no answer between them, are not bad luck.
_OUTAGE_CALLS = 16


class RetryBudget:
    """A stock of retries that successes refill, so that an outage does not lead to a storm of retries.

    It also notices an outage, for it counts the calls of all streams. Safe to share between threads.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._lock = threading.Lock()
        self._most = policy.budget
        self._stock = policy.budget
        self._per_success = policy.budget_per_success
        self._answered_at = -math.inf
        self._failures = 0

    def earn(self, now: float) -> None:
        """Count a call that was answered."""
        self._answered_at = now
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

    def was_answered(self, since: float) -> bool:
        """Whether the service has answered since then: if it is away now, it is expected back."""
        return self._answered_at > since

    @property
    def is_outage(self) -> bool:
        """Whether many calls in a row have failed."""
        return self._failures >= _OUTAGE_CALLS


class Retries:
    """When the batches of one stream are sent again.

    If a service is away that has answered within the time that an image may take, it is expected back: attempts that
    do not reach it are free, and in an outage an empty stock makes batches wait instead of failing image after image.
    Without `waits`, as in tests, a batch is sent again at once, and a service that is away is not expected back.
    """

    def __init__(
        self, policy: RetryPolicy, patience_s: float, budget: RetryBudget, rng: random.Random, *, waits: bool = True
    ) -> None:
        self._policy = policy
        self._patience_s = patience_s
        self._budget = budget
        self._rng = rng
        self._waits = waits

    def expect_service(self, now: float) -> bool:
        """Whether a service that is away is expected back."""
        return self._waits and self._budget.was_answered(now - self._patience_s)

    def wait_s(self, history: History, now: float, asked_s: float | None, *, is_free: bool) -> float | None:
        """Return how long a batch waits for its next attempt; None if it may not have one.

        `is_free`: its last attempt did not reach a service that is expected back.
        """
        if history.attempts - history.unreached >= self._policy.attempts:
            return None
        wait_s = backoff_s(self._policy, history.retries + 1, self._rng, asked_s)
        if is_free:
            return min(wait_s, PROBE_S)
        if self._budget.spend():
            return wait_s if self._waits else 0.0
        if not (self._budget.is_outage and self.expect_service(now)):
            return None
        return max(wait_s, self._policy.max_backoff_s * self._rng.uniform(0.5, 1.0))


def backoff_s(policy: RetryPolicy, failures: int, rng: random.Random, asked_s: float | None) -> float:
    """Return how long to wait after so many failures.

    Exponential backoff with full jitter; the wait that the service asks for is a lower bound.
    """
    # The exponent is capped where the bound has long been reached: 2.0 ** 1100 overflows.
    bound = min(policy.max_backoff_s, policy.initial_backoff_s * 2.0 ** min(failures - 1, 63))
    return max(rng.uniform(0.0, bound), asked_s or 0.0)
