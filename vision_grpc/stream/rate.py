"""Quotas: when the next requests and images may leave, so that no second has more than allowed."""

from collections import deque

PERIOD_S = 1.05
"""The quota of one second is spread over this time, for the service counts what arrives, and requests that leave
evenly do not arrive evenly. No second at the service has more than the quota as long as the network delays of two
calls differ by no more than the rest, 0.05 s.
"""


class RequestRate:
    """A generic cell rate algorithm without a burst: requests leave evenly spaced.

    Any second that includes its start but not its end sees at most the quota, rounded up.
    """

    def __init__(self, per_second: float) -> None:
        self.interval_s: float = PERIOD_S / per_second
        """The time between two requests."""
        self._next_at = float("-inf")

    def ready_at(self) -> float:
        """Return when the next request may leave."""
        return self._next_at

    def charge(self, at: float) -> None:
        """Count a request that leaves at a time; if it was counted for an earlier time, the later one holds."""
        self._next_at = max(self._next_at, at + self.interval_s)


class ImageRate:
    """The same for images, which leave in batches: even spacing is not enough, so it keeps a log of the last second.

    Any second that includes its start but not its end sees at most the quota.
    """

    def __init__(self, per_second: float) -> None:
        self.interval_s: float = PERIOD_S / per_second
        """The time between two images."""
        # A quota below one image a second means one image in a longer period.
        self._period_s = max(PERIOD_S, self.interval_s)
        self._quota = max(1, int(per_second))
        self._next_at = float("-inf")
        self._sent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def ready_at(self, images: int, now: float) -> float:
        """Return when so many images, at most the quota, may leave."""
        self._forget(now)
        excess = self._sum + images - self._quota
        ready = max(now, self._next_at)
        for sent_at, count in self._sent:
            if excess <= 0:
                break
            ready = max(ready, sent_at + self._period_s)
            excess -= count
        return ready

    def charge(self, images: int, at: float) -> None:
        """Count images that leave at a time."""
        # Threads read the clock before they get the lock; an entry out of order would be forgotten too early.
        at = max(at, self._sent[-1][0]) if self._sent else at
        self._next_at = max(self._next_at, at + images * self.interval_s)
        self._sent.append((at, images))
        self._sum += images

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0][0] + self._period_s <= now:
            self._sum -= self._sent.popleft()[1]
