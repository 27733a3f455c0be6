"""What is to become of a file that is read in the background, where a fault has ordered it."""

from typing import NamedTuple

from vision_grpc.messages import Status


class Fate(NamedTuple):
    """How an operation goes on; by default as it does by itself."""

    ready_after_s: float = 0.0
    """Its result is not ready before so many seconds; infinity stands for never."""
    error: Status | None = None
    """It fails with this."""
    kept_s: float | None = None
    """How long its result is kept."""
    is_lost: bool = False
    """Whether the service does not know it any more as soon as it is accepted."""


NO_FATE = Fate()
"""Nothing is ordered."""
