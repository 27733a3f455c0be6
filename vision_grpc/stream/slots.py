"""Times that a client keeps for its requests where several clients share a quota of few calls.

This is reservation ALOHA (W. Crowther and others, 1973) without a clock that all share: time has frames, of the same
length for all clients, and what was let through in one frame is let through at the same time of the next one.
"""

import math
import random
from dataclasses import dataclass
from typing import NamedTuple

FRAME_S = 12.4
"""The length of a frame. Ten slots of 1.24 s use 80 % of a quota of one call a second."""

MOST_FRAMES = 4
"""A client that has lost its only slot uses the next one in every second frame, or in one of so many."""

# In its first frame a client contends: it tries to get through again and again. The end belongs to its first slot.
_CONTENDS_S = FRAME_S - 1.0
_SPACING_S, _SPREAD_S = 1.0, 0.1
# A client that got through against others leaves them up to so much time.
_YIELDS_S = 0.5
_MARGIN_S, _UNSAID_MARGIN_S = 0.05, 0.1
_LEAST_WAIT_S = 0.3
# Where the service does not say when to come again, a client does after a fifth of a second, then less often.
_FIRST_WAIT_S, _WAITS_GROW_BY, _MOST_WAIT_S = 0.2, 1.2, 0.6

# A client that has no slot later on looks for a gap: it tries some times in quick succession, and rests.
_QUICK_S, _AT_ONCE_S = 0.1, 0.05
_TRIES, _UNSAID_TRIES = 4, 15
_REST_S, _MOST_REST_S = 6.0, 30.0
# Where it finds none so often, the quota may be closed: the rests grow, and later on it tries less often. Not sooner:
# clients that share a small quota with many others would be left without a call for minutes.
_REGULAR_RESTS, _RESTS_GROW_BY = 2, 1.5
_REGULAR_SEARCHES, _TRIES_SHRINK_BY = 4, 0.7

# Other clients neither take so high a rate away at once nor keep a client waiting for so long: the quota was closed.
_MUCH_PER_S, _CLOSED_S = 3.0 / FRAME_S, 60.0

# A slot that comes too early by so little is moved. It may then push the next one, and where slots fill the frame,
# they would push each other round for ever: some are given up instead.
_EARLY_S, _GIVEN_UP = 0.3, 0.25
_LEAST_MOVE_S, _MOST_MOVE_S = 0.03, 0.12
_OFTEN = 2

# A client that was not refused tries to get one more slot in so many frames; much sooner after it has got one.
_CALM_FRAMES, _SOONER = 12, 0.125

_LATE_S = 0.25
_APART_S = 0.02
_ROUNDING = 1e-6
_REMEMBERED = 64


@dataclass(slots=True, eq=False)
class _Slot:
    """A time that comes again in each frame, or in one of `frames`."""

    at: float
    frames: int = 1
    refusals: int = 0
    """In a row."""

    def next_at(self, after: float) -> float:
        """Return when it comes, not before a time."""
        every_s = self.frames * FRAME_S
        # The time of a slot itself is not to be rounded up to that of the next frame.
        return max(after, self.at + math.ceil((after - self.at) / every_s - _ROUNDING) * every_s)


class _Taken(NamedTuple):
    """A time at which a request leaves: in a slot, or as an attempt to get another one."""

    at: float
    slot: _Slot | None


