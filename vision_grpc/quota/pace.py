"""The quota as a whole: when the next request may leave, and how much of the quota it takes."""

from vision_grpc.stream.rate import ImageRate, RequestRate

SETTLE_S = 1.0
"""A quota begins as if all of it were used at this time after the start. So requests that an earlier service permitted
have left before, and so have those of clients that went on without a service until they found this one."""


class Pace:
    """Spaces requests so that no second has more of them, or of their images, than the quota.

    At least one of the two quotas is a number above 0.
    """

    def __init__(self, requests_per_s: float | None, images_per_s: float | None, now: float) -> None:
        self.requests_per_s = requests_per_s
        self.images_per_s = images_per_s
        self._requests = None if requests_per_s is None else RequestRate(requests_per_s)
        self._images = None if images_per_s is None else ImageRate(images_per_s)
        self.settle(now)

    def settle(self, now: float) -> None:
        """Begin, perhaps anew: until `SETTLE_S` from now all of it is used."""
        if self._requests is not None:
            self._requests.charge(now + SETTLE_S)
        if self._images is not None and self.most_images is not None:
            self._images.charge(self.most_images, now + SETTLE_S)

    @property
    def most_images(self) -> int | None:
        """The most images that a request may have: the quota of a second; None: any number."""
        return None if self.images_per_s is None else max(1, int(self.images_per_s))

    def ready_at(self, images: int, now: float) -> float:
        """Return when a request of so many images may leave, not earlier than now."""
        ready = now if self._requests is None else max(now, self._requests.ready_at())
        return ready if self._images is None else max(ready, self._images.ready_at(images, now))

    def charge(self, images: int, at: float) -> None:
        """Count a request of so many images that leaves at a time."""
        if self._requests is not None:
            self._requests.charge(at)
        if self._images is not None:
            self._images.charge(images, at)

    def cost_s(self, images: int) -> float:
        """Return how many seconds of the whole quota a request of so many images takes."""
        by_requests = 0.0 if self.requests_per_s is None else 1.0 / self.requests_per_s
        return by_requests if self.images_per_s is None else max(by_requests, images / self.images_per_s)

    @property
    def most_cost_s(self) -> float:
        """What the largest request takes."""
        return self.cost_s(1 if self.most_images is None else self.most_images)
