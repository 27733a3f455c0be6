"""Tokens as an exchange returns them, and the clock for their age."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_LIFE_S = 12 * 3600.0
"""The longest life of an IAM token."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and for how long it is valid from its arrival on."""

    value: str = field(repr=False)
    lifetime_s: float
    refresh_s: float | None = None
    """The time after which to ask for a newer one; None: it follows from the lifetime."""


def _clock() -> Callable[[], float]:
    """Return a monotonic clock that runs on while the machine sleeps.

    `time.monotonic` stops in suspend on Linux and macOS, but tokens expire there all the same.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number: int | None = getattr(time, name, None)
        if number is not None:
            return lambda: time.clock_gettime(number)
    return time.monotonic


clock: Callable[[], float] = _clock()
