"""How large a request may be: what the quotas use up best, and what the service has turned out to take."""

import threading

from vision_grpc.config import Limits

# Half of eight images of the documented size: the window then holds twice as many calls, and the link is busy while
# some of them wait for their answers. Measured at 1 MB an image, against 8 MiB: 36 images/s instead of 30 over
# 400 Mbit/s and 20 ms to a service that takes 0.3 s a call; 11.5 instead of 10 to 11 over a new connection of
# 100 Mbit/s; 2 to 5 % more CPU with `tune_memory`. 2 MiB would bring 3 images/s more over the faster link, for 11 to
# 14 % more CPU.
BATCH_BYTES = 4 * 1_048_576

# Smaller calls would use up a quota of requests with fewer images.
_BATCH_BYTES_BY_QUOTA = 8 * 1_048_576

_NEARLY = 0.9


class BatchSize:
    """The most that is put into one request, for all streams of a client. Safe to share between threads.

    A request that was too large halves what follows, and one that was taken is the least that may follow: if the
    service has taken as much, a single image was refused. The size does not grow again by itself. A limit is a setting
    of the service or of a gateway before it and does not change as its load does, and to try costs sending all bytes.
    """

    def __init__(self, limits: Limits, most_images: int) -> None:
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self.most_images = most_images
        """The most images that the API allows in a request."""
        self.images: int = _best_batch(limits, most_images)
        """The most images in a request, so that the quotas are nearly used up."""
        most_bytes = BATCH_BYTES if limits.requests_per_s is None else _BATCH_BYTES_BY_QUOTA
        self.content_bytes: int = min(most_bytes, limits.bytes_in_flight)
        """The most bytes of images in a request that has more than one."""
        self._most = self.images, self.content_bytes
        self._taken_images = self._taken_bytes = 0

    def fits(self, images: int, content_bytes: int) -> bool:
        """Return whether a request of so many images is sent as it is; a single image always is."""
        return images == 1 or (images <= self.images and content_bytes <= self.content_bytes)

    def taken(self, images: int, content_bytes: int) -> None:
        """Take note of a request that the service took."""
        if content_bytes > self._taken_bytes or images > self._taken_images:
            with self._lock:
                self._taken_images = max(self._taken_images, images)
                self._taken_bytes = max(self._taken_bytes, content_bytes)
                self._limit(self.images, self.content_bytes)

    def refused(self, images: int, content_bytes: int) -> None:
        """Take note of a request of several images that was too large."""
        with self._lock:
            if content_bytes > self._taken_bytes:
                self._limit(self.images, min(self.content_bytes, content_bytes // 2))
            elif images > self._taken_images:
                self._limit(min(self.images, images // 2), self.content_bytes)

    def keep_to(self, images: int) -> None:
        """Take note that a quota lets no request through that has more images."""
        with self._lock:
            most_images, most_bytes = self._most
            self._most = min(most_images, images), most_bytes
            self._limit(self.images, self.content_bytes)

    def _limit(self, images: int, content_bytes: int) -> None:
        most_images, most_bytes = self._most
        self.images = min(most_images, max(images, self._taken_images))
        self.content_bytes = min(most_bytes, max(content_bytes, self._taken_bytes))


def _best_batch(limits: Limits, most_images: int) -> int:
    """Return the largest batch that nearly uses up the quotas: with 12 images a second, batches of 8 leave 4 unused."""
    if limits.images_per_s is None:
        return most_images
    images, requests = max(1, int(limits.images_per_s)), limits.requests_per_s

    def used(batch: int) -> float:
        by_images = batch * (images // batch)
        return by_images if requests is None else min(by_images, batch * requests)

    batches = range(1, min(most_images, images) + 1)
    enough = _NEARLY * max(map(used, batches))
    return max(batch for batch in batches if used(batch) >= enough)
