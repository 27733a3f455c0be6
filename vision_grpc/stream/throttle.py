"""What all streams of a client share: quotas, and how many calls at once the service bears."""

import threading

from vision_grpc.config import Limits
from vision_grpc.stream.rate import ImageRate, RequestRate

_BACK_OFF = 0.5
_NEARLY = 0.9


class Throttle:
    """Quotas and an adaptive limit on calls in flight. Safe to share between threads.

    The limit grows by one for each full round of answers and halves when the service pushes
    back (AIMD), at most once for the calls that were under way when it did.
    """

    def __init__(self, limits: Limits, *, most_images: int) -> None:
        # Garbage collection, or a signal's handler, may come back here in the same thread.
        self._lock = threading.RLock()
        self._requests = None if limits.requests_per_s is None else RequestRate(limits.requests_per_s)
        self._images = None if limits.images_per_s is None else ImageRate(limits.images_per_s)
        self.most_images = most_images
        """Images that a request may have."""
        self.batch_images = _best_batch(limits, most_images)
        """Images a request, at most, so that the quotas are nearly used up."""
        self._most_calls = float(limits.calls_in_flight)
        self._calls = self._most_calls
        self._backed_off_at = float("-inf")

    @property
    def calls(self) -> int:
        """Calls that one stream may have in flight now, at least one."""
        return int(self._calls)

    def ready_at(self, images: int, now: float) -> float:
        """Return when a request of so many images may leave, not earlier than now."""
        if self._requests is None and self._images is None:
            return now
        with self._lock:
            return self._ready_at(images, now)

    def reserve(self, images: int, now: float) -> float:
        """Return when a request of so many images leaves, not earlier than now. It is charged for then.

        So the turns of those who wait are their own, whoever asks later for less.
        """
        if self._requests is None and self._images is None:
            return now
        with self._lock:
            leaves_at = self._ready_at(images, now)
            self._charge(images, leaves_at)
            return leaves_at

    def charge(self, images: int, now: float) -> None:
        """Charge a request of so many images that leaves now, later than it was let go."""
        with self._lock:
            self._charge(images, now)

    def answered(self) -> None:
        """Take note of a call that the service answered."""
        if self._calls < self._most_calls:
            with self._lock:
                self._calls = min(self._most_calls, self._calls + 1.0 / self._calls)

    def pushed_back(self, sent_at: float, now: float) -> None:
        """Take note of a call, sent at `sent_at`, that the service was too busy for."""
        with self._lock:
            if sent_at > self._backed_off_at:
                self._backed_off_at = now
                self._calls = max(1.0, self._calls * _BACK_OFF)

    def _ready_at(self, images: int, now: float) -> float:
        ready = now
        if self._requests is not None:
            ready = max(ready, self._requests.ready_at())
        if self._images is not None:
            ready = max(ready, self._images.ready_at(images, now))
        return ready

    def _charge(self, images: int, at: float) -> None:
        if self._requests is not None:
            self._requests.charge(at)
        if self._images is not None:
            self._images.charge(images, at)


def _best_batch(limits: Limits, most_images: int) -> int:
    """Return the largest batch that nearly uses the quotas up: of 12 images a second, 8 at once leave 4 unused."""
    if limits.images_per_s is None:
        return most_images
    images, requests = max(1, int(limits.images_per_s)), limits.requests_per_s

    def used(batch: int) -> float:
        by_images = batch * (images // batch)
        return by_images if requests is None else min(by_images, batch * requests)

    batches = range(1, min(most_images, images) + 1)
    enough = _NEARLY * max(map(used, batches))
    return max(batch for batch in batches if used(batch) >= enough)
