"""The log as it changes, as server-sent events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from vision_grpc.local.page.history import History
from vision_grpc.local.page.state import State

# A browser gets news at most this often, however many calls come.
_PAUSE_S = 0.15
# Faults and the quota change without a call, too.
_LOOK_S = 1.0
_PING_S = 15.0


class Listener:
    """What one browser has not been told yet: the numbers of calls, each once, however slowly it reads."""

    def __init__(self, most_calls: int) -> None:
        self._woken = asyncio.Event()
        self._most = most_calls
        self._changed: set[int] = set()
        self.is_cleared = False
        self.is_closed = False

    def changed(self, number: int) -> None:
        """Take note of a call."""
        self._changed.add(number)
        if len(self._changed) > self._most:
            # The whole log is not longer.
            self.is_cleared = True
            self._changed.clear()
        self._woken.set()

    def cleared(self) -> None:
        """Take note that calls were removed."""
        self.is_cleared = True
        self._woken.set()

    def closed(self) -> None:
        """Take note that the service stops."""
        self.is_closed = True
        self._woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when there is news, or after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    def take(self) -> set[int]:
        """Return the numbers of the calls that are new or have ended since the last time."""
        taken, self._changed = self._changed, set()
        return taken


async def stream(history: History, state: State) -> AsyncIterator[bytes]:
    """Yield the whole log, then what changes, until the service stops or the browser has gone.

    The events: `log` has the state and all calls and replaces what was known before, `calls` has calls that are new
    or have ended, `state` has the state alone.
    """
    listener = Listener(history.most_calls)
    history.watch(listener)
    try:
        known: Mapping[str, Any] = {}
        listener.is_cleared = True
        said_at = time.monotonic()
        while not listener.is_closed:
            chunks: list[bytes] = []
            current = state()
            if listener.is_cleared:
                listener.is_cleared = False
                listener.take()
                chunks.append(_event("log", {**current, "calls": [record.row for record in history.chosen()]}))
            else:
                if current != known:
                    chunks.append(_event("state", current))
                if numbers := listener.take():
                    rows = [record.row for record in history.changed(numbers)]
                    chunks.append(_event("calls", {"calls": rows}))
            known = current
            if not chunks and time.monotonic() - said_at > _PING_S:
                chunks.append(b": still here\n\n")
            if chunks:
                yield b"".join(chunks)
                said_at = time.monotonic()
                await asyncio.sleep(_PAUSE_S)
            await listener.wait(_LOOK_S)
    finally:
        history.unwatch(listener)


def _event(name: str, value: Mapping[str, Any]) -> bytes:
    # JSON has no line breaks, so that one line of data holds it.
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode(
        errors="replace"
    )
