"""Calls of gRPC that are answered by a stream of messages, with the methods of calls that are answered by one.

A stream ends only once its messages are read, so each is read by a thread, or by a task of the event loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import grpc

from vision_grpc.codec.stream_wire import join_stream
from vision_grpc.errors import MachineError
from vision_grpc.threads import start_thread
from vision_grpc.transport.grpc.call import CallUnderWay
from vision_grpc.transport.grpc.exchange import Metadata
from vision_grpc.transport.grpc.hidden_call import with_methods
from vision_grpc.transport.grpc.loop_channel import LoopCall, LoopChannels
from vision_grpc.transport.grpc.thread_channel import ThreadChannels


class ThreadStreams(ThreadChannels):
    """The channels for threads, for methods that answer with a stream."""

    def _method(self, channel: Any, path: str) -> Any:  # noqa: ANN401
        return channel.unary_stream(path)

    def _call(self, method: Any, wire: bytes, timeout_s: float, metadata: Metadata) -> CallUnderWay:  # noqa: ANN401
        return ThreadStream(with_methods(method(wire, timeout=timeout_s, metadata=metadata)))


class LoopStreams(LoopChannels):
    """The channels for an event loop, for methods that answer with a stream."""

    def start(self, method: Any, wire: bytes, timeout_s: float, metadata: Metadata) -> LoopCall:  # noqa: ANN401
        """Send a request; see `ChannelKind`."""
        return LoopStream(method(wire, timeout=timeout_s, metadata=metadata))

    def _method(self, channel: Any, path: str) -> Any:  # noqa: ANN401
        return channel.unary_stream(path)


class ThreadStream:
    """A stream that a thread reads; see `StreamUnderWay`.

    Raises:
        MachineError: there is no thread for it.
    """

    def __init__(self, call: Any) -> None:  # noqa: ANN401 - gRPC keeps the class private
        self.messages: list[bytes] = []
        self._call = call
        # Reentrant: garbage collection may end calls in any thread.
        self._lock = threading.RLock()
        self._callbacks: list[Callable[[object], None]] = []
        self._is_done = False
        self.cancel: Callable[[], object] = call.cancel
        self.code: Callable[[], grpc.StatusCode] = call.code
        self.details: Callable[[], str | None] = call.details
        self.initial_metadata: Callable[[], Iterable[tuple[str, str | bytes]]] = call.initial_metadata
        self.trailing_metadata: Callable[[], Iterable[tuple[str, str | bytes]]] = call.trailing_metadata
        try:
            start_thread(self._read, "vision-grpc-stream")
        except MachineError:
            call.cancel()
            raise

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Let a function be called, in any thread, when the stream has ended and was read."""
        with self._lock:
            if not self._is_done:
                self._callbacks.append(callback)
                return
        callback(self)

    def result(self) -> bytes:
        """Return the messages of a stream that ended well, or raise gRPC's error."""
        self._call.result()
        return join_stream(self.messages)

    def _read(self) -> None:
        try:
            with suppress(grpc.RpcError):  # The call has it too.
                self.messages.extend(self._call)
        finally:
            with self._lock:
                self._is_done, callbacks = True, self._callbacks
            for callback in callbacks:
                callback(self)


class LoopStream(LoopCall):
    """A stream that a task reads; see `StreamUnderWay`."""

    def __init__(self, call: Any) -> None:  # noqa: ANN401
        super().__init__(call)
        self.messages: list[bytes] = []
        self._error: grpc.RpcError | None = None
        self._reading = asyncio.ensure_future(self._read())

    def add_done_callback(self, callback: Callable[[object], None]) -> None:
        """Let a function be called, on the loop, when the stream has ended and was read."""
        self._reading.add_done_callback(callback)

    def result(self) -> bytes:
        """Return the messages of a stream that ended well, or raise gRPC's error."""
        if self._call.cancelled():
            raise grpc.FutureCancelledError
        if self._error is not None:
            raise self._error
        return join_stream(self.messages)

    async def _read(self) -> None:
        try:
            async for message in self._call:
                self.messages.append(message)
        except grpc.RpcError as error:
            self._error = error
        except asyncio.CancelledError:  # The call was cancelled, or the loop ends.
            self._call.cancel()