class Slots:
    """The slots of a client, which begins to contend for them. Times are monotonic seconds."""

    def __init__(self, rng: random.Random, now: float, asked_s: float | None, *, before_per_s: float = 0.0) -> None:
        """Take that a call was refused now; `asked_s` is the wait that the service asks for.

        `before_per_s`: the rate before calls were refused, 0 as long as none was let through.
        """
        self._rng = rng
        self._slots: list[_Slot] = []
        self._contends_until = now + _CONTENDS_S
        self._attempt_at = math.inf
        self._contends_again = False
        # When the last call was let through, and the rate then.
        self._through_at, self._through_per_s = now, before_per_s
        self._refusals = 0
        self._tries = self._searches = 0
        self._frames = 1
        self._calm, self._patience = 0, 1.0
        self._is_exact = False
        self._taken: dict[float, _Taken] = {}
        self._taken_until = now
        self._attempt_again(now, self._take_wait(asked_s))

    @property
    def per_s(self) -> float:
        """Requests a second; as long as there is no slot, those of one."""
        return (sum([1.0 / slot.frames for slot in self._slots]) or 1.0) / FRAME_S

    def next_at(self, at: float) -> float:
        """Return when the next request may leave, not before a time."""
        return self._next(at).at

    def take(self, at: float) -> float:
        """Return when a request leaves, not before a time, and take that time."""
        taken = self._next(at)
        self._taken[taken.at] = taken
        self._taken_until = taken.at
        if len(self._taken) > _REMEMBERED:
            del self._taken[next(iter(self._taken))]
        if taken.slot is None:
            self._attempt_at = math.inf
            if self._contends_until > (at := taken.at + self._spacing_s()):
                self._attempt_at = at
        return taken.at

    def let_through(self, sent_at: float, now: float) -> bool:
        """Keep the time of a call that was let through; return whether times that were taken no longer hold."""
        taken = self._taken_for(sent_at)
        if taken is None:
            return False
        if taken.slot is None:
            was_closed = self._was_closed(sent_at)
            self._grow(sent_at)
        else:
            was_closed = False
            taken.slot.refusals = 0
            self._calm += 1
        self._through_at, self._through_per_s = max(self._through_at, sent_at), self.per_s
        if was_closed:
            self._contend_again(sent_at, now)
            return True
        return self._plan_attempt(now)

    def refused(self, sent_at: float, now: float, asked_s: float | None) -> None:
        """Move the time of a call that was refused, or give it up; times that were taken no longer hold."""
        taken = self._taken_for(sent_at)
        self._drop_taken(now)
        wait_s = self._take_wait(asked_s)
        if taken is None:
            return
        self._calm = 0
        if taken.slot is None:
            self._patience = 1.0
            if self._contends_again:
                self._contends_again = False
                self._contends_until, self._attempt_at = now, math.inf
            if now < self._contends_until or not self._slots:
                self._refusals += 1
                self._attempt_again(now, wait_s)
        elif taken.slot in self._slots:
            self._move(taken.slot, now, wait_s)

    def _next(self, at: float) -> _Taken:
        after = max(at, self._taken_until + _APART_S)
        times = [_Taken(slot.next_at(after), slot) for slot in self._slots]
        # Where there is neither a slot nor an attempt, one is under way.
        attempt_at = after + FRAME_S if not times and self._attempt_at == math.inf else max(at, self._attempt_at)
        return min([*times, _Taken(attempt_at, None)], key=_time_of)

    def _taken_for(self, sent_at: float) -> _Taken | None:
        """Return the time that a call had taken; None where it left before there were slots, or late for its slot.

        An attempt may be late: what is let through at any time is free then.
        """
        before = [at for at in self._taken if at <= sent_at + _ROUNDING]
        if not before:
            return None
        taken = self._taken.pop(max(before))
        return taken if taken.slot is None or sent_at <= taken.at + _LATE_S else None

    def _drop_taken(self, now: float) -> None:
        """Take back the times of requests that have not left: they take others."""
        for at in [at for at in self._taken if at > now]:
            if self._taken.pop(at).slot is None:
                self._attempt_at = min(self._attempt_at, at)
        self._taken_until = min(self._taken_until, now)

    def _grow(self, at: float) -> None:
        """Use a time that was free from now on."""
        self._refusals = self._tries = self._searches = 0
        self._patience *= _SOONER
        if len(self._slots) == 1 and self._slots[0].frames > 1:
            self._slots[0].frames //= 2
            self._frames = self._slots[0].frames
        else:
            self._slots.append(_Slot(at, self._frames))

    def _was_closed(self, sent_at: float) -> bool:
        """Return whether the quota let nobody through until now, as far as an attempt says that was let through."""
        if self._slots or sent_at < self._contends_until:
            return False
        return self._through_per_s >= _MUCH_PER_S or sent_at > self._through_at + _CLOSED_S

    def _contend_again(self, sent_at: float, now: float) -> None:
        """Try to get more slots at once beside the first one, until an attempt is refused."""
        self._contends_again = True
        self._frames = self._slots[0].frames = 1
        self._contends_until = now + _CONTENDS_S
        self._drop_taken(now)
        self._attempt_at = sent_at + self._spacing_s()

    def _plan_attempt(self, now: float) -> bool:
        """Plan to get another slot, once it is time for that; return whether it is."""
        slots = self._slots
        if now < self._contends_until or self._calm < _CALM_FRAMES * FRAME_S * self.per_s * self._patience:
            return False
        self._calm = 0
        if len(slots) == 1 and (frames := slots[0].frames) > 1:
            self._attempt_at = _Slot(slots[0].at + frames // 2 * FRAME_S, frames).next_at(now)
        else:
            self._attempt_at = now + self._rng.uniform(0.0, FRAME_S / len(slots))
        self._drop_taken(now)
        return True

    def _move(self, slot: _Slot, now: float, wait_s: float | None) -> None:
        """Move a slot whose call was refused, or give it up: another client has the same right to that time."""
        slot.refusals += 1
        if wait_s is None:
            stays = slot.refusals < _OFTEN
            move_s = self._rng.uniform(_LEAST_MOVE_S, _MOST_MOVE_S)
        else:
            stays = wait_s < _EARLY_S and self._rng.random() >= _GIVEN_UP
            move_s = wait_s + _MARGIN_S
        if stays:
            slot.at = now + move_s
            return
        self._slots.remove(slot)
        if not self._slots:
            # More clients than the frame has slots for may be there.
            self._frames = min(MOST_FRAMES, 2 * self._frames)
            self._refusals = 1
            self._attempt_again(now, wait_s)

    def _spacing_s(self) -> float:
        """Return how long after a call that is let through this client tries to get the next one through."""
        margin_s = _MARGIN_S if self._is_exact else _UNSAID_MARGIN_S
        yields_s = self._rng.uniform(0.0, _YIELDS_S) if self._refusals else 0.0
        return _SPACING_S + margin_s + self._rng.uniform(0.0, _SPREAD_S) + yields_s

    def _attempt_again(self, now: float, wait_s: float | None) -> None:
        if now < self._contends_until:
            attempt_at = now + self._contending_wait_s(wait_s)
            if attempt_at < self._contends_until:
                self._attempt_at = attempt_at
                return
        if not self._slots:
            self._attempt_at = now + self._searching_wait_s(wait_s)

    def _contending_wait_s(self, wait_s: float | None) -> float:
        if wait_s is not None:
            return max(_LEAST_WAIT_S, wait_s) + _MARGIN_S + self._rng.uniform(0.0, _SPREAD_S)
        return min(_MOST_WAIT_S, _FIRST_WAIT_S * _WAITS_GROW_BY**self._refusals) * self._rng.uniform(0.5, 1.5)

    def _searching_wait_s(self, wait_s: float | None) -> float:
        self._tries += 1
        tries = _UNSAID_TRIES if wait_s is None else _TRIES
        if self._tries >= tries * _TRIES_SHRINK_BY ** max(0, self._searches - _REGULAR_SEARCHES):
            rest_s = _REST_S * _RESTS_GROW_BY ** max(0, self._searches - _REGULAR_RESTS)
            self._tries, self._searches = 0, self._searches + 1
            return min(_MOST_REST_S, rest_s) * self._rng.uniform(0.5, 1.5)
        if wait_s is None:
            return _QUICK_S * self._rng.uniform(0.5, 1.5)
        return wait_s + self._rng.uniform(_APART_S, _AT_ONCE_S)

    def _take_wait(self, asked_s: float | None) -> float | None:
        """Take the wait that the service asks for; return it, None where that is not when it would let a call through.

        A whole number of seconds is rounded, as in Retry-After.
        """
        if asked_s is None or asked_s == round(asked_s):
            return None
        self._is_exact = True
        return asked_s


def _time_of(taken: _Taken) -> float:
    return taken.at
