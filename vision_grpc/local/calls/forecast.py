"""Whether calls that take turns can be expected to be answered in time."""

import math
from collections import Counter


class Forecast:
    """Calls that take turns from now on, in the order in which they came.

    `pace_s` is how long one image takes while all threads are at work. A call with n images ends after at most n images
    of each call that came before it, and n - 1 of each that came later.
    """

    def __init__(self, *, now: float, pace_s: float) -> None:
        self._now = now
        self._pace_s = pace_s
        self._calls: Counter[int] = Counter()
        # How much later the calls of a size may end.
        self._slacks_s: dict[int, float] = {}

    def add(self, images: int, deadline: float = math.inf) -> bool:
        """Add the next call, which has so many images; return whether it and all before it are in time.

        If they are not, the call is left out, but not the only one: it waits for nobody.
        """
        work = images + sum(count * min(other, images) for other, count in self._calls.items())
        slack_s = deadline - self._now - self._pace_s * work
        if not self._calls and slack_s < 0:
            slack_s = math.inf
        slacks_s = {size: left_s - self._pace_s * min(images, size - 1) for size, left_s in self._slacks_s.items()}
        slacks_s[images] = min(slack_s, slacks_s.get(images, math.inf))
        if min(slacks_s.values()) < 0:
            return False
        self._calls[images] += 1
        self._slacks_s = slacks_s
        return True
