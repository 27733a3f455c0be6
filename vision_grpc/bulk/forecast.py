"""What a run would send, cost and take, known without a call."""

from dataclasses import dataclass, field

from vision_grpc.config import Limits

IMAGES_A_CALL = 8


@dataclass(slots=True)
class Forecast:
    """Sums over the images that a run would send."""

    images: int = 0
    content_bytes: int = 0
    """Size of the files whose size is known."""
    unsized: int = 0
    """Images whose size is not known before they are read."""
    documents: int = 0
    """Files that are opened for their pages: each is counted as one image, as nobody knows its pages yet."""
    fitted: dict[str, int] = field(default_factory=dict[str, int])
    """Images that are fitted for their kind; others may be for their size."""

    @property
    def billed_units(self) -> int:
        """What is billed if each image is read at the first attempt."""
        return self.images

    def least_s(self, limits: Limits) -> float | None:
        """Return the time that the quota alone makes it take; None without a quota."""
        calls = -(-self.images // IMAGES_A_CALL)
        times = [
            amount / quota
            for amount, quota in ((calls, limits.requests_per_s), (self.images, limits.images_per_s))
            if quota is not None
        ]
        return max(times, default=None)
