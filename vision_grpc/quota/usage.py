"""Who takes what of a shared quota."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

_MINUTE_S = 60.0
_BUCKET_S = 5.0


class ClientUsage(NamedTuple):
    """What one client takes."""

    client: str

    requests: int
    """Requests that were permitted since the service started."""

    images: int
    """Images that these requests may have."""

    requests_per_s: float
    """Requests a second in the last minute."""

    images_per_s: float
    """Likewise images."""

    waiting: int
    """Requests that wait to be permitted now."""


class Usage(NamedTuple):
    """A quota, and what is taken of it."""

    requests_per_s: float | None
    """The quota of requests a second, None if they are not limited."""

    images_per_s: float | None
    """Likewise of images."""

    up_s: float
    """Seconds since the service started."""

    clients: Sequence[ClientUsage]
    """The clients of the last minutes; first the one that took most in the last minute."""

    other_requests: int
    """Requests that were permitted to clients which have not come for ten minutes."""

    other_images: int
    """Likewise images."""


class LastMinute:
    """Counts requests and their images over about a minute, in a few numbers."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[float, int, int]] = deque()

    def add(self, images: int, now: float) -> None:
        """Count a request of so many images."""
        begun = _begin(now)
        _, requests, before = self._buckets.pop() if self._buckets and self._buckets[-1][0] == begun else (0.0, 0, 0)
        self._buckets.append((begun, requests + 1, before + images))
        self._forget(now)

    def per_s(self, now: float, up_s: float) -> tuple[float, float]:
        """Return how many requests and images there were a second, in the last minute or since a later start."""
        self._forget(now)
        seconds = max(1.0, min(up_s, now - _begin(now - _MINUTE_S)))
        requests = sum(count for _, count, _ in self._buckets)
        images = sum(count for _, _, count in self._buckets)
        return requests / seconds, images / seconds

    def _forget(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] < _begin(now - _MINUTE_S):
            self._buckets.popleft()


def _begin(at: float) -> float:
    """Return when the bucket of a time begins."""
    return at - at % _BUCKET_S
