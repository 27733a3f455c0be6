"""A stream's place among all that share a quota."""

from vision_grpc.stream.throttle import Throttle

PROMPT_S = 0.01
"""A request that leaves no later than this after its time is in time."""

_MISSED_AFTER_S = 0.25


class Turn:
    """When the next request of a stream leaves: a time is reserved for it."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._reserved: tuple[float, int] | None = None
        self._version = 0
        self._waiting_since: float | None = None

    def soonest(self, images: int, now: float) -> float:
        """Return when a request of so many images could leave; reserve nothing."""
        return self._throttle.ready_at(images, now) if self._reserved is None else max(now, self._reserved[0])

    def leaves_at(self, images: int, now: float) -> float:
        """Return when a request of so many images leaves.

        A stream that misses its time by far has to queue again; so do all when a refusal has changed the rate.
        """
        reserved, version = self._reserved, self._throttle.version
        is_gone = reserved is None or images > reserved[1] or now > reserved[0] + _MISSED_AFTER_S
        if reserved is None or is_gone or version != self._version:
            self._version = version
            self._reserved = self._throttle.reserve(images, now), images
            reserved = self._reserved
        leaves_at = reserved[0]
        if leaves_at > now and self._waiting_since is None:
            self._waiting_since = now
        return leaves_at

    def take(self, now: float) -> float:
        """Let the request leave; return how long it waited, in seconds."""
        if self._reserved is not None and now > self._reserved[0] + PROMPT_S:
            # The machine is busy. The quota was charged for the reserved time.
            self._throttle.charge(self._reserved[1], now)
        waited_s = 0.0 if self._waiting_since is None else now - self._waiting_since
        self._reserved = self._waiting_since = None
        return waited_s
