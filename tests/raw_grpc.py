"""A client of gRPC on the `h2` library, which sends what it is told and not what gRPC allows."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from hyperframe.frame import Frame, GoAwayFrame

BATCH_ANALYZE = "/yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"


@dataclass
class Answer:
    """What came for one request."""

    head: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.trailers["grpc-status"])

    @property
    def message(self) -> str:
        return self.trailers["grpc-message"]


class _Client(H2Connection):
    """The library takes a connection for closed after GOAWAY; answers to earlier requests come all the same."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class RawClient:
    """One connection; streams are told apart by their numbers."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.h2 = _Client(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.ended: set[int] = set()
        self.pinged = False
        self.goodbye: ConnectionTerminated | None = None
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def open(
        self,
        path: str = BATCH_ANALYZE,
        more: Sequence[tuple[str, str]] = (),
        *,
        method: str = "POST",
        content_type: str | None = "application/grpc",
        ends: bool = False,
    ) -> int:
        """Send the head of a request, and return the number of its stream."""
        number = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x"), ("te", "trailers")]
        if content_type is not None:
            head.append(("content-type", content_type))
        self.h2.send_headers(number, [*head, *more], end_stream=ends)
        self.answers[number] = Answer()
        self.flush()
        return number

    def send(self, number: int, data: bytes, *, ends: bool = True) -> None:
        """Send data as the windows allow."""
        view = memoryview(data)
        while view:
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if number in self.ended:
                return
            if room == 0:
                self.receive()
                continue
            self.h2.send_data(number, bytes(view[:room]))
            view = view[room:]
            self.flush()
        if ends and number not in self.ended:
            self.h2.end_stream(number)
            self.flush()

    def receive(self) -> bool:
        """Take what comes; return whether the connection is still open."""
        wire = self.socket.recv(65536)
        if not wire:
            return False
        for event in self.h2.receive_data(wire):
            self._take(event)
        self.flush()
        return True

    def sync(self) -> None:
        """Wait until the service has seen all that was sent."""
        self.pinged = False
        self.h2.ping(b"and now?")
        self.flush()
        while not self.pinged:
            assert self.receive(), "the connection was closed"

    def wait(self, number: int) -> Answer:
        """Return the whole answer."""
        while number not in self.ended:
            assert self.receive(), "the connection was closed"
        return self.answers[number]

    def call(self, data: bytes, path: str = BATCH_ANALYZE, more: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send a request whose body is `data`, and return the answer."""
        number = self.open(path, more)
        self.send(number, data)
        return self.wait(number)

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self.goodbye = event
            return
        if isinstance(event, PingAckReceived):
            self.pinged = True
        number = getattr(event, "stream_id", None)
        answer = self.answers.get(number or 0)
        if answer is None or number is None:
            return
        if isinstance(event, ResponseReceived):
            answer.head = {str(name): str(value) for name, value in event.headers}
        elif isinstance(event, DataReceived):
            answer.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, TrailersReceived):
            answer.trailers = {str(name): str(value) for name, value in event.headers}
        elif isinstance(event, StreamReset):
            answer.reset = event.error_code
            self.ended.add(number)
        elif isinstance(event, StreamEnded):
            self.ended.add(number)


def framed(message: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """Return a message with a flag and a length before it, which need not be true."""
    return struct.pack(">BI", flag, len(message) if length is None else length) + message


@contextmanager
def raw_client(endpoint: str) -> Iterator[RawClient]:
    """Give a client of a service at `host:port`."""
    host, _, port = endpoint.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connected:
        yield RawClient(connected)
