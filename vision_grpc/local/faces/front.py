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
from typing import Protocol, cast

from vision_grpc.local.faces.first_bytes import FirstBytes, Makers
from vision_grpc.local.listening import TlsFiles

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


class Front:
    """Accepts the connections of some listening sockets. It belongs to one event loop.

    When `most` connections are open, one that is idle makes room for the next; if none is, the next is closed.
    """

    def __init__(self, listeners: Iterable[socket.socket], makers: Makers, *, tls: TlsFiles | None, most: int) -> None:
        self._listeners = list(listeners)
        self._makers = makers
        self._context = None if tls is None else _context_of(tls)
        self._most = most
        self._connected: dict[socket.socket, asyncio.Transport | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Accept connections from now on."""
        self._loop = asyncio.get_running_loop()
        for listener in self._listeners:
            listener.settimeout(0)
            self._loop.add_reader(listener, self._accept, listener)
        self._look = self._loop.call_later(_LOOK_S, self._look_around)

    def stop(self) -> None:
        """Accept no more connections, and end those that have not said anything yet."""
        self._stopped = True
        if self._look is not None:
            self._look.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for task in self._tasks:
            task.cancel()
        for transport in self._open():
            if isinstance(transport.get_protocol(), FirstBytes):
                transport.abort()

    def abort(self) -> None:
        """Break all connections off."""
        for transport in self._open():
            transport.abort()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connected, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORTAGES:
                    raise
                self._pause(listener, error)
                return
            if not self._has_room():
                _log.warning("a connection was refused: %d are open, and all are busy", self._most)
                connected.close()
                continue
            connected.settimeout(0)
            # asyncio does so only with sockets that were made for TCP by name. Without it, a small answer waits for the
            # acknowledgement of the packet before, which clients delay by 40 ms.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connected[connected] = None
            task = self._loop.create_task(self._connect(connected))
            self._tasks.add(task)
            task.add_done_callback(partial(self._end_connect, connected))

    async def _connect(self, connected: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: FirstBytes(self._makers),
                connected,
                ssl=self._context,
                ssl_handshake_timeout=None if self._context is None else _HANDSHAKE_S,
            )
        except OSError as error:
            # Scanners, browsers that do not trust the certificate, and plaintext on a port of TLS.
            _log.debug("a connection did not come about: %s", error)
            connected.close()
            return
        if self._stopped:
            transport.abort()
        self._connected[connected] = transport

    def _end_connect(self, connected: socket.socket, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            connected.close()

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        _log.warning("no connection can be accepted for now: %s", error.strerror)
        self._evict()
        self._loop.remove_reader(listener)
        self._loop.call_later(_PAUSE_S, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        if not self._stopped:
            self._loop.add_reader(listener, self._accept, listener)

    def _has_room(self) -> bool:
        if len(self._connected) < self._most:
            return True
        self._open()
        return len(self._connected) < self._most or self._evict()

    def _evict(self) -> bool:
        """End the connection that has been idle for longest, those first that never said anything."""
        places: list[tuple[bool, float, int]] = []
        transports = self._open()
        for place, transport in enumerate(transports):
            guest = cast("Guest", transport.get_protocol())
            if guest.idle_since is not None and not transport.is_closing():
                places.append((not isinstance(guest, FirstBytes), guest.idle_since, place))
        if not places:
            return False
        transport = transports[min(places)[2]]
        cast("Guest", transport.get_protocol()).go_away()
        transport.abort()
        return True

    def _open(self) -> list[asyncio.Transport]:
        """Forget the connections that are closed, and return the others."""
        for connected in [connected for connected in self._connected if connected.fileno() < 0]:
            del self._connected[connected]
        return [transport for transport in self._connected.values() if transport is not None]

    def _look_around(self) -> None:
        self._look = self._loop.call_later(_LOOK_S, self._look_around)
        self._open()
        self._makers.look(self._loop.time())


def _context_of(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    # A client that speaks both gets HTTP/1, because REST is spoken there alone. Those of gRPC offer only HTTP/2.
    context.set_alpn_protocols(["http/1.1", "h2"])
    return context
