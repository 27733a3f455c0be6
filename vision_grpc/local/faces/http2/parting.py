"""How a connection ends."""

import asyncio
import contextlib
import socket
import struct


class Parting:
    """The end of a connection: what was written arrives, and the peer does not keep the socket open for long.

    A socket that is closed while bytes are coming in answers them with a reset, which may overtake what was written.
    So only the sending side is closed at first.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, farewell_s: float) -> None:
        self._transport = transport
        self._loop = loop
        self._farewell_s = farewell_s
        self._timer: asyncio.TimerHandle | None = None
        self.begun = False

    def begin(self, last: bytes = b"") -> None:
        """Write the last bytes and end the connection."""
        if self.begun:
            return
        self.begun = True
        self._timer = self._loop.call_later(self._farewell_s, self._transport.abort)
        if self._transport.is_closing():
            return
        self._transport.write(last)
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
