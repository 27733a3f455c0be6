"""How long to wait after failures."""

import random

from vision_grpc.config import RetryPolicy


def backoff_s(policy: RetryPolicy, failures: int, rng: random.Random, asked_s: float | None) -> float:
    """Return how long to wait after so many failures.

    Exponential backoff with full jitter; the wait that the service asks for is a lower bound.
    """
    # The exponent is capped where the bound has long been reached: 2.0 ** 1100 overflows.
    bound = min(policy.max_backoff_s, policy.initial_backoff_s * 2.0 ** min(failures - 1, 63))
    return max(rng.uniform(0.0, bound), asked_s or 0.0)
