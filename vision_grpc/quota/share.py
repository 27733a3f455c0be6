"""What a client may do while the service of its quota is away: a share of the quota."""

from collections.abc import Sequence

from vision_grpc.stream.rate import PERIOD_S


class Share:
    """Spaces the requests of one client: by what the service named last, before that by what the user states."""

    def __init__(self, requests_per_s: float) -> None:
        self._requests_per_s: float | None = requests_per_s
        self._images_per_s: float | None = None
        self._free_at = float("-inf")
        self.kept_until = float("-inf")
        """Until then what the service says is not taken note of."""

    def told(self, requests_per_s: float | None, images_per_s: float | None, now: float) -> None:
        """Take note of what the service says that the client may have; None is a number that is not limited."""
        if now >= self.kept_until and (requests_per_s is not None or images_per_s is not None):
            self._requests_per_s, self._images_per_s = requests_per_s, images_per_s

    def permitted(self, images: int, times: Sequence[float]) -> None:
        """Take note of requests that the service permitted: the client's own ones come after them."""
        for at in times:
            self.charge(images, at)

    def per_s(self, images: int) -> float:
        """Return how many requests of so many images the client may have in a second."""
        rates = [] if self._images_per_s is None else [self._images_per_s / images]
        if self._requests_per_s is not None:
            rates.append(self._requests_per_s)
        return min(rates)

    def ready_at(self, now: float) -> float:
        """Return when the client's next request may leave, not earlier than now."""
        return max(now, self._free_at)

    def charge(self, images: int, at: float) -> None:
        """Count a request that leaves at a time."""
        self._free_at = max(self._free_at, at + PERIOD_S / self.per_s(images))
