"""One request and its response."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Protocol

from hyperframe.frame import DataFrame, WindowUpdateFrame

from vision_grpc.local.faces.http2.errors import (
    BodyEndedError,
    BodyStalledError,
    ErrorCode,
    StreamBrokenError,
)
from vision_grpc.local.faces.http2.fields import FieldEncoder, Request, content_length
from vision_grpc.local.faces.http2.frames import header_frames
from vision_grpc.local.faces.http2.limits import Limits
from vision_grpc.local.faces.http2.outlet import Outlet, enlarged


class StreamOwner(Protocol):
    """The connection of a stream."""

    outlet: Outlet
    encoder: FieldEncoder
    limits: Limits

    @property
    def peer(self) -> str:
        """The address of the client, `host:port`."""
        ...

    def go_away(self) -> None:
        """Take no more requests; the connection ends after the last response."""

    def close(self) -> None:
        """End the connection after what was written."""

    def abort(self, *, reset: bool = False) -> None:
        """Break the connection off; with `reset` by a TCP reset."""

    def freeze(self) -> None:
        """Neither read nor write any more, and leave the connection open."""

    def reset_stream(self, stream: "Stream", code: ErrorCode) -> None:
        """End the stream with RST_STREAM."""

    def finish_stream(self, stream: "Stream") -> None:
        """Take note that the response is complete."""


class Stream:
    """A request as it comes, and the response to it; all methods are called on the event loop.

    Only the first window of a body comes in by itself. The rest is let in when it is read.
    """

    def __init__(self, owner: StreamOwner, stream_id: int, request: Request, *, peer_ended: bool) -> None:
        self.connection = owner
        self._loop = asyncio.get_running_loop()
        self.stream_id = stream_id
        self.request = request
        self.peer_ended = peer_ended
        """Whether the request is complete."""
        self.ended = False
        """Whether the response is complete, or will never be."""
        self.on_left: Callable[[], object] = _nothing
        """Called when the client gives the request up, or its connection breaks, before the response is complete."""
        self._task: asyncio.Task[None] | None = None
        self._stated_bytes = content_length(request.fields)
        self._body = bytearray()
        self._body_bytes = 0
        self._let_in = owner.limits.first_window
        self._wanted = 0
        self._came: asyncio.Future[None] | None = None
        self._stalled = False
        self.window = owner.outlet.first_window
        """How much of the response the client takes now; below 0 if it has made its windows smaller."""
        self._unsent = memoryview(b"")
        self._sent: asyncio.Future[None] | None = None
        self._moved = self._moved_before = 0
        self._moved_at = self._loop.time()
        if peer_ended:
            self._check_length()

    def serve(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start the work that answers the request; it is cancelled when the client leaves."""
        self._task = self._loop.create_task(work)
        return self._task

    # The request.

    async def read(self, count: int) -> bytes | bytearray:
        """Return the next `count` bytes of the body; the client may send so many from now on.

        Raises:
            BodyError: the body ended before, or came to a standstill.
        """
        await self._come(count)
        if len(self._body) < count:
            raise BodyEndedError(len(self._body))
        if len(self._body) == count:
            piece, self._body = self._body, bytearray()
            return piece
        start = bytes(memoryview(self._body)[:count])
        del self._body[:count]
        return start

    async def at_end(self) -> bool:
        """Return whether the body has ended; wait for its end or for more of it.

        Raises:
            BodyError: the body came to a standstill.
        """
        await self._come(1)
        return not self._body

    @property
    def has_more(self) -> bool:
        """Whether some of the body has come and was not read."""
        return len(self._body) > 0

    def data_begins(self, length: int) -> None:
        """A DATA frame of the stream begins.

        Raises:
            StreamBrokenError: the body has ended, or the frame is longer than the window.
        """
        if self.peer_ended:
            raise StreamBrokenError(ErrorCode.STREAM_CLOSED, "DATA after the end of the body")
        self._let_in -= length
        if self._let_in < 0:
            raise StreamBrokenError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window allows")

    def data_comes(self, part: memoryview) -> None:
        """Some data comes."""
        self._body += part
        self._body_bytes += len(part)
        self._moved += len(part)
        if self._came is not None and len(self._body) >= self._wanted:
            _wake(self._came)

    def padding_comes(self, length: int) -> None:
        """Some of the window was used up by padding: the client may send as much again (RFC 9113 section 6.9.1)."""
        self._let_in += length
        self.connection.outlet.write(WindowUpdateFrame(self.stream_id, length))

    def peer_ends(self) -> None:
        """The request is complete.

        Raises:
            StreamBrokenError: it was complete before, or its body has another length than it states.
        """
        if self.peer_ended:
            raise StreamBrokenError(ErrorCode.STREAM_CLOSED, "the request has ended twice")
        self.peer_ended = True
        self._check_length()
        if self._came is not None:
            _wake(self._came)

    # The response.

    def send_fields(self, fields: Iterable[tuple[str, str]], *, ends: bool = False) -> None:
        """Send the head of the response, or with `ends` its trailers or all of it."""
        if self.ended:
            return
        block = self.connection.encoder.encode(fields)
        self.connection.outlet.write(
            header_frames(self.stream_id, block, self.connection.outlet.frame_bytes, ends=ends)
        )
        if ends:
            self.ended = True
            self.connection.finish_stream(self)

    async def send(self, data: bytes) -> None:
        """Send some of the body of the response; returns when the windows of the client have let it through."""
        if self.ended:
            return
        self._unsent = memoryview(data)
        self.connection.outlet.offer(self)
        if self._unsent:
            self._sent = self._loop.create_future()
            self._mark(self._loop.time())
            try:
                await self._sent
            finally:
                self._sent = None

    def end(self) -> None:
        """End the response without trailers."""
        if not self.ended:
            self.ended = True
            self.connection.outlet.write(DataFrame(self.stream_id, flags=["END_STREAM"]))
            self.connection.finish_stream(self)

    def reset(self, code: ErrorCode) -> None:
        """End the stream at once, without a response or in the middle of it."""
        if not self.ended:
            self.ended = True
            self.connection.reset_stream(self, code)

    def enlarge(self, increment: int) -> None:
        """The client takes more of the response; less if the number is negative.

        Raises:
            ConnectionBrokenError: its window becomes larger than HTTP/2 allows.
        """
        was_open = self.window > 0
        self.window = enlarged(self.window, increment)
        if not was_open:
            self.connection.outlet.offer(self)

    def next_piece(self, most: int) -> memoryview:
        """Return what to send next, at most `most` bytes."""
        size = min(most, self.window)
        piece, self._unsent = self._unsent[:size], self._unsent[size:]
        self.window -= len(piece)
        self._moved += len(piece)
        if not self._unsent and self._sent is not None:
            _wake(self._sent)
        return piece

    def may_go_on(self) -> bool:
        """Return whether there is something to send that the window allows."""
        return self.window > 0 and len(self._unsent) > 0

    # The end.

    def leave(self) -> None:
        """The client has gone: nobody waits for the response any more."""
        self.ended = True
        self._unsent = memoryview(b"")
        self.on_left()
        if self._task is not None:
            self._task.cancel()

    def look(self, now: float) -> None:
        """End what has waited for the client for too long."""
        limits = self.connection.limits
        if self._came is None and self._sent is None:
            return
        if self._moved >= self._moved_before + limits.stall_bytes:
            self._mark(now)
        elif now - self._moved_at > limits.stall_s:
            if self._came is not None:
                self._stalled = True
                _wake(self._came)
            else:
                self.reset(ErrorCode.CANCEL)
                self.leave()

    async def _come(self, count: int) -> None:
        """Wait until so much of the body is there, or its end."""
        if len(self._body) >= count or self.peer_ended:
            return
        first = self.connection.limits.first_window
        missing = max(count, first) - len(self._body) - self._let_in
        # Not for each few bytes that were read.
        if self._let_in + len(self._body) < count or missing > first // 2:
            self._let_in += missing
            self.connection.outlet.write(WindowUpdateFrame(self.stream_id, missing))
        self._wanted = count
        self._came = self._loop.create_future()
        self._mark(self._loop.time())
        try:
            await self._came
        finally:
            self._came = None
        if self._stalled:
            raise BodyStalledError

    def _mark(self, now: float) -> None:
        self._moved_before, self._moved_at = self._moved, now

    def _check_length(self) -> None:
        if self._stated_bytes is not None and self._stated_bytes != self._body_bytes:
            raise StreamBrokenError(ErrorCode.PROTOCOL_ERROR, "the body has another length than content-length states")


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _nothing() -> None:
    pass
