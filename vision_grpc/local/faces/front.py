"""The sockets of the service: they are accepted here, and handed to the face that speaks their protocol.

A port takes HTTP/2 and HTTP/1; the first bytes of a connection say which it is.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple, Protocol, cast

from vision_grpc.local.faces.first_bytes import FirstBytes, Makers
from vision_grpc.local.listening import join_address

_log = logging.getLogger(__name__)

_ACCEPTED_AT_ONCE = 64
_HANDSHAKE_S = 10.0
# How long nobody is accepted when the process has no descriptors left: trying at once again would only burn time.
_PAUSE_S = 0.5
_LOOK_S = 1.0
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Guest(Protocol):
    """The protocol of a connection, as far as it concerns those who wait for a place."""

    idle_since: float | None
    """Since when nothing is under way on the connection; None while something is."""

    def go_away(self) -> None:
        """Say that the connection ends."""


class Listener(NamedTuple):
    """A listening socket, and the TLS of its connections."""

    socket: socket.socket
    tls: ssl.SSLContext | None


class Front:
    """Accepts the connections of some listening sockets. It belongs to one event loop.

    When `most` connections are open, one that is idle makes room for the next; if none is, the next is closed.
    """

    def __init__(self, listeners: Iterable[Listener], makers: Makers, *, most: int) -> None:
        self._listeners = list(listeners)
        self._makers = makers
        self._most = most
        self._places: dict[socket.socket, _Place] = {}
        self._refused = 0
        self._look: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Accept connections from now on."""
        self._loop = asyncio.get_running_loop()
        for listener in self._listeners:
            listener.socket.settimeout(0)
            self._loop.add_reader(listener.socket, self._accept, listener)
        self._look = self._loop.call_later(_LOOK_S, self._look_around)

    def stop(self) -> None:
        """Accept no more connections, and end those that have not said anything yet."""
        self._stopped = True
        if self._look is not None:
            self._look.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener.socket)
            listener.socket.close()
        for place in self._open():
            if place.has_said_nothing:
                place.give_up()

    def abort(self) -> None:
        """Break all connections off."""
        for place in self._open():
            place.give_up()

    def _accept(self, listener: Listener) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connected, _ = listener.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    raise
                self._pause(listener, error)
                return
            if self._count_open() >= self._most and not self._evict():
                self._refuse(connected)
                continue
            connected.settimeout(0)
            # asyncio does so only with sockets that were made for TCP by name. Without it, a small answer waits for the
            # acknowledgement of the packet before, which clients delay by 40 ms.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            place = _Place(self._loop.time())
            place.task = self._loop.create_task(self._connect(connected, listener.tls, place))
            place.task.add_done_callback(partial(_close_cancelled, connected))
            self._places[connected] = place

    async def _connect(self, connected: socket.socket, tls: ssl.SSLContext | None, place: "_Place") -> None:
        peer = _peer_of(connected)
        try:
            place.transport, _ = await self._loop.connect_accepted_socket(
                lambda: FirstBytes(self._makers),
                connected,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else _HANDSHAKE_S,
            )
        except OSError as error:
            # Clients and browsers that do not trust the certificate, plaintext on a port of TLS, and scanners.
            _log.info("the TLS handshake with %s failed: %s", peer, error)
            connected.close()
            return
        if self._stopped:
            place.transport.abort()

    def _refuse(self, connected: socket.socket) -> None:
        connected.close()
        if not self._refused:
            _log.warning("a connection was refused: %d are open, and all are busy", self._most)
        self._refused += 1

    def _pause(self, listener: Listener, error: OSError) -> None:
        _log.warning("no connection can be accepted for now: %s", error.strerror)
        self._evict()
        self._loop.remove_reader(listener.socket)
        self._loop.call_later(_PAUSE_S, self._resume, listener)

    def _resume(self, listener: Listener) -> None:
        if not self._stopped:
            self._loop.add_reader(listener.socket, self._accept, listener)

    def _evict(self) -> bool:
        """End the connection that has been idle for longest, those first that never said anything."""
        idle = [(*since, place) for place in self._open() if (since := place.idle_since()) is not None]
        if not idle:
            return False
        *_, place = min(idle, key=lambda each: each[:2])
        place.give_up()
        return True

    def _count_open(self) -> int:
        if len(self._places) >= self._most:
            self._open()
        return len(self._places)

    def _open(self) -> list["_Place"]:
        """Forget the connections that are closed, and return the others."""
        for connected in [each for each in self._places if each.fileno() < 0]:
            del self._places[connected]
        return list(self._places.values())

    def _look_around(self) -> None:
        self._look = self._loop.call_later(_LOOK_S, self._look_around)
        if self._refused > 1:
            _log.warning("%d more connections were refused", self._refused - 1)
        self._refused = 0
        self._open()
        self._makers.look(self._loop.time())


class _Place:
    """A connection that was accepted."""

    def __init__(self, accepted_at: float) -> None:
        self._accepted_at = accepted_at
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None
        """None until TLS is agreed on."""
        self._is_given_up = False

    @property
    def has_said_nothing(self) -> bool:
        """Whether it is not yet known what the client speaks."""
        return self.transport is None or isinstance(self.transport.get_protocol(), FirstBytes)

    def idle_since(self) -> tuple[bool, float] | None:
        """Return whether the connection was ever used, and since when it is idle; None if it is not."""
        if self._is_given_up:
            return None
        if self.transport is None or self.has_said_nothing:
            return False, self._accepted_at
        since = cast("Guest", self.transport.get_protocol()).idle_since
        return None if since is None else (True, since)

    def give_up(self) -> None:
        """End the connection at once."""
        self._is_given_up = True
        if self.transport is not None:
            cast("Guest", self.transport.get_protocol()).go_away()
            self.transport.abort()
        elif self.task is not None:
            self.task.cancel()


def _peer_of(connected: socket.socket) -> str:
    try:
        host, port, *_ = connected.getpeername()
    except OSError:  # It has left already.
        return "a client"
    return join_address(host, port)


def _close_cancelled(connected: socket.socket, task: asyncio.Task[None]) -> None:
    # A task that is cancelled before its first step does nothing, not even clean up.
    if task.cancelled():
        connected.close()
