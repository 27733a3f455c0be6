"""Which images travel together."""

from collections.abc import Sequence
from typing import Generic, TypeVar

# Enough to fill a request with eight images of the documented size.
BATCH_BYTES = 8 * 1_048_576


_ItemT = TypeVar("_ItemT")


class Batcher(Generic[_ItemT]):
    """Groups images in the order they come, so that each group fits one request."""

    def __init__(self, most_images: int, most_bytes: int = BATCH_BYTES) -> None:
        self._most_images = most_images
        self._most_bytes = most_bytes
        self._batch: list[_ItemT] = []
        self._batch_bytes = 0

    @property
    def waiting(self) -> Sequence[_ItemT]:
        """What has gathered and not left yet."""
        return self._batch

    @property
    def room(self) -> int:
        """How many more images the batch takes by number."""
        return self._most_images - len(self._batch)

    def add(self, item: _ItemT, content_bytes: int) -> list[_ItemT]:
        """Take an image; return the batch that it completed by filling it or by not fitting in, else an empty list.

        An image that is over the byte budget by itself travels alone.
        """
        full: list[_ItemT] = []
        if self._batch and self._batch_bytes + content_bytes > self._most_bytes:
            full = self.flush()
        self._batch.append(item)
        self._batch_bytes += content_bytes
        return full if full or len(self._batch) < self._most_images else self.flush()

    def flush(self) -> list[_ItemT]:
        """Return what has gathered, possibly nothing, and start anew."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        return batch
