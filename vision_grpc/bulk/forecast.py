"""What a run would send, cost and take, known without a call."""

from dataclasses import dataclass, field

from vision_grpc.api.api import Api
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.bulk.failures import Failures
from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Item
from vision_grpc.sources.kinds import suffix_of
from vision_grpc.sources.preview import preview


@dataclass(slots=True)
class Forecast:
    """Sums over the images that a run would read, `most` of them at most."""

    most: int | None = None
    api: Api = VISION_V1
    images: int = 0
    """Images that would be sent."""
    beyond: int = 0
    """Images that are left for later runs, as this one would have read `most` already."""
    content_bytes: int = 0
    """Size of the files whose size is known."""
    unsized: int = 0
    """Images whose size is not known before they are read."""
    fitted: dict[str, int] = field(default_factory=dict[str, int])
    """Images that are fitted for their kind or their size, as far as is known."""
    fetched: int = 0
    """Images that earlier runs have sent, and whose results would be fetched."""
    fetched_units: int = 0
    documents: int = 0
    """Documents that would be sent as they are, and are billed by page."""
    failures: Failures = field(default_factory=Failures)
    """Images that would not be sent, as something is wrong with them."""

    def add(self, item: Item, limits: Limits, *, fits: bool) -> ImageError | None:
        """Count an image; return what surely keeps it from being sent."""
        if self.images + self.failures.count == self.most:
            self.beyond += 1
            return None
        content_bytes, error, fitted = preview(item, limits, fits=fits)
        if error is not None:
            self.failures.add(item.key, error)
            return error
        self.images += 1
        if content_bytes is None:
            self.unsized += 1
        else:
            self.content_bytes += content_bytes
        if fitted is not None:
            self.fitted[fitted] = self.fitted.get(fitted, 0) + 1
        self.documents += limits.pdf and not fits and suffix_of(item.path or item.place or item.key) == ".pdf"
        return None

    def fetch(self, units: int) -> None:
        """Count an image that an earlier run has sent, and what it costs."""
        self.fetched += 1
        self.fetched_units += units

    @property
    def billed_units(self) -> int:
        """What is billed if each image is read at the first attempt, and each document has one page."""
        return self.images + self.fetched_units


def least_s(images: int, limits: Limits, api: Api) -> float | None:
    """Return the time that the quota alone makes so many images take; None without a quota."""
    calls = -(-images // api.most_images)
    times = [
        amount / quota
        for amount, quota in ((calls, limits.requests_per_s), (images, limits.images_per_s))
        if quota is not None
    ]
    return max(times, default=None)
