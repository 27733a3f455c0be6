"""Blocking work that a stream waits for while other threads do it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_T = TypeVar("_T")


class Errand(NamedTuple, Generic[_T]):
    """Work that is under way, and what to make of it."""

    futures: Sequence["Future[Any]"]
    within_s: float
    """How long the stream waits at most."""
    end: Callable[[], _T]
    """Returns what came of it, perhaps before all of the futures are done."""


def await_errand(errand: Errand[_T]) -> _T:
    """Return what comes of an errand; an interrupt ends the wait at once."""
    # Not `concurrent.futures.wait`: an interrupt in the middle of it may leave locks taken that the threads need.
    done: SimpleQueue[object] = SimpleQueue()
    for future in errand.futures:
        future.add_done_callback(done.put)
    until = monotonic() + errand.within_s
    with suppress(Empty):
        for _ in errand.futures:
            done.get(timeout=max(0.0, until - monotonic()))
    return errand.end()


async def await_errand_async(errand: Errand[_T]) -> _T:
    """Return what comes of an errand, and let the event loop run meanwhile."""
    if errand.futures:
        waits = [asyncio.wrap_future(future) for future in errand.futures]
        try:
            await asyncio.wait(waits, timeout=errand.within_s)
        finally:
            for each in waits:
                each.cancel()  # Else its future would look for a loop that may be closed.
    return errand.end()
