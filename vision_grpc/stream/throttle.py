"""What all streams of a client share: quotas, stated and learned, and an adaptive limit on calls in flight."""

import random
import threading

from vision_grpc.config import Limits
from vision_grpc.stream.learned_rate import LearnedRate
from vision_grpc.stream.permits import Permits
from vision_grpc.stream.rate import ImageRate, RequestRate
from vision_grpc.stream.strays import Strays

_BACK_OFF = 0.5


class Throttle:
    """Quotas and an adaptive limit on calls in flight. Safe to share between threads.

    The limit grows by one for each full round of answers and halves when the service pushes
    back (AIMD), at most once for the calls that were in flight when it did. While the service is
    away one call looks for it, and each answer then lets one more leave, up to the limit that there
    was: it doubles with each round, as TCP's does after a time-out (RFC 5681, slow start).

    Once calls were refused for a quota and others let through, there is a rate, too: fewer calls at once would not
    help where each of them is short.
    """

    def __init__(self, limits: Limits, permits: Permits | None = None, rng: random.Random | None = None) -> None:
        self.permits: Permits | None = permits
        """Where each request needs one: those of a quota that is shared with other clients."""
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._requests = None if limits.requests_per_s is None else RequestRate(limits.requests_per_s)
        self._images = None if limits.images_per_s is None else ImageRate(limits.images_per_s)
        self._learned = LearnedRate(rng, has_permits=permits is not None)
        self._strays = None if permits is None else Strays()
        self._most_calls = float(limits.calls_in_flight)
        self._calls = self._most_calls
        self._calls_before = self._most_calls
        self._backed_off_at = float("-inf")

    @property
    def calls(self) -> int:
        """Calls that one stream may have in flight now, at least one."""
        return int(self._calls)

    @property
    def learned_per_s(self) -> float | None:
        """Requests a second that the service has turned out to let through; None: it has refused none for a quota."""
        return self._learned.per_s

    @property
    def holds_back(self) -> bool:
        """Whether requests that were refused for a quota leave at the times of a rate."""
        return self._learned.holds_back

    @property
    def version(self) -> int:
        """Grows when times that were reserved no longer hold."""
        return self._learned.version

    def ready_at(self, images: int, now: float) -> float:
        """Return when a request of so many images may leave, not earlier than now."""
        if self._is_open:
            return now
        with self._lock:
            return self._ready_at(images, now)

    def interval_s(self, images: int) -> float:
        """Return the time that the quotas want between two requests of so many images."""
        with self._lock:
            by_requests = 0.0 if self._requests is None else self._requests.interval_s
            by_images = 0.0 if self._images is None else images * self._images.interval_s
            learned = 0.0 if self._learned.per_s is None else 1.0 / self._learned.per_s
            return max(by_requests, by_images, learned)

    def reserve(self, images: int, now: float) -> float:
        """Return when a request of so many images leaves, not earlier than now, and charge it for that time.

        So no smaller request that asks later can take the time of one that waits.
        """
        if self._is_open:
            return now
        with self._lock:
            leaves_at = self._learned.reserve(self._stated_at(images, now))
            self._charge(images, leaves_at)
            return leaves_at

    def charge(self, images: int, now: float) -> None:
        """Charge a request of so many images that leaves now, later than the time that was reserved."""
        with self._lock:
            self._charge(images, now)
            self._learned.charge(now)

    def answered(self, sent_at: float, now: float) -> None:
        """Count a call, sent at `sent_at`, that the service answered."""
        with self._lock:
            self._learned.let_through(sent_at, now)
            if self._strays is not None:
                self._strays.answered()
            if self._calls < self._most_calls:
                more = 1.0 if self._calls < self._calls_before else 1.0 / self._calls
                self._calls = min(self._most_calls, self._calls + more)

    def pushed_back(self, sent_at: float, now: float) -> None:
        """Lower the limit for a call, sent at `sent_at`, that the service was too busy for."""
        with self._lock:
            if sent_at > self._backed_off_at:
                self._backed_off_at = now
                self._calls = self._calls_before = max(1.0, self._calls * _BACK_OFF)

    def refused(self, sent_at: float, now: float, asked_s: float | None) -> None:
        """Lower the rate for a call, sent at `sent_at`, that was refused for a quota; `asked_s`: the wait asked for.

        As long as there is no rate, this lowers the limit. A stray refusal changes nothing.
        """
        with self._lock:
            if self._strays is not None and self._strays.refused(now):
                return
            if not self._learned.holds_back:
                self.pushed_back(sent_at, now)
            self._learned.refused(sent_at, now, asked_s)

    def went_away(self) -> None:
        """Let one call at a time look for a service that is away."""
        with self._lock:
            self._calls_before = max(self._calls, self._calls_before)
            self._calls = 1.0

    @property
    def _is_open(self) -> bool:
        return self._requests is None and self._images is None and not self._learned.holds_back

    def _ready_at(self, images: int, now: float) -> float:
        ready = self._stated_at(images, now)
        return self._learned.ready_at(ready)

    def _stated_at(self, images: int, now: float) -> float:
        ready = now
        if self._requests is not None:
            ready = max(ready, self._requests.ready_at())
        if self._images is not None:
            ready = max(ready, self._images.ready_at(images, now))
        return ready

    def _charge(self, images: int, at: float) -> None:
        if self._requests is not None:
            self._requests.charge(at)
        if self._images is not None:
            self._images.charge(images, at)
