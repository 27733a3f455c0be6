"""Whether a failure deserves another attempt, and after how long.

Nothing here sleeps or reads a clock: what happened comes in, a verdict goes out.
"""

import random
import threading
from collections.abc import Iterable

from vision_grpc.config import RetryPolicy
from vision_grpc.messages import Any, RetryInfo


class RetryBudget:
    """A stock of retries that successes refill, so that an outage is not answered with a storm.

    Safe to share between threads.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._lock = threading.Lock()
        self._most = policy.budget
        self._stock = policy.budget
        self._per_success = policy.budget_per_success

    def earn(self) -> None:
        """Take note of a call that was answered."""
        if self._stock < self._most:
            with self._lock:
                self._stock = min(self._most, self._stock + self._per_success)

    def spend(self) -> bool:
        """Take a retry from the stock; False when it is empty."""
        with self._lock:
            if self._stock < 1:
                return False
            self._stock -= 1
            return True


def backoff_s(policy: RetryPolicy, failures: int, rng: random.Random, asked_s: float | None) -> float:
    """Return how long to wait after so many failures in a row.

    Exponential backoff with full jitter; a wait that the service asked for is a lower bound.
    """
    # The exponent is capped where the bound has long been reached: 2.0 ** 1100 overflows.
    bound = min(policy.max_backoff_s, policy.initial_backoff_s * 2.0 ** min(failures - 1, 63))
    return max(rng.uniform(0.0, bound), asked_s or 0.0)


def asked_wait_s(details: Iterable[Any]) -> float | None:
    """Return the wait that a google.rpc.RetryInfo among the details of an error asks for, in seconds."""
    for detail in details:
        if detail.Is(RetryInfo.DESCRIPTOR):
            info = RetryInfo()
            if detail.Unpack(info):
                return info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    return None
