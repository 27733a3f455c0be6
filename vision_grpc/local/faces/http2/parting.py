"""How a connection ends."""

import asyncio
import contextlib
import socket
import struct

from vision_grpc.local.faces.http2.limits import Limits


class Parting:
    """The end of a connection: what was written arrives, and the peer does not keep the socket open for long.

    A socket that is closed while bytes are coming in answers them with a reset, which may overtake what was written.
    So only the sending side is closed at first. A slow peer gets all, as long as it goes on reading.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._transport = transport
        self._loop = loop
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._moved_at = 0.0
        self.begun = False

    def begin(self, last: bytes = b"") -> None:
        """Write the last bytes and end the connection."""
        if self.begun:
            return
        self.begun = True
        if not self._transport.is_closing():
            self._transport.write(last)
        self._mark(self._transport.get_write_buffer_size())
        self._timer = self._loop.call_later(self._limits.farewell_s, self._look)
        if self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            # The connection may have been lost in this very moment.
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        else:
            self._transport.close()

    def abort(self, *, reset: bool = False) -> None:
        """End the connection at once, with `reset` by a TCP reset."""
        self.begun = True
        if reset and (connected := self._transport.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def done(self) -> None:
        """Take note that the connection is closed."""
        self.begun = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._mark(unsent)
        # The system takes more only when the peer has read a good part of what it took before.
        if unsent and self._loop.time() - self._moved_at <= self._limits.stall_s:
            self._timer = self._loop.call_later(self._limits.farewell_s, self._look)
        else:
            self._transport.abort()

    def _mark(self, unsent: int) -> None:
        self._unsent, self._moved_at = unsent, self._loop.time()
