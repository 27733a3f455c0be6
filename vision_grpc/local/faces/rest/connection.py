"""One HTTP/1.1 connection: bytes to requests and responses to bytes, by h11, and when the connection ends.

It serves an ASGI application, one request at a time. No library's server is used, because a server of HTTP that can
refuse a body which is still on its way, limit the time of each step, and break off on command has to decide all of
that itself; h11 leaves it these decisions, and does the grammar.
"""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import h11

from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.calls.failure import describe
from vision_grpc.local.faces.rest.body import RefusedBodyError
from vision_grpc.local.faces.rest.exchange import DRAINED_BYTES, Exchange
from vision_grpc.texts.quoting import shorten

if TYPE_CHECKING:
    from vision_grpc.local.faces.rest.http_server import HttpServer

Headers = list[tuple[bytes, bytes]]

_HEAD_BYTES = 16 * 1024
_CLOSE = (b"connection", b"close")
# How long a frozen connection is left open. The system does not say when the client of one has left.
_FROZEN_S = 600.0

_log = logging.getLogger(__name__)


class HttpConnection(asyncio.Protocol):
    """The protocol of one connection; it is also the `Line` of its calls."""

    transport: asyncio.Transport

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.SERVER, _HEAD_BYTES)
        self._exchange: Exchange | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._in_head = False
        self._is_last = False
        self._has_ended = False
        self._is_frozen = False
        self._reads = True
        self._drained_bytes = 0
        self._unsent = b""
        self.idle_since: float | None = self._loop.time()
        """Since when there is no request; None while there is one."""

    # For the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        self.transport = cast("asyncio.Transport", transport)
        self._server.add(self)
        self._set_alarm(self._server.times.head_s, self.close)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._is_frozen or self.transport.is_closing():
            return
        self._http.receive_data(data)
        if self._exchange is None and not self._in_head:
            self._in_head = True
            self._set_alarm(self._server.times.head_s, self._refuse_slow_head)
        self._advance()

    def eof_received(self) -> bool:
        """Take note that the client sends nothing more; return whether it may still wait for an answer.

        A program in a shell ends its side after a request, and waits (`nc -N`). One that was killed looks the same.
        """
        exchange = self._exchange
        is_tls = self.transport.get_extra_info("sslcontext") is not None
        if is_tls or exchange is None or not exchange.is_whole or exchange.is_endless:
            return False
        self._has_ended = True
        self._http.receive_data(b"")
        self._limit_answer()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell the request under way that its client has left."""
        self._stop_alarms()
        self._writable.set()
        if self._exchange is not None:
            self._exchange.lose()
            self._exchange = None
        self._server.remove(self)

    def pause_writing(self) -> None:
        """Let responses wait until the client has read more."""
        self._writable.clear()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Let responses go on."""
        self._writable.set()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    # For faults: the `Line` of a call.

    def reset(self) -> None:
        """Break the connection off (TCP RST)."""
        connected: socket.socket | None = self.transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def reset_call(self) -> None:
        """Break the connection off, because HTTP/1 has no other way to end one call."""
        self.reset()

    def go_away(self) -> None:
        """Say `Connection: close` with the answer, and close then."""
        self._is_last = True

    def freeze(self) -> None:
        """Read and write nothing more, and leave the connection open."""
        self._is_frozen = True
        # Nothing comes of it any more: it makes room for other connections.
        self.idle_since = self._loop.time()
        self.pause_reading()
        self._stop_alarms()
        self._set_alarm(_FROZEN_S, self.transport.abort)

    # For the server.

    def finish(self) -> None:
        """Take no further request: close now if none is under way, else with its answer."""
        self._is_last = True
        if self._is_frozen:
            self.transport.abort()
        elif self._exchange is None or self._exchange.is_answered:
            self.close()
        elif self._exchange.is_endless:
            self._exchange.lose()
            self.close()

    def close(self) -> None:
        """Close the connection when what was written has been sent, but soon."""
        self._stop_alarms()
        if not self.transport.is_closing():
            self.transport.close()
        self._set_alarm(self._server.times.farewell_s, self.transport.abort)

    # For the exchange.

    @property
    def is_silent(self) -> bool:
        """Whether nothing more can be written."""
        return self._is_frozen or self.transport.is_closing()

    async def writable(self) -> None:
        """Wait until the client has read enough of what was written."""
        await self._writable.wait()

    def pause_reading(self) -> None:
        """Read no more for now."""
        if self._reads and not self.transport.is_closing():
            self._reads = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self._reads and not self._is_frozen and not self._has_ended and not self.transport.is_closing():
            self._reads = True
            self.transport.resume_reading()

    def ask_for_body(self) -> None:
        """Send 100 Continue if the client waits for it."""
        if self._http.they_are_waiting_for_100_continue and not self.is_silent:
            go_on = h11.InformationalResponse(status_code=HTTPStatus.CONTINUE, headers=[], reason=b"Continue")
            self.transport.write(self._http.send(go_on))

    def send_head(self, status: int, headers: Iterable[tuple[bytes, bytes]], *, is_last: bool = False) -> None:
        """Write the head of a response, together with the beginning of its body."""
        sent: Headers = [(b"date", _date(int(time.time()))), *headers]
        # A client that was not told to continue may send the body or not, so that it is not known what comes next.
        if self._is_last or self._server.is_stopping or self._http.they_are_waiting_for_100_continue or is_last:
            sent.append(_CLOSE)
        response = h11.Response(status_code=status, headers=sent, reason=_phrase(status))
        self._unsent = self._http.send(response)

    def send_body(self, data: bytes, *, is_end: bool) -> None:
        """Write a part of the body of a response."""
        parts = [self._unsent, self._http.send(h11.Data(data=data)) if data else b""]
        if is_end:
            parts.append(self._http.send(h11.EndOfMessage()))
        self._unsent = b""
        # One write: small answers fit one packet.
        self.transport.write(b"".join(parts))

    def answered(self) -> None:
        """Go on to the next request, or close, or throw away what is left of the body first."""
        if self.is_silent:
            return
        is_read = self._http.their_state is not h11.SEND_BODY
        if self._http.our_state is h11.DONE and is_read:
            self._begin_next()
        elif is_read:
            self.close()
        else:
            if self._http.our_state is not h11.DONE and self.transport.can_write_eof():
                self.transport.write_eof()
            self._set_alarm(self._server.times.drain_s, self.close)
            self.resume_reading()

    def drop(self) -> None:
        """Close a connection whose response was not completed, unless it is frozen."""
        if not self._is_frozen:
            self.close()

    def _advance(self) -> None:
        while not self.transport.is_closing():
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse_malformed(error)
                return
            if event is h11.NEED_DATA:
                return
            if isinstance(event, h11.ConnectionClosed):
                self.close()
                return
            if event is h11.PAUSED:
                self.pause_reading()
                return
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data) and self._exchange is not None:
                self._take_data(self._exchange, event.data)
            elif isinstance(event, h11.EndOfMessage) and self._exchange is not None:
                self._end_body(self._exchange)

    def _begin(self, request: h11.Request) -> None:
        if not request.http_version.startswith(b"1."):
            message = "only HTTP/1.1 is spoken here"
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, ServiceError(Code.INVALID_ARGUMENT, message))
            return
        if _is_ambiguous(request):
            self._refuse_malformed(h11.RemoteProtocolError("the end of the body can be found in two ways"))
            return
        self.idle_since = None
        self._stop_alarms()
        self._in_head = False
        self._drained_bytes = 0
        self._exchange = Exchange(self, self._server, self._scope_of(request))
        self._exchange.start()

    def _limit_answer(self) -> None:
        """Give a request up after some time, because its client sends nothing more: later if it said so before."""
        said_so = self._http.their_state is h11.MUST_CLOSE
        times = self._server.times
        self._set_alarm(times.last_answer_s if said_so else times.unsure_s, self.transport.abort)

    def _begin_next(self) -> None:
        self._exchange = None
        self.idle_since = self._loop.time()
        self._http.start_next_cycle()
        self._set_alarm(self._server.times.idle_s, self.close)
        self.resume_reading()
        if self._http.trailing_data[0]:
            # A client may send requests before it has the answers to those before.
            self._in_head = True
            self._set_alarm(self._server.times.head_s, self._refuse_slow_head)
        self._advance()

    def _end_body(self, exchange: Exchange) -> None:
        exchange.end_body()
        if self._has_ended:
            self._limit_answer()
        if exchange.is_answered:
            self.answered()

    def _take_data(self, exchange: Exchange, data: bytes) -> None:
        if not exchange.is_answered:
            exchange.feed(data)
            return
        self._drained_bytes += len(data)
        if self._drained_bytes > DRAINED_BYTES:
            self.close()

    def _scope_of(self, request: h11.Request) -> dict[str, object]:
        headers = [(name.lower(), value) for name, value in request.headers]
        target, _, query = request.target.partition(b"?")
        scheme = "https" if self.transport.get_extra_info("sslcontext") else "http"
        if target.lower().startswith((b"http://", b"https://")):
            # The absolute form, as proxies get it: what it names counts, and not the Host header (RFC 9112, 3.2.2).
            host, slash, path = target.partition(b"://")[2].partition(b"/")
            target = slash + path or b"/"
            headers = [(b"host", host), *(header for header in headers if header[0] != b"host")]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.http_version.decode("ascii"),
            "server": self._address("sockname"),
            "client": self._address("peername"),
            "scheme": scheme,
            "method": request.method.decode("ascii"),
            "root_path": "",
            "path": unquote(target.decode("latin-1")),
            "raw_path": target,
            "query_string": query,
            "headers": headers,
        }

    def _address(self, name: str) -> tuple[str, int] | None:
        address: object = self.transport.get_extra_info(name)
        return cast("tuple[str, int]", address[:2]) if isinstance(address, tuple) else None

    def _refuse_malformed(self, error: h11.RemoteProtocolError) -> None:
        status = HTTPStatus(error.error_status_hint)
        message = f"this is not valid HTTP/1.1: {shorten(str(error))}"
        if self._exchange is not None:
            if self._exchange.has_begun_answer:
                self.close()
            else:
                headers = {"connection": "close"}
                self._exchange.fail(RefusedBodyError(status, Code.INVALID_ARGUMENT, message, headers=headers))
            return
        _log.info("refused a connection: %s", message)
        self._refuse(status, ServiceError(Code.INVALID_ARGUMENT, message))

    def _refuse_slow_head(self) -> None:
        message = f"the head of the request was not there after {self._server.times.head_s:g} s"
        _log.info("refused a connection: %s", message)
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, ServiceError(Code.DEADLINE_EXCEEDED, message))

    def _refuse(self, status: HTTPStatus, error: ServiceError) -> None:
        """Answer what did not become a request, and close."""
        ids = CallIds.make()
        body = to_json(describe(error, ids))
        headers = [(name.encode(), value.encode()) for name, value in ids.metadata]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        self._is_last = True
        self.send_head(status, headers)
        self.send_body(body, is_end=True)
        self.close()

    def _watch_writing(self, before: int) -> None:
        """Break off when the client has read nothing for some time."""

        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left < before:
                self._watch_writing(left)
            else:
                self.transport.abort()

        self._stall = self._loop.call_later(self._server.times.stall_s, look)

    def _set_alarm(self, seconds: float, action: Callable[[], object]) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(seconds, action)

    def _stop_alarms(self) -> None:
        for timer in (self._alarm, self._stall):
            if timer is not None:
                timer.cancel()
        self._alarm = self._stall = None


def _is_ambiguous(request: h11.Request) -> bool:
    """Return whether a proxy before the service may see another request in the body of this one (RFC 9112, 6.1)."""
    names = {name for name, _ in request.headers}
    return b"transfer-encoding" in names and (b"content-length" in names or request.http_version < b"1.1")


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """Return the value of a Date header."""
    return formatdate(second, usegmt=True).encode()


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
