"""What stands before a service: a port which a test may close, cut or silence.

It passes bytes on as a balancer of connections does.
"""

import socket
import threading
from contextlib import ExitStack, suppress
from enum import Enum
from typing import Self

_PIECE_BYTES = 65_536
# With it, closing a socket sends a reset.
_NO_LINGER = b"\x01\0\0\0\0\0\0\0"


class Door(Enum):
    """What happens to new connections."""

    OPEN = "they are passed on"
    SHUT = "they are refused"
    HANGS_UP = "they are accepted and closed, as a balancer without a backend does"
    RESETS = "they are accepted and reset"


class _Connection:
    """A connection of a client, and its other half."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.ends = (near, far)
        self.is_silent = False

    def cut(self) -> None:
        for end in self.ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Front:
    """Stands on a held port before a server; see `held_port`."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self._target_port = target_port
        self._door = Door.SHUT
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: list[_Connection] = []
        self._threads: list[threading.Thread] = []
        self._timers: list[threading.Timer] = []
        self._closing = threading.Event()
        self.accepted = 0
        """Connections that were passed on."""

    def set(self, door: Door) -> None:
        """Treat new connections so from now on."""
        with self._lock:
            self._door = door
            listener, self._listener = self._listener, None if door is Door.SHUT else self._listener
        if door is Door.SHUT and listener is not None:
            # Closing alone does not wake `accept`.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        elif door is not Door.SHUT and listener is None:
            self._listen()

    def away(self, door: Door, seconds: float) -> None:
        """Break all connections and treat new ones so for a while."""
        self.set(door)
        self.cut()
        timer = threading.Timer(seconds, self.set, (Door.OPEN,))
        self._timers.append(timer)
        timer.start()

    def cut(self) -> None:
        """Break all connections."""
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.cut()

    def silence(self, most: int) -> None:
        """Carry nothing more over the oldest connections, at most so many; nobody is told."""
        with self._lock:
            for connection in self._connections[:most]:
                connection.is_silent = True

    def __enter__(self) -> Self:
        self.set(Door.OPEN)
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
        self._closing.set()
        self.set(Door.SHUT)
        self.cut()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self._listener = listener
        self._run(self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if self._door is Door.OPEN:
                self._run(self._carry, near)
                continue
            if self._door is Door.RESETS:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            near.close()

    def _carry(self, near: socket.socket) -> None:
        with ExitStack() as stack:
            stack.callback(near.close)
            far = socket.create_connection(("127.0.0.1", self._target_port))
            stack.callback(far.close)
            for end in (near, far):
                # Two hops that each wait to fill a packet would wait for each other.
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(near, far)
            with self._lock:
                self.accepted += 1
                self._connections.append(connection)
            if self._closing.is_set():
                connection.cut()
            back = threading.Thread(target=self._copy, args=(connection, far, near))
            back.start()
            self._copy(connection, near, far)
            back.join()
            with self._lock, suppress(ValueError):
                self._connections.remove(connection)

    def _copy(self, connection: _Connection, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                if not connection.is_silent:
                    sink.sendall(piece)
        if not connection.is_silent:
            connection.cut()

    def _run(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
