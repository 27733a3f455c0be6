"""gRPC channels for threads."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import grpc

from vision_grpc.errors import MachineError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.threads import MORE_THREADS, DaemonThreads, no_thread, start_thread
from vision_grpc.transport.grpc.call import CallUnderWay
from vision_grpc.transport.grpc.exchange import Metadata
from vision_grpc.transport.grpc.forks import FORKS
from vision_grpc.transport.grpc.options import credentials_of, route_of

# To close takes milliseconds, or for ever.
_CLOSED_WITHIN_S = 2.0


class ThreadlessChannelError(MachineError):
    """gRPC could start no thread for the channel, and takes it for started: it would wait for it at each later call."""


class ThreadChannels:
    """How channels for threads are opened, used and closed; see `ChannelKind`."""

    def __init__(self) -> None:
        self._is_threadless = False

    def open(self, endpoint: Endpoint, tls: Tls, path: str) -> tuple[grpc.Channel, Any]:
        """Return a channel, and the method on it; see `ChannelKind`."""
        channel = open_channel(endpoint, tls)
        return channel, self._method(channel, path)

    def start(self, method: Any, wire: bytes, timeout_s: float, metadata: Metadata) -> CallUnderWay:  # noqa: ANN401
        """Send a request; see `ChannelKind`."""
        if self._is_threadless:
            start_thread(_do_nothing, "vision-grpc-probe")  # Else each attempt would break one more channel.
            self._is_threadless = False
        try:
            return self._call(method, wire, timeout_s, metadata)
        except RuntimeError as error:
            self._is_threadless = True
            raise ThreadlessChannelError(no_thread(error).problem, advice=[MORE_THREADS]) from error

    def _method(self, channel: Any, path: str) -> Any:  # noqa: ANN401 - of unary calls or of streams
        return channel.unary_unary(path)

    def _call(self, method: Any, wire: bytes, timeout_s: float, metadata: Metadata) -> CallUnderWay:  # noqa: ANN401
        call: CallUnderWay = method.future(wire, timeout=timeout_s, metadata=metadata)
        return call

    def close(self, channels: Sequence[grpc.Channel]) -> None:
        """Close channels; see `ChannelKind`."""
        close_channels(channels)

    async def aclose(self, channels: Sequence[grpc.Channel]) -> None:
        """Close channels, without blocking the event loop."""
        try:
            closing = DaemonThreads("vision-grpc-close")
        except MachineError:
            _close_all(channels)
            return
        closed = closing.submit(partial(_close_all, channels))
        closing.end()
        arrival = asyncio.wrap_future(closed)
        try:
            await asyncio.wait([arrival], timeout=_CLOSED_WITHIN_S)
        finally:
            arrival.cancel()  # Else the event loop would be told later, when it may be closed.

    def is_connected(self, channel: grpc.Channel) -> bool:
        """Whether a channel has a connection; see `ChannelKind`."""
        # In public there is only `subscribe`, which starts two threads to tell the state later.
        inner: Any = getattr(channel, "_channel", None)
        state = getattr(inner, "check_connectivity_state", None)
        try:
            # The argument says whether to connect; older releases take it without its name.
            return state is not None and state(False) == grpc.ChannelConnectivity.READY.value[0]  # noqa: FBT003
        except ValueError:  # It was closed meanwhile, in another thread.
            return False

    def drop(self, channel: grpc.Channel) -> None:
        """Close a channel that has no calls; see `ChannelKind`. This runs in the threads of gRPC too."""
        if sys.is_finalizing():
            return
        # Where no thread can be started, gRPC ends the connection when it has been idle for a while.
        with suppress(MachineError):
            start_thread(channel.close, "vision-grpc-close")


def _do_nothing() -> None:
    pass


def open_channel(endpoint: Endpoint, tls: Tls) -> grpc.Channel:
    """Return a channel for threads; it connects when it is first used.

    Raises:
        PathError: the environment names a proxy that cannot be used.
    """
    target, options = route_of(endpoint, tls)
    FORKS.used()
    if endpoint.plaintext:
        return grpc.insecure_channel(target, options=options)
    return grpc.secure_channel(target, credentials_of(tls), options=options)


def close_channels(channels: Sequence[grpc.Channel]) -> None:
    """Close channels for threads, in a thread that no signal interrupts; calls under way fail.

    gRPC waits in `close` until they have. An exception, KeyboardInterrupt above all, can leave a channel that waits for
    ever: one that came there, for the next attempt waits for the end of the first, and the channel's finalizer is one;
    or one that came as a call was started, for the channel's lock stays taken. Then the thread stays too, and by what
    it holds no finalizer is run.
    """
    if sys.is_finalizing():
        return  # No thread of gRPC runs any more that could end a call: the system closes the connections.
    try:
        start_thread(partial(_close_all, channels), "vision-grpc-close").join(_CLOSED_WITHIN_S)
    except MachineError:
        _close_all(channels)


def _close_all(channels: Sequence[grpc.Channel]) -> None:
    for channel in channels:
        channel.close()
