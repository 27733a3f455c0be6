"""Tokens as they come out of an exchange, and the clock that their age is told by."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_LIFE_S = 12 * 3600.0
"""No IAM token lives longer."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and how long it will be accepted, counted from its arrival."""

    value: str = field(repr=False)
    lifetime_s: float
    refresh_s: float | None = None
    """After how long to look for a newer one; None leaves that to the lifetime."""


def _clock() -> Callable[[], float]:
    """Return a clock that no one sets and that runs on while the machine sleeps.

    `time.monotonic` stands still in suspend on Linux and macOS; a token does not stay fresh there.
    """
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        number: int | None = getattr(time, name, None)
        if number is not None:
            return lambda: time.clock_gettime(number)
    return time.monotonic


clock = _clock()
