"""The quota of questions about operations, for all streams of a client."""

import threading

from vision_grpc.config import Limits
from vision_grpc.stream.rate import RequestRate


class Polls:
    """When the next question may leave. Safe to share between threads."""

    def __init__(self, limits: Limits) -> None:
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._rate = RequestRate(limits.polls_per_s)

    def ready_at(self) -> float:
        """Return when the next question may leave."""
        return self._rate.ready_at()

    def take(self, now: float) -> bool:
        """Let a question leave, and count it; return whether it may."""
        with self._lock:
            if self._rate.ready_at() > now:
                return False
            self._rate.charge(now)
            return True
