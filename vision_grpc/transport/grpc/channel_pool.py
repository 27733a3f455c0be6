"""A pool of gRPC channels: as many as the calls under way need."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from vision_grpc.errors import PathError

_ChannelT = TypeVar("_ChannelT")
_MethodT = TypeVar("_MethodT")

STREAMS_PER_CHANNEL = 64
"""Measured: 96 calls on one connection broke against a server that takes 100 streams."""
_CLOSED = "the pool is closed"


class PooledChannel(Generic[_MethodT]):
    """The method on one channel, and how many of its calls are under way there."""

    __slots__ = ("calls", "method")

    def __init__(self, method: _MethodT) -> None:
        self.method = method
        self.calls = 0


class ChannelPool(Generic[_ChannelT, _MethodT]):
    """Channels with places for calls; one more is opened when all are full. Safe to share between threads."""

    def __init__(self, open_channel: Callable[[], tuple[_ChannelT, _MethodT]]) -> None:
        self._open = open_channel
        # Garbage collection, which may end calls, and signal handlers may come back here in the same thread.
        self._lock = threading.RLock()
        self._channels: list[_ChannelT] = []
        self._pooled: list[PooledChannel[_MethodT]] = []
        self._closed = False
        with suppress(PathError):  # The first call fails with it, if nothing has changed by then.
            self._add()

    def take(self) -> PooledChannel[_MethodT]:
        """Return the channel for the next call; it has a place there until `leave`.

        After `close`, the call cannot start.

        Raises:
            PathError: no channel can be opened.
            ValueError: the pool was closed before it had one.
        """
        with self._lock:
            pooled = next((pooled for pooled in self._pooled if pooled.calls < STREAMS_PER_CHANNEL), None)
            if pooled is None and not self._closed:
                pooled = self._add()
            # A signal handler that closes as one is opened misses it: without a call, it never connects.
            if pooled is None or self._closed:
                if not self._pooled:
                    raise ValueError(_CLOSED)
                pooled = self._pooled[0]
            pooled.calls += 1
            return pooled

    def leave(self, pooled: PooledChannel[_MethodT]) -> None:
        """Free the place of a call that is over."""
        with self._lock:
            pooled.calls -= 1

    def close(self) -> Sequence[_ChannelT]:
        """Open no more channels; return those that are to be closed."""
        with self._lock:
            self._closed = True
            return self._channels

    def _add(self) -> PooledChannel[_MethodT]:
        channel, method = self._open()
        pooled = PooledChannel(method)
        self._channels.append(channel)
        self._pooled.append(pooled)
        return pooled
