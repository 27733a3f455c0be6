"""The other end of a connection of HTTP/2, in memory: a transport, and a client by a foreign library or by hand."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event
from hpack.hpack import Encoder
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from vision_grpc.local.faces.http2.connection import Connection
from vision_grpc.local.faces.http2.frames import PREFACE
from vision_grpc.local.faces.http2.limits import Limits
from vision_grpc.local.faces.http2.stream import Stream

REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/a"), (":authority", "x")]
HELLO = PREFACE + SettingsFrame().serialize()


class MemoryTransport(asyncio.Transport):
    """A transport whose bytes are kept; with `reads` False the peer takes none, so that they stay in the buffer."""

    def __init__(self, protocol: asyncio.BufferedProtocol) -> None:
        super().__init__({"peername": ("memory", 0)})
        self.protocol = protocol
        self.written = bytearray()
        self.reads = True
        self.unread = 0
        self.is_paused = False
        self.state = "open"

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        if not self.reads:
            self.unread += len(data)
            if self.unread > 65536:
                self.protocol.pause_writing()

    def read_all(self) -> None:
        self.reads, self.unread = True, 0
        self.protocol.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self.unread

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.state = "ended"

    def is_closing(self) -> bool:
        return self.state != "open"

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        if self.state != "aborted":
            self.state = "aborted"
            self.protocol.connection_lost(None)

    def pause_reading(self) -> None:
        self.is_paused = True


class Server:
    """A connection on a memory transport, and the requests that came."""

    def __init__(
        self,
        serve: Callable[[Stream], Coroutine[None, None, None]],
        *,
        limits: Limits | None = None,
        buffer: int = 65536,
    ) -> None:
        self.streams: list[Stream] = []

        async def note(stream: Stream) -> None:
            self.streams.append(stream)
            await serve(stream)

        self.connection = Connection(note, buffer=bytearray(buffer), limits=limits)
        self.transport = MemoryTransport(self.connection)
        self.connection.connection_made(self.transport)

    def feed(self, wire: bytes) -> None:
        """Let bytes come from the network."""
        while wire:
            buffer = self.connection.get_buffer(-1)
            piece, wire = wire[: len(buffer)], wire[len(buffer) :]
            buffer[: len(piece)] = piece
            self.connection.buffer_updated(len(piece))

    def frames(self) -> list[Frame]:
        """Return the frames that the connection has written since the last time."""
        self.connection.outlet.flush()
        view, frames = memoryview(bytes(self.transport.written)), []
        self.transport.written.clear()
        while view:
            frame, length = Frame.parse_frame_header(view[:9])
            frame.parse_body(view[9 : 9 + length])
            frames.append(frame)
            view = view[9 + length :]
        return frames

    def goodbye(self) -> GoAwayFrame | None:
        """Return the GOAWAY of the connection, None if there is none."""
        return next((frame for frame in self.frames() if isinstance(frame, GoAwayFrame)), None)

    def resets(self) -> list[tuple[int, int]]:
        """Return the streams that were reset since the last time, and the codes."""
        return [(frame.stream_id, frame.error_code) for frame in self.frames() if isinstance(frame, RstStreamFrame)]


class H2Client:
    """The `h2` library as a client of a server in memory."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()

    def exchange(self) -> list[Event]:
        """Let all bytes pass both ways, and return what came."""
        events: list[Event] = []
        while True:
            self._server.feed(self.h2.data_to_send())
            self._server.connection.outlet.flush()
            wire = bytes(self._server.transport.written)
            self._server.transport.written.clear()
            if not wire:
                return events
            events += self.h2.receive_data(wire)

    async def until(self, kind: type[Event]) -> list[Event]:
        """Let bytes pass until such an event comes."""
        events = self.exchange()
        while not any(isinstance(event, kind) for event in events):
            await asyncio.sleep(0)
            events += self.exchange()
        return events


def headers(
    stream_id: int, fields: Iterable[tuple[str, str]] = REQUEST, *, flags: Iterable[str] = ("END_STREAM", "END_HEADERS")
) -> bytes:
    """Return a HEADERS frame made by hand; the encoder keeps nothing in the table of the peer."""
    block = Encoder().encode([(name, value, True) for name, value in fields])
    return HeadersFrame(stream_id, block, flags=list(flags)).serialize()


async def settle() -> None:
    """Let the tasks go on that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def echo(stream: Stream) -> None:
    """Answer with the body of the request."""
    body = bytearray()
    while not await stream.at_end():
        body += await stream.read(1)
    stream.send_fields([(":status", "200")])
    await stream.send(bytes(body))
    stream.send_fields([("x-end", "1")], ends=True)


async def never(stream: Stream) -> None:
    """Do not answer."""
    del stream
    await asyncio.get_running_loop().create_future()


async def ok(stream: Stream) -> None:
    """Answer at once."""
    stream.send_fields([(":status", "200")], ends=True)
