"""Which images are sent together."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from vision_grpc.config import Limits

# Half of eight images of the documented size: the window then holds twice as many calls, and the link is busy while
# some of them wait for their answers. Measured at 1 MB an image, against 8 MiB: 36 images/s instead of 30 over
# 400 Mbit/s and 20 ms to a service that takes 0.3 s a call; 11.5 instead of 10 to 11 over a new connection of
# 100 Mbit/s; 2 to 5 % more CPU with `tune_memory`. 2 MiB would bring 3 images/s more over the faster link, for 11 to
# 14 % more CPU.
BATCH_BYTES = 4 * 1_048_576

# Smaller calls would use up a quota of requests with fewer images.
_BATCH_BYTES_BY_QUOTA = 8 * 1_048_576

_ItemT = TypeVar("_ItemT")


def batch_bytes(limits: Limits) -> int:
    """Return the largest number of image bytes in a request."""
    most = BATCH_BYTES if limits.requests_per_s is None else _BATCH_BYTES_BY_QUOTA
    return min(most, limits.bytes_in_flight)


class Batcher(Generic[_ItemT]):
    """Groups images in the order they come, so that each group fits one request."""

    def __init__(self, most_images: int, most_bytes: int = BATCH_BYTES) -> None:
        self._most_images = most_images
        self._most_bytes = most_bytes
        self._batch: list[_ItemT] = []
        self._batch_bytes = 0

    @property
    def waiting(self) -> Sequence[_ItemT]:
        """The images of the batch that is not complete."""
        return self._batch

    @property
    def room(self) -> int:
        """How many more images the batch may have."""
        return self._most_images - len(self._batch)

    def add(self, item: _ItemT, content_bytes: int) -> list[_ItemT]:
        """Take an image; return the batch that it completed by filling it or by not fitting in, else an empty list.

        An image that is over the byte budget by itself is sent alone.
        """
        full: list[_ItemT] = []
        if self._batch and self._batch_bytes + content_bytes > self._most_bytes:
            full = self.flush()
        self._batch.append(item)
        self._batch_bytes += content_bytes
        return full if full or len(self._batch) < self._most_images else self.flush()

    def flush(self) -> list[_ItemT]:
        """Return the images so far, possibly none, and start a new batch."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        return batch
