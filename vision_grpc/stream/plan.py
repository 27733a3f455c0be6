"""The settings of one stream."""

from typing import NamedTuple

from vision_grpc.config import Limits, RetryPolicy, Timeouts


class Plan(NamedTuple):
    """The settings of one run."""

    limits: Limits
    retry: RetryPolicy
    timeouts: Timeouts
    ordered: bool = False
    deadline: float | None = None
    """When everything must be over (monotonic seconds). None: each image has `timeouts.total_s` after its first
    sending."""
    waits: bool = True
    """Whether retries wait; see `vision_grpc.testing.without_backoff`."""
    deferred: bool = False
    """Whether images are sent to operations, whose results are fetched later."""
    no_operations: str = ""
    """Why no operation can be asked about; empty where that can be."""
