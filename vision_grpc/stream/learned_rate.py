"""The rate that a service lets through, as a client learns it from the calls that are refused for a quota.

`scripts/bench.py quota` tries it on clients that do not know of each other; docs/scale.md has its table.
"""

import math
import random
from collections import deque

from vision_grpc.stream.slots import FRAME_S, MOST_FRAMES, Slots

# Enough to know what the fastest of the quotas of the simulation has let through in a second.
_REMEMBERED = 256

# The rate is lowered by a factor and raised by equal steps (AIMD), which after a cycle have brought it back to where it
# was refused. Fast clients take smaller steps and have longer cycles, by the root of their rate, so that slower ones
# catch up.
_KEEPS, _KEEPS_IN_A_ROW = 0.85, 0.7
_CYCLE = 20
_STEPS_GROW_BY = 1.05
# A rate this many times what is let through holds nothing back, and is not raised.
_MOST_UNUSED = 2.0

# A client that comes below the first rate shares a small quota with others, and keeps slots, until these are as many
# as the second one. So does one that was only refused for so long: the others have the quota.
_FEW_PER_S, _MANY_PER_S = 0.75, 1.1
_PATIENCE_S = 2.0
_LEAST_PER_S = 1.0 / (MOST_FRAMES * FRAME_S)


class LearnedRate:
    """Times at which requests leave: evenly spaced, at a rate that refusals lower and use raises again.

    Below one call a second, buckets of services hold one call, and what counts is when a call comes after that of
    another client: requests leave in slots then.
    """

    def __init__(self, rng: random.Random | None = None, *, has_permits: bool = False) -> None:
        """With `has_permits`, the service of these tells the clients apart, and slots would be in its way."""
        self._has_permits = has_permits
        self._rng = rng or random.Random()  # noqa: S311 - spreads calls
        self.per_s: float | None = None
        """Requests a second; None as long as no call was refused, or none was let through."""
        self.version: int = 0
        """Grows when times that are reserved no longer hold."""
        self._let_through: deque[float] = deque(maxlen=_REMEMBERED)
        self._slots: Slots | None = None
        self._next_at = self._lowered_at = -math.inf
        self._is_binding = False
        self._in_a_row = 0
        self._refused_per_s = self._step_per_s = 0.0
        self._first_refused_at: float | None = None

    @property
    def holds_back(self) -> bool:
        """Whether requests have times."""
        return self._slots is not None or self.per_s is not None

    def ready_at(self, at: float) -> float:
        """Return when the next request may leave that other quotas let go at a time."""
        if self._slots is not None:
            return self._slots.next_at(at)
        return max(at, self._next_at)

    def reserve(self, at: float) -> float:
        """Return when a request leaves that other quotas let go at a time, and count it."""
        if self._slots is not None:
            return self._slots.take(at)
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

    def let_through(self, sent_at: float, now: float) -> None:
        """Count a call that was not refused."""
        self._let_through.append(sent_at)
        if self._slots is not None:
            self.version += self._slots.let_through(sent_at, now)
            self.per_s = self._slots.per_s
            if self.per_s > _MANY_PER_S:
                self._leave_slots(self.per_s, now)
            return
        if self.per_s is None or sent_at <= self._lowered_at:
            return
        self._in_a_row = 0
        if self._is_binding and self.per_s < _MOST_UNUSED * self._measured_per_s():
            if self.per_s > self._refused_per_s:
                self._step_per_s *= _STEPS_GROW_BY
            self.per_s += self._step_per_s

    def refused(self, sent_at: float, now: float, asked_s: float | None) -> None:
        """Lower the rate for a call that was refused; `asked_s` is the wait that the service asks for.

        One refusal counts for all calls that were under way.
        """
        if self._slots is not None:
            self._slots.refused(sent_at, now, asked_s)
            self.version += 1
            if self.per_s is not None:
                self.per_s = self._slots.per_s
            return
        if sent_at <= self._lowered_at:
            return
        if self._let_through:
            self._lower(now)
        elif self._first_refused_at is None:
            self._first_refused_at = now
        if not self._has_permits and self._is_one_of_many(now):
            self._slots = Slots(self._rng, now, asked_s, before_per_s=self._refused_per_s)
            self.version += 1
            if self.per_s is not None:
                self.per_s = self._slots.per_s

    def _is_one_of_many(self, now: float) -> bool:
        if self.per_s is not None:
            return self.per_s < _FEW_PER_S
        return self._first_refused_at is not None and now > self._first_refused_at + _PATIENCE_S

    def _measured_per_s(self) -> float:
        since = self._let_through[-1] - 1.0
        return float(sum(at > since for at in self._let_through))

    def _leave_slots(self, per_s: float, now: float) -> None:
        """Let requests leave at the rate of the slots: what left in these, or was to, says nothing about it."""
        self._slots = None
        self._refused_per_s, self._in_a_row = per_s, 0
        self._lowered_at, self._next_at = now, now + 1.0 / per_s
        self._start_cycle(per_s)
        self.version += 1

    def _lower(self, now: float) -> None:
        self._lowered_at = now
        self._in_a_row += 1
        self.version += 1
        per_s = self._measured_per_s() if self.per_s is None else self.per_s
        if self._in_a_row == 1:
            self._refused_per_s = per_s
        self.per_s = max(_LEAST_PER_S, per_s * (_KEEPS if self._in_a_row == 1 else _KEEPS_IN_A_ROW))
        self._start_cycle(self.per_s)
        # A wait of whole seconds, as Retry-After has them, is for the images that were refused.
        self._next_at = now + 1.0 / self.per_s
        if self._in_a_row > 1:  # The first one of them said where the limit is.
            self._step_per_s = max(self._step_per_s, (self._refused_per_s - self.per_s) / _CYCLE)

    def _start_cycle(self, per_s: float) -> None:
        self._step_per_s = (1.0 - _KEEPS) / _CYCLE * per_s / math.sqrt(max(1.0, per_s))
