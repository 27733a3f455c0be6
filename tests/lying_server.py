"""A server on a real socket that answers a request slowly, half or never, or that is no Vision service at all.

The faults of the local service cannot say what is here: a proxy that answers CONNECT, a head that comes byte by byte or
breaks HTTP, a peer that does not read. Tests also wait here for the end of the client's connection.
"""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

# Often enough that no time-out between two bytes is ever met.
_BETWEEN_BYTES_S = 0.01
_PIECE_BYTES = 65_536

Lie = Callable[[socket.socket, threading.Event], None]
"""What is done to a connection; it may go on until the event."""


class LyingServer(NamedTuple):
    """A server that is running."""

    address: str
    """`host:port`."""
    taken: threading.Event
    """A connection has come, and the lie is being told."""
    left: threading.Event
    """The client has given a connection up."""


def drip(beginning: bytes, again: bytes) -> Lie:
    """Read the request; answer with some bytes at once, then with others one by one, for ever."""

    def lie(connection: socket.socket, stopped: threading.Event) -> None:
        read_request(connection)
        connection.sendall(beginning)
        while not stopped.wait(_BETWEEN_BYTES_S):
            for byte in again:
                connection.sendall(bytes([byte]))

    return lie


def stay_silent(connection: socket.socket, _: threading.Event) -> None:
    """Read the request, and nothing more."""
    read_request(connection)


def accept_alone(connection: socket.socket, _: threading.Event) -> None:
    """Read not even the request, until the client has hung up."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll()


def tunnel_to(url: str) -> Lie:
    """Do what a proxy does with CONNECT, whatever host it asks for."""
    port = int(url.rpartition(":")[2])

    def lie(connection: socket.socket, _: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as far:
            back = threading.Thread(target=_carry, args=(far, connection))
            back.start()
            _carry(connection, far)
            back.join()

    return lie


def note(asked: list[bytes], lie: Lie) -> Lie:
    """Note what the client says first, and then tell the lie."""

    def note_it(connection: socket.socket, stopped: threading.Event) -> None:
        asked.append(connection.recv(_PIECE_BYTES, socket.MSG_PEEK))
        lie(connection, stopped)

    return note_it


def read_request(connection: socket.socket) -> None:
    """Read a whole request; its body has a length, if there is one."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    _, told, length = head.lower().partition(b"content-length:")
    left = int(length.split()[0]) - len(body) if told else 0
    while left > 0:
        left -= len(_some(connection))


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _some(connection: socket.socket) -> bytes:
    if piece := connection.recv(_PIECE_BYTES):
        return piece
    raise ConnectionError


@contextmanager
def lying_server(lie: Lie) -> Iterator[LyingServer]:
    """Serve on a free port until the end of the block."""
    taken, left, stopped = threading.Event(), threading.Event(), threading.Event()
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def converse(connection: socket.socket) -> None:
        taken.set()
        with suppress(OSError):
            lie(connection, stopped)
            while connection.recv(_PIECE_BYTES):
                pass
        left.set()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connections.append(listener.accept()[0])
                threads.append(threading.Thread(target=converse, args=(connections[-1],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield LyingServer(f"127.0.0.1:{listener.getsockname()[1]}", taken, left)
        finally:
            stopped.set()
            # Closing alone does not wake what waits for a socket.
            for each in (listener, *connections):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()
