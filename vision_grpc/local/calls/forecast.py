"""Whether calls that take turns can be expected to be answered in time."""

import math
from collections import Counter


class Forecast:
    """Calls that take turns from now on, each as large and as urgent as it is.

    `pace_s` is how long one image takes while all threads are at work. When calls take turns, one with n images ends
    after at most n images of each other call.
    """

    def __init__(self, *, now: float, pace_s: float) -> None:
        self._now = now
        self._pace_s = pace_s
        self._calls: Counter[int] = Counter()
        self._deadlines: dict[int, float] = {}

    def add(self, images: int, deadline: float = math.inf) -> bool:
        """Add a call with so many images; return whether it and all others are in time.

        If they are not, the call is left out, but not the only one: it waits for nobody.
        """
        earliest = self._deadlines.get(images, math.inf)
        only = not self._calls
        self._calls[images] += 1
        self._deadlines[images] = min(earliest, deadline)
        if self._is_in_time():
            return True
        self._deadlines[images] = earliest
        if not only:
            self._calls[images] -= 1
        return only

    def _is_in_time(self) -> bool:
        return all(self._now + self._work_s(images) <= due for images, due in self._deadlines.items())

    def _work_s(self, images: int) -> float:
        return self._pace_s * sum(count * min(other, images) for other, count in self._calls.items())
