"""What all streams of a client share."""

import random
from typing import NamedTuple, Self

from vision_grpc.config import Limits, RetryPolicy
from vision_grpc.stream.batch_size import BatchSize
from vision_grpc.stream.durations import Durations
from vision_grpc.stream.permits import Permits
from vision_grpc.stream.polls import Polls
from vision_grpc.stream.presence import Presence
from vision_grpc.stream.retry import RetryBudget
from vision_grpc.stream.throttle import Throttle


class Shared(NamedTuple):
    """What one stream learns, or uses up, counts for the others too. Safe to share between threads."""

    throttle: Throttle
    budget: RetryBudget
    presence: Presence
    batch_size: BatchSize
    polls: Polls
    durations: Durations

    @classmethod
    def of(
        cls,
        limits: Limits,
        policy: RetryPolicy,
        most_images: int,
        permits: Permits | None = None,
        rng: random.Random | None = None,
    ) -> Self:
        """Return what the streams of a new client share."""
        size = BatchSize(limits, most_images)
        if permits is not None:
            permits.shrink = size.keep_to
        return cls(Throttle(limits, permits, rng), RetryBudget(policy), Presence(), size, Polls(limits), Durations())
