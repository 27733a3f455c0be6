"""A pool of gRPC channels: as many as the calls under way need, without those that are dead."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from vision_grpc.errors import MachineError, PathError
from vision_grpc.transport.grpc.forks import keep_for_ever
from vision_grpc.transport.grpc.liveness import DIAL_S, Liveness, Sign

_ChannelT = TypeVar("_ChannelT")
_MethodT = TypeVar("_MethodT")

STREAMS_PER_CHANNEL = 64
"""Measured: 96 calls on one connection broke against a server that takes 100 streams."""

# One may be bad luck: a balancer has sent it to a server that hangs.
_SILENT_CHANNELS = 2
_SILENT_S = 2 * DIAL_S


class PooledChannel(Generic[_ChannelT, _MethodT]):
    """A channel, the method on it, and how many of its calls are under way there."""

    __slots__ = ("calls", "channel", "is_retired", "liveness", "method")

    def __init__(self, channel: _ChannelT, method: _MethodT) -> None:
        self.channel: _ChannelT = channel
        self.method: _MethodT = method
        self.calls: int = 0
        self.liveness: Liveness = Liveness()
        self.is_retired: bool = False
        """Whether it gets no more calls: its connection is taken for dead."""


class ChannelPool(Generic[_ChannelT, _MethodT]):
    """Channels with places for calls; one more is opened when all are full. Safe to share between threads."""

    def __init__(
        self,
        open_channel: Callable[[], tuple[_ChannelT, _MethodT]],
        is_connected: Callable[[_ChannelT], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_channel
        self._is_connected = is_connected
        self._clock = clock
        # Garbage collection, which may end calls, and signal handlers may come back here in the same thread.
        self._lock = threading.RLock()
        self._pooled: list[PooledChannel[_ChannelT, _MethodT]] = []
        self._closed = False
        self._silent_channels = 0
        self._silent_since = 0.0
        with suppress(PathError, MachineError):  # The first call fails with it, if nothing has changed by then.
            self._add()

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all has come for long, and on new channels neither."""
        with self._lock:
            return self._silent_channels >= _SILENT_CHANNELS and self._clock() - self._silent_since >= _SILENT_S

    def take(self) -> PooledChannel[_ChannelT, _MethodT] | None:
        """Return the channel for the next call; it has a place there until `leave` or `end`. After `close`: None.

        Raises:
            PathError, MachineError: no channel can be opened.
        """
        with self._lock:
            pooled = next((each for each in self._pooled if _has_place(each)), None)
            if pooled is None and not self._closed:
                pooled = self._add()
            # A signal handler that closes as one is opened misses it: without a call, it never connects.
            if pooled is None or self._closed:
                return None
            pooled.calls += 1
            return pooled

    def started(self, pooled: PooledChannel[_ChannelT, _MethodT]) -> None:
        """Take note that a call was started at its place, so that an answer is due."""
        with self._lock:
            pooled.liveness.started(self._clock())

    def leave(self, pooled: PooledChannel[_ChannelT, _MethodT]) -> None:
        """Free the place of a call that was not started."""
        with self._lock:
            pooled.calls -= 1

    def abandon(self, pooled: PooledChannel[_ChannelT, _MethodT]) -> None:
        """Free the place of a call whose start broke its channel, which is neither used again nor closed."""
        with self._lock:
            pooled.calls -= 1
            pooled.is_retired = True
            if pooled in self._pooled:
                self._pooled.remove(pooled)
        keep_for_ever(pooled)

    def end(self, pooled: PooledChannel[_ChannelT, _MethodT], sign: Sign, allowed_s: float) -> _ChannelT | None:
        """Free the place of a call that is over and had so much time; return the channel if it is to be closed.

        A channel whose connection is taken for dead gets no more calls. Those under way there may still end well.
        """
        with self._lock:
            pooled.calls -= 1
            if sign in {Sign.HEARD, Sign.BEGUN, Sign.SLOW}:
                self._silent_channels = 0
            now = self._clock()
            silence_s = pooled.liveness.ended(sign, allowed_s, now, pooled.calls)
            if silence_s and not pooled.is_retired and silence_s >= self._patience_s(pooled, sign, allowed_s):
                pooled.is_retired = True
                if sign is Sign.LATE and not pooled.liveness.is_heard:
                    self._note_silence(now - silence_s)
            if self._closed or pooled.calls or not pooled.is_retired:
                return None
            if pooled not in self._pooled:  # It was abandoned.
                return None
            self._pooled.remove(pooled)
            return pooled.channel

    def close(self) -> Sequence[_ChannelT]:
        """Open no more channels; return those that are to be closed."""
        with self._lock:
            self._closed = True
            return [pooled.channel for pooled in self._pooled]

    def _patience_s(self, pooled: PooledChannel[_ChannelT, _MethodT], sign: Sign, allowed_s: float) -> float:
        is_connected = pooled.liveness.is_heard or self._is_connected(pooled.channel)
        return pooled.liveness.patience_s(sign, allowed_s, is_connected=is_connected, in_vain=self._silent_channels)

    def _note_silence(self, since: float) -> None:
        if not self._silent_channels:
            self._silent_since = since
        self._silent_channels += 1

    def _add(self) -> PooledChannel[_ChannelT, _MethodT]:
        pooled = PooledChannel(*self._open())
        self._pooled.append(pooled)
        return pooled


def _has_place(pooled: PooledChannel[_ChannelT, _MethodT]) -> bool:
    return pooled.calls < STREAMS_PER_CHANNEL and not pooled.is_retired
