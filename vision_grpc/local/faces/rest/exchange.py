"""One request and its response on an HTTP/1.1 connection, as an ASGI application sees them."""

import asyncio
import logging
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from starlette.types import Message, Scope

from vision_grpc.errors import Code
from vision_grpc.local.faces.rest.body import RefusedBodyError, check_length

if TYPE_CHECKING:
    from vision_grpc.local.faces.rest.connection import HttpConnection
    from vision_grpc.local.faces.rest.http_server import HttpServer

# What is read ahead of the application.
_AHEAD_BYTES = 256 * 1024
# Each chunk costs about as much as a kilobyte. More chunks than this must have some bytes each.
_SMALL_CHUNKS = 10_000
_LEAST_CHUNK_BYTES = 16
_EVENT_STREAM = b"text/event-stream"

DRAINED_BYTES = 128 * 1024 * 1024
"""What is read and thrown away of a body after an early refusal: clients that send all before they read, get it so.

As long as the longest valid request, because most refusals are of valid requests, such as with a key that is wrong.
"""

_log = logging.getLogger(__name__)


def exchange_of(scope: Scope) -> "Exchange":
    """Return the exchange of an ASGI scope."""
    return scope["exchange"]  # type: ignore[no-any-return]


class Exchange:
    """A request whose head is there, and the response to it."""

    def __init__(self, connection: "HttpConnection", server: "HttpServer", scope: dict[str, object]) -> None:
        self.line = connection
        self.account = server.budget.open()
        """The bytes that the body takes, before and after gzip; given back when the request has been answered."""
        self.left = threading.Event()
        """Set when the client has gone."""
        self.is_whole = False
        """Whether all of the request is there."""
        self.is_answered = False
        self.has_begun_answer = False
        self.is_endless = False
        """Whether the response is a stream of events, which has no end of its own."""
        self.is_call = False
        """Whether it has come to the desk, which logs it."""
        self._server = server
        self._scope = scope | {"exchange": self}
        headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
        self._declared_bytes = int(next((value for name, value in headers if name == b"content-length"), b"0"))
        self._chunks: list[bytes] = []
        self._waiting_bytes = 0
        self._received_bytes = 0
        self._received_chunks = 0
        self._is_given = False
        self._body_ends_at: float | None = None
        self._failure: Exception | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether the service takes no more calls."""
        return self._server.is_stopping

    def start(self) -> None:
        """Let the application answer."""
        self._task = self._server.run(self._run())

    async def _run(self) -> None:
        try:
            await self._server.application(self._scope, self._receive, self._send)
        except Exception:  # noqa: BLE001 - other connections go on
            _log.exception("the service has a bug")
        finally:
            self.account.close()
            if not self.is_answered:
                self.line.drop()

    def feed(self, data: bytes) -> None:
        """Take a part of the body."""
        self._received_bytes += len(data)
        self._received_chunks += 1
        if self._received_chunks > max(_SMALL_CHUNKS, self._received_bytes / _LEAST_CHUNK_BYTES):
            message = f"the body comes in {self._received_chunks:,} chunks of less than {_LEAST_CHUNK_BYTES} bytes"
            self.fail(RefusedBodyError(HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT, message, headers=_CLOSE))
        if self._failure is not None:
            return
        self._chunks.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _AHEAD_BYTES:
            self.line.pause_reading()
        self._news.set()

    def end_body(self) -> None:
        """Take note that the body is whole."""
        self.is_whole = True
        self._news.set()

    def fail(self, error: Exception) -> None:
        """Let the application get an error in place of the rest of the body."""
        self._failure = error
        self._chunks.clear()
        self._news.set()

    def lose(self) -> None:
        """Cancel what is left to do, because the client has gone."""
        self.left.set()
        if self._task is not None:
            self._task.cancel()

    async def _receive(self) -> Message:
        self.line.ask_for_body()
        self._check_length()
        while not self.is_answered:
            if self._failure is not None:
                raise self._failure
            if self._chunks or (self.is_whole and not self._is_given):
                return await self._give_body()
            self.line.resume_reading()
            await self._wait_for_news()
        return {"type": "http.disconnect"}

    async def _give_body(self) -> Message:
        self._check_length()
        body = b"".join(self._chunks)
        self._chunks.clear()
        self._waiting_bytes = 0
        self._is_given = is_end = self.is_whole
        await self.account.take(len(body))
        return {"type": "http.request", "body": body, "more_body": not is_end}

    async def _wait_for_news(self) -> None:
        if self.is_whole:
            await self._news.wait()
        else:
            now = asyncio.get_running_loop().time()
            if self._body_ends_at is None:
                self._body_ends_at = now + self._server.times.body_s
            try:
                async with asyncio.timeout_at(min(self._body_ends_at, now + self._server.times.body_pause_s)):
                    await self._news.wait()
            except TimeoutError:
                raise self._too_slow() from None
        self._news.clear()

    def _check_length(self) -> None:
        check_length(max(self._declared_bytes, self._received_bytes))

    def _too_slow(self) -> RefusedBodyError:
        message = (
            f"the body came too slowly: no byte for {self._server.times.body_pause_s:g} s, "
            f"or not whole after {self._server.times.body_s:g} s"
        )
        return RefusedBodyError(HTTPStatus.REQUEST_TIMEOUT, Code.DEADLINE_EXCEEDED, message, headers=_CLOSE)

    def _unread_bytes(self) -> int:
        """Return how much of the body is still to come, as far as the client has said."""
        return max(0, self._declared_bytes - self._received_bytes)

    async def _send(self, message: Message) -> None:
        await self.line.writable()
        if self.line.is_silent:
            # As other servers of ASGI do: the application goes on until it asks for more of the request.
            self.is_answered = self.is_answered or not message.get("more_body", True)
            return
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", []))
            kind = next((value for name, value in headers if name == b"content-type"), b"")
            self.is_endless = kind.startswith(_EVENT_STREAM)
            self.has_begun_answer = True
            self.line.send_head(message["status"], headers, is_last=self._unread_bytes() > DRAINED_BYTES)
            return
        is_end = not message.get("more_body", False)
        body = b"" if self._scope["method"] == "HEAD" else message.get("body", b"")
        self.line.send_body(body, is_end=is_end)
        if is_end:
            self.is_answered = True
            self._news.set()
            self.line.answered()


_CLOSE = {"connection": "close"}
