"""How fast a run goes now, and how much of its time it waits for the quota."""

from collections import deque
from typing import NamedTuple

WINDOW_S = 30.0
"""How far back the pace looks at least. Results of several calls come at once, and look infinitely fast then."""

_LONGEST_WINDOW_S = 600.0
_FEWEST_IMAGES = 16
_STEP_S = 1.0


class _Mark(NamedTuple):
    at: float
    finished: int
    throttled_s: float


class Pace:
    """Images a second over a window that slides, and grows where results come slowly."""

    def __init__(self, now: float) -> None:
        self._marks = deque([_Mark(now, 0, 0.0)])
        self._last = self._marks[0]

    def mark(self, now: float, finished: int, throttled_s: float) -> None:
        """Take note of how many images are finished by now, and how long calls have waited for the quota."""
        self._last = last = _Mark(now, finished, throttled_s)
        marks = self._marks
        if now - marks[-1].at >= _STEP_S:
            marks.append(last)
        while len(marks) > 1 and self._can_begin_at(marks[1]):
            marks.popleft()

    @property
    def seconds(self) -> float:
        """The length of the window."""
        return self._last.at - self._marks[0].at

    @property
    def images_per_s(self) -> float | None:
        """Finished images a second; None where no time has passed."""
        return (self._last.finished - self._marks[0].finished) / self.seconds if self.seconds > 0 else None

    @property
    def throttled_share(self) -> float:
        """The part of the time, from 0 to 1, in which a call was ready and waited for the quota."""
        waited_s = self._last.throttled_s - self._marks[0].throttled_s
        return min(1.0, waited_s / self.seconds) if self.seconds > 0 else 0.0

    def _can_begin_at(self, mark: _Mark) -> bool:
        seconds = self._last.at - mark.at
        has_enough = self._last.finished - mark.finished >= _FEWEST_IMAGES
        return seconds >= WINDOW_S and (has_enough or seconds >= _LONGEST_WINDOW_S)
