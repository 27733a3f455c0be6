"""Which images are sent together."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from vision_grpc.stream.batch_size import BatchSize

_ItemT = TypeVar("_ItemT")


class Batcher(Generic[_ItemT]):
    """Groups images in the order they come, so that each group fits one request."""

    def __init__(self, size: BatchSize) -> None:
        self._size = size
        self._batch: list[_ItemT] = []
        self._batch_bytes = 0

    @property
    def waiting(self) -> Sequence[_ItemT]:
        """The images of the batch that is not complete."""
        return self._batch

    @property
    def room(self) -> int:
        """How many more images the batch may have."""
        return max(1, self._size.images - len(self._batch))

    def add(self, item: _ItemT, content_bytes: int) -> list[_ItemT]:
        """Take an image; return the batch that it completed by filling it or by not fitting in, else an empty list.

        An image that is over the byte budget by itself is sent alone.
        """
        full: list[_ItemT] = []
        if self._batch and self._batch_bytes + content_bytes > self._size.content_bytes:
            full = self.flush()
        self._batch.append(item)
        self._batch_bytes += content_bytes
        return full if full or len(self._batch) < self._size.images else self.flush()

    def flush(self) -> list[_ItemT]:
        """Return the images so far, possibly none, and start a new batch."""
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        return batch
