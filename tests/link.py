"""TCP connections that a test may cut or stall, whether a call is under way on them or not.

The faults of the local service strike calls: `half-open` needs a request that arrives. A network loses connections
between two calls too, and loses answers while requests still arrive.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

_PIECE_BYTES = 65_536


class Link:
    """Passes bytes between clients and a port of this machine. `port` is where clients connect."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._fates: list[_Fate] = []
        self._changed = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._closing = False
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Break all connections; new ones are accepted."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for end in sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def stall(self, *, first: int | None = None, answers: bool = False) -> None:
        """Pass nothing on any more, without a word, on the connections there are: the first few or all; new ones work.

        With `answers`, requests still arrive.
        """
        for fate in self._fates[:first]:
            fate.is_stalled = True
            fate.passes_requests = answers

    @property
    def accepted(self) -> int:
        """How many connections there have been."""
        return len(self._fates)

    def wait_until_unused(self, timeout_s: float) -> bool:
        """Return whether all connections have ended, given so much time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._sockets, timeout_s)

    def wait_until_accepted(self, connections: int, timeout_s: float) -> bool:
        """Return whether there have been so many connections, given so much time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._fates) >= connections, timeout_s)

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        # Wakes `accept`, which closing the socket does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                near.close()
                continue
            for end in (near, far):
                # Two hops that each wait to fill a packet would wait for each other.
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fate = _Fate()
            with self._changed:
                self._sockets |= {near, far}
                self._fates.append(fate)
                self._changed.notify_all()
            if self._closing:
                self.cut()
            self._run(self._carry, near, far, fate)

    def _carry(self, near: socket.socket, far: socket.socket, fate: "_Fate") -> None:
        back = threading.Thread(target=_copy, args=(far, near, lambda: not fate.is_stalled))
        back.start()
        _copy(near, far, lambda: not fate.is_stalled or fate.passes_requests)
        back.join()
        with self._changed:
            self._sockets -= {near, far}
            self._changed.notify_all()
        with ExitStack() as stack:
            stack.callback(near.close)
            stack.callback(far.close)

    def _run(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


class _Fate:
    """What becomes of the bytes of one connection."""

    is_stalled = passes_requests = False


def _copy(source: socket.socket, sink: socket.socket, passes: Callable[[], bool]) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE_BYTES):
            if passes():
                sink.sendall(piece)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
