"""When something has to be over. The clock is read here, and nowhere else for this purpose."""

import math
import time
from typing import NamedTuple

LONGEST_S = 20 * 86_400.0
"""The longest time that sockets, condition variables and gRPC all take: what is beyond is never waited for anyway."""


class Deadline(NamedTuple):
    """A point in time, made where a call begins and handed down to everything that the call waits for."""

    at: float
    """Monotonic seconds."""

    timeout_s: float
    """The seconds that were allowed, for error messages."""

    @classmethod
    def after(cls, timeout_s: float) -> "Deadline":
        """Return the deadline that ends so many seconds from now, at most `LONGEST_S`.

        Raises:
            ValueError: the number is NaN.
        """
        if math.isnan(timeout_s):
            message = "the timeout is NaN: give a number of seconds"
            raise ValueError(message)
        return cls(time.monotonic() + min(timeout_s, LONGEST_S), max(0.0, timeout_s))

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when the time is over."""
        return max(0.0, self.at - time.monotonic())

    def within(self, timeout_s: float) -> "Deadline":
        """Return this deadline, or an earlier one that ends so many seconds from now."""
        earlier = Deadline.after(timeout_s)
        return earlier if earlier.at < self.at else self
