"""As many gRPC channels to a service as its calls need."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_ChannelT = TypeVar("_ChannelT")
_MethodT = TypeVar("_MethodT")

STREAMS_PER_CHANNEL = 64
"""Measured: 96 calls on one connection broke against a server that takes 100 streams."""


class Lane(Generic[_MethodT]):
    """The method on one channel, and how many of its calls are under way there."""

    __slots__ = ("calls", "method")

    def __init__(self, method: _MethodT) -> None:
        self.method = method
        self.calls = 0


class Channels(Generic[_ChannelT, _MethodT]):
    """Channels with a place for each call; one more is opened when all are full. Safe to share between threads."""

    def __init__(self, open_channel: Callable[[], tuple[_ChannelT, _MethodT]]) -> None:
        self._open = open_channel
        # Garbage collection, which may end calls, and signal handlers may come back here in the same thread.
        self._lock = threading.RLock()
        self._channels: list[_ChannelT] = []
        self._lanes: list[Lane[_MethodT]] = []
        self._closed = False
        self._add()

    def take(self) -> Lane[_MethodT]:
        """Return where the next call goes, its place taken until `leave`. After `close`, the call cannot start."""
        with self._lock:
            lane = next((lane for lane in self._lanes if lane.calls < STREAMS_PER_CHANNEL), None)
            if lane is None and not self._closed:
                lane = self._add()
            # A signal handler that closes as one is opened misses it: without a call, it never connects.
            if lane is None or self._closed:
                lane = self._lanes[0]
            lane.calls += 1
            return lane

    def leave(self, lane: Lane[_MethodT]) -> None:
        """Give the place of a call back that is over."""
        with self._lock:
            lane.calls -= 1

    def close(self) -> Sequence[_ChannelT]:
        """Return the channels, for whoever closes them: there will be no more."""
        with self._lock:
            self._closed = True
            return self._channels

    def _add(self) -> Lane[_MethodT]:
        channel, method = self._open()
        lane = Lane(method)
        self._channels.append(channel)
        self._lanes.append(lane)
        return lane
