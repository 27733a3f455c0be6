"""What a run would send, cost and take, known without a call."""

import os
from dataclasses import dataclass, field

from vision_grpc.config import Limits
from vision_grpc.sources.item import Item
from vision_grpc.sources.kinds import Kind, kind_of, suffix_of

IMAGES_A_CALL = 8
TOO_LARGE = "too large"
"""The kind under which files are counted that are fitted for their size."""


@dataclass(slots=True)
class Forecast:
    """Sums over the images that a run would send, `most` of them at most."""

    most: int | None = None
    images: int = 0
    beyond: int = 0
    """Images that are left for later runs, as this one would have sent `most` already."""
    content_bytes: int = 0
    """Size of the files whose size is known."""
    unsized: int = 0
    """Images whose size is not known before they are read."""
    documents: int = 0
    """Files that are opened for their pages: each is counted as one image, as nobody knows its pages yet."""
    fitted: dict[str, int] = field(default_factory=dict[str, int])
    """Images that are fitted for their kind; others may be for their size."""

    def add(self, item: Item, limits: Limits, *, fits: bool) -> None:
        """Count an image that would be sent, and perhaps fitted."""
        if self.images == self.most:
            self.beyond += 1
            return
        self.images += 1
        content_bytes = _size_of(item)
        if content_bytes is None:
            self.unsized += 1
        else:
            self.content_bytes += content_bytes
        if not fits:
            return
        suffix = suffix_of(item.key if item.path is None else item.path)
        if kind_of(suffix) is Kind.FITTABLE:
            self.fitted[suffix] = self.fitted.get(suffix, 0) + 1
        elif content_bytes is not None and content_bytes > limits.content_bytes:
            self.fitted[TOO_LARGE] = self.fitted.get(TOO_LARGE, 0) + 1

    @property
    def billed_units(self) -> int:
        """What is billed if each image is read at the first attempt."""
        return self.images


def least_s(images: int, limits: Limits) -> float | None:
    """Return the time that the quota alone makes so many images take; None without a quota."""
    calls = -(-images // IMAGES_A_CALL)
    times = [
        amount / quota
        for amount, quota in ((calls, limits.requests_per_s), (images, limits.images_per_s))
        if quota is not None
    ]
    return max(times, default=None)


def _size_of(item: Item) -> int | None:
    """Return how many bytes an image has, None where that is not known before it is read."""
    if item.content_bytes is not None or item.path is None:
        return item.content_bytes
    try:
        return os.stat(item.path).st_size  # noqa: PTH116 - it is a string
    except (OSError, ValueError):
        return None
