"""Permits of a quota that several clients share: each request of a stream leaves with one.

A thread of the session fetches them as `Permits.question` says, and the stream that waits for one is woken.
"""

import math
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision_grpc.errors import VisionError

USABLE_S = 0.25
"""How long after its time a permit can be used at all; then it is gone."""

PUNCTUAL_S = 0.05
"""How long after its time it can be used without a request too many in a second: so much `rate.PERIOD_S` leaves.

A stream that misses this lets the permit go. One that misses it time after time is on a machine that is always late,
and uses the next ones late: that does less harm, as all of them are.
"""
_MOST_MISSES = 3

# Up to this rate each permit is fetched when a request needs it. Above it, the way to the quota and back would take a
# part of the rate, and so one question brings what is used in this time, if the streams have used what came before.
_ONE_BY_ONE_PER_S = 50.0
_LEASE_S = 0.1
_EAGER_INTERVALS = 2.0
# So it is at any rate where the way is so long that permits come when it is their time already.
_FAR_LEASE_S = 0.25

# No client is faster; a share may be infinite.
_MOST_PER_S = 10_000.0


class Permit(NamedTuple):
    """Permission for one request."""

    at: float
    """When it may leave, at the earliest."""
    images: int
    """How many images it may have."""


class Question(NamedTuple):
    """What a quota is asked for: permission for so many requests of so many images each."""

    requests: int
    images: int


class Place:
    """The place of one stream among those that want permits."""

    def __init__(self) -> None:
        self.permit: Permit | None = None
        """What the stream has got and not used yet."""
        self.failure: VisionError | None = None
        """Why it gets none."""
        self.wake: Callable[[], None] = _do_nothing
        """Called, from any thread, once there is either."""
        self.misses = 0
        """How many permits in a row came to nothing, or were used late."""

    @property
    def usable_s(self) -> float:
        """How long after its time this stream can use a permit."""
        return PUNCTUAL_S if self.misses < _MOST_MISSES else USABLE_S


