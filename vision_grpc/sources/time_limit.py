"""The time that the reading of an item may take, without that in which it waits for other items."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from time import monotonic
from typing import Protocol


class Timed(Protocol):
    """A reading with a time limit."""

    began_at: float
    """When its time began, in monotonic seconds."""


_current: ContextVar[Timed | None] = ContextVar("current_reading", default=None)


@contextmanager
def counted(reading: Timed) -> Generator[None]:
    """Let what is done in this thread while this is open belong to a reading, whose time begins."""
    reading.began_at = monotonic()
    token = _current.set(reading)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def uncounted() -> Generator[None]:
    """Leave the time while this is open out of the current reading's; after it, that begins anew."""
    reading = _current.get()
    if reading is None:
        yield
        return
    reading.began_at = inf
    try:
        yield
    finally:
        reading.began_at = monotonic()
