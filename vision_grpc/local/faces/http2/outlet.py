"""What goes to the peer: frames in their order, and DATA as far as the windows allow it."""

import asyncio
from collections import deque
from typing import Protocol

from hyperframe.frame import Frame, SettingsFrame

from vision_grpc.local.faces.http2.allowance import Allowance
from vision_grpc.local.faces.http2.errors import ConnectionBrokenError, ErrorCode
from vision_grpc.local.faces.http2.frames import data_head

MOST_WINDOW = (1 << 31) - 1
"""The largest window that HTTP/2 has."""

DEFAULT_WINDOW = 65_535
"""The window of a connection, and of a stream, unless the peer says otherwise."""

_BATCH_BYTES = 64 * 1024
_SMALLEST_FRAME, _LARGEST_FRAME = 1 << 14, (1 << 24) - 1
# A frame of one stream keeps those of the others waiting.
_LONGEST_TURN = 64 * 1024


class Sender(Protocol):
    """A stream with data to send."""

    stream_id: int

    def next_piece(self, most: int) -> memoryview:
        """Return at most `most` bytes, as many as the window of the stream allows."""
        ...

    def may_go_on(self) -> bool:
        """Return whether there is more to send that its window allows."""
        ...


class Outlet:
    """The outgoing side of a connection.

    What is written in one turn of the event loop leaves in one piece. While the transport is full, DATA waits in its
    streams; a peer that does not read and still asks for other frames is cut off at `unread_bytes`.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, allowance: Allowance, unread_bytes: int
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._allowance = allowance
        self._unread_bytes = unread_bytes
        self._frames: list[bytes | memoryview] = []
        self._frames_bytes = 0
        self._flush_due = False
        self._full = False
        self._closed = False
        self._senders: deque[Sender] = deque()
        self._window = DEFAULT_WINDOW
        self.first_window = DEFAULT_WINDOW
        """The window that a new stream has."""
        self.frame_bytes = _SMALLEST_FRAME
        """The longest payload that the peer accepts."""

    def write(self, frame: Frame | bytes | memoryview) -> None:
        """Queue a frame that no window limits."""
        if self._closed:
            return
        wire = frame.serialize() if isinstance(frame, Frame) else frame
        self._frames.append(wire)
        self._frames_bytes += len(wire)
        if self._frames_bytes >= _BATCH_BYTES:
            self.flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_at_last)

    def flush(self) -> None:
        """Hand over what is queued."""
        if not self._frames:
            return
        frames, self._frames, self._frames_bytes = self._frames, [], 0
        self._transport.write(b"".join(frames))
        if self._full and self._transport.get_write_buffer_size() > self._unread_bytes:
            self.close()
            self._transport.abort()

    def close(self) -> None:
        """Drop what is queued and what comes later."""
        self._closed = True
        self._frames.clear()
        self._senders.clear()

    def offer(self, sender: Sender) -> None:
        """Send the data of a stream, in turn with others."""
        if not self._closed and sender.may_go_on() and sender not in self._senders:
            self._senders.append(sender)
            self._pump()

    def withdraw(self, sender: Sender) -> None:
        """Send no more data of a stream."""
        while sender in self._senders:
            self._senders.remove(sender)

    def hold(self) -> None:
        """Send no DATA: the transport is full."""
        self._full = True

    def release(self) -> None:
        """Send DATA again."""
        self._full = False
        # Not at once: a transport that calls this, and then fails to write, would lose its connection twice.
        self._loop.call_soon(self._pump)

    def enlarge(self, increment: int) -> None:
        """Enlarge the window of the connection.

        Raises:
            ConnectionBrokenError: it becomes larger than HTTP/2 allows.
        """
        self._window = enlarged(self._window, increment)
        self._pump()

    def apply(self, settings: dict[int, int]) -> int:
        """Take the peer's settings, and return by how much the windows of its streams grow.

        Raises:
            ConnectionBrokenError: a value is not allowed.
        """
        if settings.get(SettingsFrame.ENABLE_PUSH, 0) not in (0, 1):
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is neither 0 nor 1")
        frame_bytes = settings.get(SettingsFrame.MAX_FRAME_SIZE, self.frame_bytes)
        if not _SMALLEST_FRAME <= frame_bytes <= _LARGEST_FRAME:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, f"MAX_FRAME_SIZE is {frame_bytes}")
        first_window = settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self.first_window)
        if first_window > MOST_WINDOW:
            raise ConnectionBrokenError(ErrorCode.FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is {first_window}")
        growth = first_window - self.first_window
        self.frame_bytes, self.first_window = frame_bytes, first_window
        return growth

    def _pump(self) -> None:
        while self._senders and self._window > 0 and not (self._full or self._transport.is_closing()):
            sender = self._senders.popleft()
            if not sender.may_go_on():
                # Its window was made smaller while it waited. It is offered again when the window grows.
                continue
            piece = sender.next_piece(min(self._window, self.frame_bytes, _LONGEST_TURN))
            self._window -= len(piece)
            self._allowance.sent(len(piece))
            self.write(data_head(sender.stream_id, len(piece)))
            self.write(piece)
            if sender.may_go_on():
                self._senders.append(sender)

    def _flush_at_last(self) -> None:
        self._flush_due = False
        self.flush()


def enlarged(window: int, increment: int) -> int:
    """Return a window that is larger by `increment`, which may be negative.

    Raises:
        ConnectionBrokenError: it becomes larger than HTTP/2 allows.
    """
    if window + increment > MOST_WINDOW:
        raise ConnectionBrokenError(ErrorCode.FLOW_CONTROL_ERROR, "a window larger than 2^31 - 1")
    return window + increment
