"""The service over gRPC: which methods there are, and the end of all calls."""

import asyncio
import logging
import re
from collections.abc import Iterable
from functools import partial
from typing import cast

from google.protobuf.descriptor import FileDescriptor

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.log import log_request
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.faces.grpc.exchange import Exchange
from vision_grpc.local.faces.grpc.health import HEALTH, Health
from vision_grpc.local.faces.grpc.reflection import Reflection
from vision_grpc.local.faces.http2.connection import Connection
from vision_grpc.local.faces.http2.errors import ErrorCode
from vision_grpc.local.faces.http2.fields import Request, silence_hpack
from vision_grpc.local.faces.http2.stream import Stream
from vision_grpc.messages import RetryInfo
from vision_grpc.texts.quoting import show

_log = logging.getLogger(__name__)
# Of all connections together. Clients send a refused one again.
_MOST_CALLS = 4096
# Large bodies come in few pieces, and the buffer stays in the processor's cache.
_BUFFER_BYTES = 256 * 1024
# Streams end when the service stops. Those that watch its health learn of it first.
_LAST_WORDS_S = 0.1
_CONTENT_TYPE = re.compile(r"application/grpc(\+proto)?(\s*;.*)?", re.IGNORECASE)


class GrpcFace:
    """Makes the protocols of accepted connections, and answers their calls. It belongs to one event loop."""

    def __init__(self, desk: Desk, methods: Iterable[Method], *, most_calls: int = _MOST_CALLS) -> None:
        silence_hpack()
        self._desk = desk
        self._most_calls = most_calls
        self._unary = {method.path: method for method in methods}
        names = [*dict.fromkeys(path.split("/")[1] for path in self._unary)]
        self._health = Health(names)
        files = {_file_of(method) for method in self._unary.values()}
        # No file here imports the types of error details.
        files |= {RetryInfo.DESCRIPTOR.file, HEALTH.file}
        reflection = Reflection([*names, HEALTH.full_name], files)
        self._streaming = {method.path: method for method in (*self._health.methods, *reflection.methods)}
        self._buffer = bytearray(_BUFFER_BYTES)
        self._connections: set[Connection] = set()
        self._exchanges: set[Exchange] = set()
        self._streams: set[Exchange] = set()
        self._ended = asyncio.Event()

    def protocol(self) -> Connection:
        """Return the protocol of one more connection."""
        connection = Connection(self._serve, buffer=self._buffer, on_lost=self._lose)
        self._connections.add(connection)
        self._ended.clear()
        return connection

    def look(self, now: float) -> None:
        """End what takes too long; to be called about once a second."""
        for connection in list(self._connections):
            connection.look(now)

    def stop(self) -> None:
        """Say NOT_SERVING, and let each connection end with the last of its calls; no new ones may come."""
        self._health.stop()
        for connection in list(self._connections):
            connection.go_away()
        asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._cut, self._streams)
        self._end_if_done()

    def cut_short(self) -> None:
        """End the calls under way with UNAVAILABLE."""
        self._cut(self._exchanges)

    def abort(self) -> None:
        """Break all connections off."""
        for connection in list(self._connections):
            connection.abort()

    async def wait_closed(self) -> None:
        """Wait until no connection is left; call `stop` before."""
        await self._ended.wait()

    async def _serve(self, stream: Stream) -> None:
        if refusal := _refusal_of(stream.request):
            status, message = refusal
            _log.info("a request of %s was refused with HTTP %d: %s", stream.connection.peer, status, message)
            stream.send_fields([(":status", str(status)), ("content-type", "text/plain")])
            await stream.send(message.encode())
            stream.end()
            return
        if len(self._exchanges) >= self._most_calls:
            stream.reset(ErrorCode.REFUSED_STREAM)
            return
        with self._desk.bodies.open() as account:
            exchange = Exchange(stream, account)
            self._exchanges.add(exchange)
            try:
                await exchange.answer(partial(self._work, exchange))
            finally:
                self._exchanges.discard(exchange)
                self._streams.discard(exchange)

    async def _work(self, exchange: Exchange) -> Reply | None:
        call = exchange.call
        if unary := self._unary.get(call.method):
            return await self._desk.answer(call, unary, partial(exchange.request, unary.request_class))
        if streaming := self._streaming.get(call.method):
            log_request(logging.DEBUG, call, Code.OK.name)
            self._streams.add(exchange)
            async with asyncio.timeout_at(call.deadline):
                async for response in streaming.handle(exchange.requests(streaming.request_class)):
                    await exchange.send(response)
            return None
        message = f"there is no method {show(call.method)}"
        raise ServiceError(Code.UNIMPLEMENTED, message)

    def _cut(self, exchanges: set[Exchange]) -> None:
        for exchange in list(exchanges):
            exchange.cut_short()

    def _lose(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not self._connections:
            self._ended.set()


def _refusal_of(request: Request) -> tuple[int, str] | None:
    """Return the HTTP status and the text for a request that is no gRPC, None if it is."""
    if request.method != "POST":
        return 405, "over HTTP/2 this service takes POST with gRPC; it speaks REST over HTTP/1.1"
    types = [value for name, value in request.fields if name == "content-type"]
    if len(types) != 1 or not _CONTENT_TYPE.fullmatch(types[0]):
        return 415, "over HTTP/2 this service takes application/grpc; it speaks REST over HTTP/1.1"
    return None


def _file_of(method: Method) -> FileDescriptor:
    """Return the file of the service that a method belongs to."""
    pool = method.request_class.DESCRIPTOR.file.pool
    return cast("FileDescriptor", pool.FindServiceByName(method.path.split("/")[1]).file)
