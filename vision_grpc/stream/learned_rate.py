"""The rate that a service lets through, as a client learns it from the calls that are refused for a quota.

`scripts/bench.py quota` tries it on clients that do not know of each other; docs/scale.md has its table.
"""

import math
from collections import deque

# Enough to know what the fastest of the quotas of the simulation has let through in a second.
_REMEMBERED = 256

# From one call a second on, the rate is lowered by a factor and raised by equal steps (AIMD), which after a cycle have
# brought it back to where it was refused. Fast clients take smaller steps and have longer cycles, by the root of their
# rate, so that slower ones catch up.
_BRISK_PER_S = 1.0
_KEEPS, _KEEPS_IN_A_ROW = 0.85, 0.7
_CYCLE = 20
_STEPS_GROW_BY = 1.05
# A rate this many times what is let through holds nothing back, and is not raised.
_MOST_UNUSED = 2.0

# Below it, the buckets of services hold one call, and what counts is when a call comes after that of another client.
# Random times would collide: four clients that use 80 % of such a quota would be refused four times of five. So a
# client keeps its interval, and a refusal moves its times, and makes its interval longer, by the wait that the service
# asks for: its call came so much too early after that of the client before it. All have the same interval in the end
# and take turns. Each interval then becomes shorter by steps that double, the last of which a refusal takes back.
_MOST_GROWTH, _GROWTH_IN_A_ROW = 0.3, 0.1
_LONGEST_INTERVAL_S = 40.0
_UNSAID_S = 1.0
_MARGIN_S = 0.05
_SMALLEST_RISE, _LARGEST_RISE = 0.02, 0.16


class LearnedRate:
    """Times at which requests leave: evenly spaced, at a rate that refusals lower and use raises again."""

    def __init__(self) -> None:
        self.per_s: float | None = None
        """Requests a second; None as long as no call was refused, or none was let through."""
        self.version: int = 0
        """Grows when times that are reserved no longer hold."""
        self._let_through: deque[float] = deque(maxlen=_REMEMBERED)
        self._next_at = -math.inf
        self._lowered_at = -math.inf
        self._is_binding = False
        self._in_a_row = 0
        self._refused_per_s = self._step_per_s = 0.0
        self._calm = 0
        self._rise = _SMALLEST_RISE
        self._interval_before_s: float | None = None

    def ready_at(self) -> float:
        """Return when the next request may leave."""
        return self._next_at

    def reserve(self, at: float) -> float:
        """Return when a request leaves that other quotas let go at a time, and count it."""
        if self.per_s is None:
            return at
        self._is_binding = self._next_at > at
        leaves_at = max(at, self._next_at)
        self._next_at = leaves_at + 1.0 / self.per_s
        return leaves_at

    def charge(self, at: float) -> None:
        """Count a request that leaves at a time, later than the one that was reserved."""
        if self.per_s is not None:
            self._next_at = max(self._next_at, at + 1.0 / self.per_s)

    def let_through(self, sent_at: float) -> None:
        """Count a call that was not refused."""
        self._let_through.append(sent_at)
        if self.per_s is None or sent_at <= self._lowered_at:
            return
        self._in_a_row = 0
        if self.per_s < _BRISK_PER_S:
            self._raise_slow(self.per_s)
        elif self._is_binding and self.per_s < _MOST_UNUSED * self._measured_per_s():
            if self.per_s > self._refused_per_s:
                self._step_per_s *= _STEPS_GROW_BY
            self.per_s += self._step_per_s

    def refused(self, sent_at: float, now: float, asked_s: float | None) -> None:
        """Lower the rate for a call that was refused; `asked_s` is the wait that the service asks for.

        One refusal counts for all calls that were under way.
        """
        if sent_at <= self._lowered_at or (self.per_s is None and not self._let_through):
            return
        self._lowered_at = now
        self._in_a_row += 1
        self.version += 1
        self._calm, self._rise = 0, _SMALLEST_RISE
        per_s = self._measured_per_s() if self.per_s is None else self.per_s
        if per_s >= _BRISK_PER_S:
            self._lower_brisk(per_s, now)
        else:
            self._give_way(1.0 / per_s, now, asked_s)

    def _measured_per_s(self) -> float:
        since = self._let_through[-1] - 1.0
        return float(sum(at > since for at in self._let_through))

    def _lower_brisk(self, per_s: float, now: float) -> None:
        if self._in_a_row == 1:
            self._refused_per_s = per_s
        self.per_s = per_s * (_KEEPS if self._in_a_row == 1 else _KEEPS_IN_A_ROW)
        self._start_cycle(self.per_s)
        # A wait of whole seconds, as Retry-After has them, is for the images that were refused.
        self._next_at = now + 1.0 / self.per_s
        if self._in_a_row > 1:  # The first one of them said where the limit is.
            self._step_per_s = max(self._step_per_s, (self._refused_per_s - self.per_s) / _CYCLE)

    def _start_cycle(self, per_s: float) -> None:
        self._step_per_s = (1.0 - _KEEPS) / _CYCLE * per_s / math.sqrt(max(1.0, per_s))

    def _give_way(self, interval_s: float, now: float, asked_s: float | None) -> None:
        wait_s = min(asked_s or _UNSAID_S, interval_s)
        if self._interval_before_s is not None:
            interval_s, self._interval_before_s = self._interval_before_s, None
        else:
            least_s = _GROWTH_IN_A_ROW * interval_s if self._in_a_row > 1 else 0.0
            interval_s += max(least_s, min(wait_s, _MOST_GROWTH * interval_s))
        self.per_s = 1.0 / min(_LONGEST_INTERVAL_S, interval_s)
        self._next_at = now + wait_s + _MARGIN_S

    def _raise_slow(self, per_s: float) -> None:
        self._calm += self._is_binding
        if self._calm < _CYCLE * _SMALLEST_RISE / self._rise:
            return
        self._calm, self._interval_before_s = 0, 1.0 / per_s
        self.per_s = per_s * (1.0 + self._rise)
        self._rise = min(_LARGEST_RISE, 2.0 * self._rise)
        if self.per_s >= _BRISK_PER_S:
            self._interval_before_s, self._refused_per_s = None, self.per_s
            self._start_cycle(self.per_s)
