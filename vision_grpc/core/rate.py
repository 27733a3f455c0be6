"""Quotas: how many requests and images may leave in a second."""

from collections import deque

_PERIOD_S = 1.0


class RequestRate:
    """A generic cell rate algorithm without a burst: requests leave evenly spaced.

    Any second that includes its start but not its end sees at most the quota, rounded up.
    """

    def __init__(self, per_second: float) -> None:
        self._interval_s = 1.0 / per_second
        self._next_at = float("-inf")

    def ready_at(self) -> float:
        """Return when the next request may leave."""
        return self._next_at

    def charge(self, now: float) -> None:
        """Count a request that leaves now; of one that was counted before it left, the later time stands."""
        self._next_at = max(self._next_at, now + self._interval_s)


class ImageRate:
    """A log of the last second: images leave in batches, which even spacing would not bound.

    Any second that includes its start but not its end sees at most the quota.
    """

    def __init__(self, per_second: float) -> None:
        # A quota below one a second is one image in a longer period.
        self._period_s = max(_PERIOD_S, 1.0 / per_second)
        self.batch_images = max(1, int(per_second))
        self._sent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def ready_at(self, images: int, now: float) -> float:
        """Return when `images` more, at most `batch_images`, may leave."""
        self._forget(now)
        excess = self._sum + images - self.batch_images
        ready = now
        for sent_at, count in self._sent:
            if excess <= 0:
                break
            ready = sent_at + self._period_s
            excess -= count
        return ready

    def charge(self, images: int, now: float) -> None:
        """Count images that leave now."""
        # Threads read the clock before they take turns; an entry out of order would be forgotten too early.
        sent_at = max(now, self._sent[-1][0]) if self._sent else now
        self._sent.append((sent_at, images))
        self._sum += images

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0][0] + self._period_s <= now:
            self._sum -= self._sent.popleft()[1]
