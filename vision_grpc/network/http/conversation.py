"""HTTP/1.1 over an open connection: h11 says what the bytes mean, and here they are sent and received.

Measured with eight images of 1 MB a call, which take 6.3 ms of TLS: httpx2, with httpcore2 and h11 below it, takes
1.7 ms more of Python.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from socket import MSG_PEEK, socket
from ssl import SSLSocket
from typing import NamedTuple

import h11

from vision_grpc.errors import ProtocolError, RequestTooLargeError
from vision_grpc.network.dialer import Dialed
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.body import AnswerBody
from vision_grpc.network.http.failure import BrokenAnswerError, MalformedError, NotHttpError
from vision_grpc.network.http.message import HttpAnswer, HttpRequest, join_headers
from vision_grpc.network.secrets.quoting import quote_peer

_BEGINNING = b"HTTP/1."
_MOST_HEAD_BYTES = 256 * 1024
_MOST_ERROR_BYTES = 1024 * 1024
# With TLS, one record of 16 KB is received at a time. From 128 KB on, malloc takes the memory from the system anew.
_PIECE_BYTES = 64 * 1024


class _Begun(NamedTuple):
    """An answer that comes."""

    status: int
    headers: Mapping[str, str]
    body: AnswerBody

    def answer(self) -> HttpAnswer:
        """Return it as far as it has come."""
        is_packed = not self.body.is_unpacked
        headers = {name: value for name, value in self.headers.items() if is_packed or name != "content-encoding"}
        return HttpAnswer(self.status, headers, self.body.content())


class HttpConversation:
    """Requests over one connection, one after the other."""

    def __init__(self, endpoint: Endpoint, dialed: Dialed) -> None:
        self.has_answered: bool = False
        """Whether HTTP/1.1 has come back yet."""
        self.proxy_authorization: str | None = None if dialed.proxy is None else dialed.proxy.authorization
        """The secret that each request brings to the proxy that it passes."""
        self._origin = "" if dialed.proxy is None else endpoint.url
        self._headers = {"host": endpoint.authority, "accept-encoding": "gzip"}
        if self.proxy_authorization is not None:
            self._headers["proxy-authorization"] = self.proxy_authorization
        self._begun: _Begun | None = None
        self._socket = dialed.socket
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)

    @property
    def is_ready(self) -> bool:
        """Whether another request may follow: the server has not hung up, nor sent more since its last answer."""
        connection = self._socket
        if self._http.our_state is not h11.IDLE or (isinstance(connection, SSLSocket) and connection.pending()):
            return False
        connection.settimeout(0)
        try:
            # Not recv(): that of a connection with TLS takes no flags, and here it is enough that there is anything.
            socket.recv(connection, 1, MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            connection.settimeout(None)
        return False

    def exchange(self, request: HttpRequest, *, max_body_bytes: int) -> HttpAnswer:
        """Return the answer to a request; after any error, the conversation has to be closed.

        An answer that comes while the request is being sent is read when that is done, or cannot go on.

        Raises:
            OSError: the connection broke.
            BrokenAnswerError: what came back is not a whole answer.
            ProtocolError: a good answer is not encoded as it says.
            RequestTooLargeError: a good answer is longer than `max_body_bytes`.
        """
        # A service that refuses a request may hang up in the middle of it; the answer that it sent before can be read.
        with suppress(OSError):
            self._send(request)
        head = self._receive_head()
        headers = join_headers(head.headers)
        is_good = head.status_code == HTTPStatus.OK
        most_bytes = max_body_bytes if is_good else min(max_body_bytes, _MOST_ERROR_BYTES)
        body = AnswerBody(headers.get("content-encoding", ""), most_bytes)
        begun = _Begun(head.status_code, headers, body)
        if is_good:
            self._begun = begun
        try:
            for piece in self._receive_body():
                body.add(piece)
            body.check()
        except (OSError, BrokenAnswerError, ProtocolError, RequestTooLargeError):
            # What is wrong with the body of an error does not change the error.
            if is_good:
                raise
        self._get_ready()
        self._begun = None
        return begun.answer()

    def beginning(self) -> HttpAnswer | None:
        """Return a good answer whose end is missing, as far as it has come; any thread may ask. None: there is none."""
        return None if (begun := self._begun) is None else begun.answer()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, request: HttpRequest) -> None:
        headers = {**self._headers, **request.headers}
        content: Iterable[bytes] = ()
        if isinstance(request.content, bytes):
            headers["content-length"] = str(len(request.content))
            content = [request.content]
        elif request.content is not None:
            content = request.content
        head = h11.Request(method=request.method, target=self._origin + request.path, headers=list(headers.items()))
        self._socket.sendall(self._http.send(head))
        for piece in content:
            self._socket.sendall(self._http.send(h11.Data(data=piece)))  # h11 does not copy it.
        self._http.send(h11.EndOfMessage())  # Adds nothing to a body whose length was sent before it.

    def _receive_head(self) -> h11.Response:
        """Return the head of a final answer; interim ones before it are passed over."""
        while True:
            received, _ = self._http.trailing_data
            # h11 would wait for the end of a head, which other protocols do not send.
            if not _BEGINNING.startswith(received[: len(_BEGINNING)]):
                raise NotHttpError(received)
            if received:
                self.has_answered = True
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA and not self._receive():
                if received:
                    message = "the answer ended in its head"
                    raise BrokenAnswerError(message)
                message = "it was closed before any answer"
                raise ConnectionError(message)

    def _receive_body(self) -> Iterator[bytes]:
        while not isinstance(event := self._next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield event.data
            else:
                self._receive()

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            _, is_over = self._http.trailing_data
            if is_over:
                message = f"the answer broke off: {error}"
                raise BrokenAnswerError(message) from error
            # Of what is malformed, h11 quotes all.
            message = f"the answer is malformed: {quote_peer(str(error))}"
            raise MalformedError(message) from error

    def _receive(self) -> bool:
        """Hand on what comes next; return whether that is not the end of the connection."""
        piece = self._socket.recv(_PIECE_BYTES)
        self._http.receive_data(piece)
        return bool(piece)

    def _get_ready(self) -> None:
        """Prepare for another request, or close the connection if none can follow."""
        received, _ = self._http.trailing_data
        if self._http.our_state is self._http.their_state is h11.DONE and not received:
            self._http.start_next_cycle()
        else:
            self.close()