class Permits:
    """Gives permits to the streams of a client, in the order in which they began to wait.

    What a stream does not need goes to the next one that can use it. Safe to share between threads.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        """`ask` is called when there is a new question."""
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._ask = ask
        self.shrink: Callable[[int], None] = _do_nothing
        """Called with the most images that a request may have, where that is fewer than was asked for."""
        self._line: dict[Place, None] = {}
        """The streams that have a request to send and no time for it yet, the first to be served first."""
        self._waiting: dict[Place, int] = {}
        """With how many images each stream waits for a permit: those in the line that other quotas let go."""
        self._spare: list[Permit] = []
        """What no stream that waits can use, by time."""
        self._now = -math.inf
        self._per_s = 0.0
        self._lease = 1
        self._is_far = False
        self._is_held_up = False
        self._last_at = -math.inf
        self._used_at = -math.inf
        self._why_over: Callable[[], VisionError] | None = None

    def join(self, place: Place) -> int:
        """Let a stream have a place in the line; return how many are before it."""
        with self._lock:
            self._line[place] = None
            return next(number for number, each in enumerate(self._line) if each is place)

    def take(self, place: Place, images: int, now: float) -> float | None:
        """Return when a request of so many images may leave with a permit; None: the stream waits for one."""
        with self._lock:
            self._now = now
            is_late = place.permit is not None and now > place.permit.at + PUNCTUAL_S
            self._return(place)
            self._spare = [permit for permit in self._spare if now <= permit.at + USABLE_S]
            place.permit = next((permit for permit in self._spare if self._fits(permit, place, images)), None)
            if place.permit is not None:
                self._spare.remove(place.permit)
                self._waiting.pop(place, None)
                return place.permit.at
            is_new = place not in self._waiting
            self._waiting[place] = images
            woken = self._hand_out()
            place.misses += is_late
        _wake(woken)
        if self._why_over is not None:
            self.failed(self._why_over)
        elif is_new:
            self._ask()
        return None

    def used(self, place: Place, now: float) -> None:
        """Take that the request left which the permit of a stream is for."""
        with self._lock:
            if place.permit is not None and now <= place.permit.at + PUNCTUAL_S:
                place.misses = 0
            place.permit = None
            self._used_at = max(self._used_at, now)

    def rest(self, place: Place) -> None:
        """Take that other quotas hold a stream up: it needs no permit now, and keeps its place in the line."""
        with self._lock:
            self._is_held_up = True
        self._let_go(place)

    def leave(self, place: Place) -> None:
        """Take that a stream has nothing to send now."""
        self.has_time(place)
        self._let_go(place)

    def has_time(self, place: Place) -> None:
        """Take that a stream has a time for its request: those behind it in the line come next."""
        with self._lock:
            self._line.pop(place, None)

    def expected_at(self) -> float:
        """Return when the next request is likely to leave, as far as the client's share says."""
        return self._used_at + 1.0 / self._per_s if self._per_s else -math.inf

    def question(self, now: float) -> Question | None:
        """Return what to ask the quota for; None: nothing is wanted."""
        with self._lock:
            if not self._waiting:
                return None
            images = next(iter(self._waiting.values()))
            is_fast = self._per_s > _ONE_BY_ONE_PER_S
            most = max(1, math.ceil((_LEASE_S if is_fast else _FAR_LEASE_S) * self._per_s))
            is_eager = now * self._per_s < self._last_at * self._per_s + _EAGER_INTERVALS
            # Permits come no later where other quotas hold requests up, and those of a lease would come too early.
            if not is_eager or (self._is_held_up and not is_fast):
                self._lease -= 1
            elif is_fast or self._is_far:
                self._lease += 1
            self._is_held_up = False
            self._lease = min(most, max(1, self._lease))
            alike = sum(each == images for each in self._waiting.values()) if is_fast else 1
            return Question(min(most, max(self._lease, alike)), images)

    def granted(
        self,
        times: Iterable[float],
        images: int,
        requests_per_s: float,
        *,
        is_most: bool = False,
        is_late: bool = False,
    ) -> None:
        """Take permits for requests of so many images, by when they may leave, and the client's share.

        `is_most`: no permit is ever for more images, so streams that wait with more are to come again with fewer.
        `is_late`: the time of the first came before the permit did, as the way from the quota takes long.
        """
        too_large: list[Place] = []
        if is_most:
            self.shrink(images)
        with self._lock:
            if is_most:
                too_large = [place for place, wanted in self._waiting.items() if wanted > images]
                for place in too_large:
                    del self._waiting[place]
            self._per_s = min(requests_per_s, _MOST_PER_S)
            self._spare += [Permit(at, images) for at in times]
            self._spare.sort()
            self._last_at = self._spare[-1].at
            self._is_far = is_late
            woken = self._hand_out()
        _wake([*woken, *too_large])

    def failed(self, why: Callable[[], VisionError]) -> None:
        """Let the streams that wait for a permit end, each with an error of its own."""
        with self._lock:
            failed = list(self._waiting)
            self._waiting.clear()
            for place in failed:
                place.failure = why()
        _wake(failed)

    def end(self, why: Callable[[], VisionError]) -> None:
        """As `failed`, for the streams that want a permit later, too."""
        self._why_over = why
        self.failed(why)

    def _let_go(self, place: Place) -> None:
        with self._lock:
            self._waiting.pop(place, None)
            self._return(place)
            woken = self._hand_out()
        _wake(woken)

    def _return(self, place: Place) -> None:
        if place.permit is not None:
            self._spare.append(place.permit)
            self._spare.sort()
            place.permit = None

    def _fits(self, permit: Permit, place: Place, images: int) -> bool:
        return images <= permit.images and self._now <= permit.at + place.usable_s

    def _hand_out(self) -> list[Place]:
        """Give each permit to the first stream that can use it; return the streams that got one."""
        served: list[Place] = []
        for permit in list(self._spare):
            waiting = self._waiting.items()
            place = next((place for place, images in waiting if self._fits(permit, place, images)), None)
            if place is not None:
                self._spare.remove(permit)
                del self._waiting[place]
                place.permit = permit
                served.append(place)
        return served


def _do_nothing(*_: object) -> None:
    pass


def _wake(places: Iterable[Place]) -> None:
    for place in places:
        place.wake()
