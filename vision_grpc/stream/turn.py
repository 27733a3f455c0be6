"""A stream's place among all that share a quota."""

import math

from vision_grpc.stream.permits import Permits, Place
from vision_grpc.stream.throttle import Throttle

PROMPT_S = 0.01
"""A request that leaves no later than this after its time is in time."""

_MISSED_AFTER_S = 0.25

# A permit is asked for so long before other quotas let the request go, and can still be used then: see `PUNCTUAL_S`.
_AHEAD_S = 0.03


class Turn:
    """When the next request of a stream leaves: a time is reserved for it, and a permit where it needs one."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._permits = throttle.permits
        self.place = Place()
        """Its place among those that want permits."""
        self._reserved_at: float | None = None
        # For how many images, until when, and for which rate that time is good.
        self._images, self._until, self._version = 0, 0.0, 0
        self._waiting_since: float | None = None

    def soonest(self, images: int, now: float) -> float:
        """Return when a request of so many images could leave; reserve nothing."""
        return self._throttle.ready_at(images, now) if self._reserved_at is None else max(now, self._reserved_at)

    def expected_at(self, images: int, now: float) -> float:
        """Return when a request of so many images is likely to leave; reserve nothing."""
        soonest = self.soonest(images, now)
        return soonest if self._permits is None else max(soonest, self._permits.expected_at())

    def leaves_at(self, images: int, now: float) -> float:
        """Return when a request of so many images leaves; the time is infinite while it waits for a permit.

        A stream that misses its time by far has to queue again; so do all when a refusal has changed the rate.
        """
        leaves_at = self._reserved_at
        is_gone = images > self._images or now > self._until or self._version != self._throttle.version
        if leaves_at is None or is_gone:
            permits = self._permits
            leaves_at = self._reserve(images, now) if permits is None else self._queue(permits, images, now)
        if leaves_at > now and self._waiting_since is None:
            self._waiting_since = now
        return leaves_at

    def take(self, now: float) -> float:
        """Let the request leave; return how long it waited, in seconds."""
        if self._reserved_at is not None and now > self._reserved_at + PROMPT_S:
            # The machine is busy. The quota was charged for the reserved time.
            self._throttle.charge(self._images, now)
        if self._permits is not None:
            self._permits.used(self.place, now)
        waited_s = 0.0 if self._waiting_since is None else now - self._waiting_since
        self._reserved_at = self._waiting_since = None
        return waited_s

    def leave(self) -> None:
        """Let others have the permit, or the wait for one: no request of this stream leaves now."""
        if self._permits is not None:
            self._permits.leave(self.place)
            self._reserved_at = self._waiting_since = None

    def why_waiting(self, now: float) -> str:
        """Return what to add to the error of a request that waits for a permit."""
        if self._permits is None or self._reserved_at is not None or self._waiting_since is None:
            return ""
        return f": it has waited {now - self._waiting_since:.3g} s for a permit of the quota"

    def _reserve(self, images: int, at: float, until: float = math.inf) -> float:
        """Reserve a time, which is good no longer than until another one."""
        self._version = self._throttle.version
        self._reserved_at = leaves_at = self._throttle.reserve(images, at)
        self._images, self._until = images, min(until, leaves_at + _MISSED_AFTER_S)
        return leaves_at

    def _queue(self, permits: Permits, images: int, now: float) -> float:
        """Reserve a time with a permit; return it, or when this may succeed."""
        self._reserved_at = None
        # A permit does not wait for other quotas: those come first, for one stream after the other.
        ready_at = self._throttle.ready_at(images, now)
        if interval_s := self._throttle.interval_s(images):
            ready_at += permits.join(self.place) * interval_s
        if ready_at - _AHEAD_S > now:
            permits.rest(self.place)
            return ready_at - _AHEAD_S
        permit_at = permits.take(self.place, images, now)
        if permit_at is None:
            return math.inf
        at, until = max(now, permit_at), permit_at + self.place.usable_s
        ready_at = self._throttle.ready_at(images, at)
        if ready_at > until:
            permits.rest(self.place)
            return ready_at
        permits.has_time(self.place)
        return self._reserve(images, at, until)
