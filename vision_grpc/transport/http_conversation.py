"""HTTP/1.1 over an open connection, spoken by http.client.

Measured with eight images of 1 MB a call, which take 6.3 ms of TLS: httpx2, with httpcore2 and h11 below it, takes
1.7 ms more of Python.
"""

from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import MSG_PEEK, socket
from ssl import SSLSocket

from vision_grpc.transport.answer_body import AnswerBody
from vision_grpc.transport.dialer import Dialed
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.http_message import HttpAnswer, HttpRequest

# The answer to eight pages in one piece; of a longer one, no more than this is set aside before it is there.
_PIECE_BYTES = 1024 * 1024
# RFC 9110, 15.2. 101 is none of them: what follows it is another protocol.
_INTERIM_STATUSES = frozenset(range(100, 200)) - {101}


class HttpConversation:
    """Requests over one connection, one after the other."""

    def __init__(self, endpoint: Endpoint, dialed: Dialed) -> None:
        self.has_answered = False
        """Whether anything has come back yet."""
        self._headers = {"host": endpoint.authority, "accept-encoding": "gzip"}
        self._origin = ""
        if dialed.proxy is not None:
            self._origin = endpoint.url
            if dialed.proxy.authorization is not None:
                self._headers["proxy-authorization"] = dialed.proxy.authorization
        self._http = HTTPConnection(endpoint.host, endpoint.port)
        self._http.sock = dialed.socket
        # It would connect without a proxy and without TLS.
        self._http.auto_open = 0
        self._http.response_class = _FinalResponse

    @property
    def is_ready(self) -> bool:
        """Whether another request may follow: the server has not hung up, nor said anything without being asked."""
        connection: socket | None = self._http.sock
        if connection is None or (isinstance(connection, SSLSocket) and connection.pending()):
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
        """Return the answer to a request; after any error, the conversation is to be closed.

        Raises:
            OSError, HTTPException: the connection broke, or what came back is no HTTP.
            ProtocolError: the answer is not encoded as it says.
            RequestTooLargeError: the answer is longer than `max_body_bytes`.
        """
        is_sent = False
        # Whoever refuses a request may hang up in the middle of it, and what it says is there all the same.
        with suppress(OSError):
            self._http.request(
                request.method,
                self._origin + request.path,
                request.content,  # pyright: ignore[reportArgumentType] - None is fine
                {**self._headers, **request.headers},
            )
            is_sent = True
        with self._http.getresponse() as response:
            self.has_answered = True
            _refuse_broken_head(response)
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = AnswerBody(headers.get("content-encoding", "").lower(), max_body_bytes)
            while piece := _read_piece(response):
                body.add(piece)
            _refuse_cut(response, is_empty=body.is_empty)
        if not is_sent:
            self._http.close()
        return HttpAnswer(response.status, headers, body.whole())

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _read_piece(response: HTTPResponse) -> bytes:
    try:
        return response.read(_PIECE_BYTES)
    except ValueError as error:  # A chunk whose length is negative gets past http.client.
        message = "the answer has a chunk of no length"
        raise HTTPException(message) from error


def _refuse_broken_head(response: HTTPResponse) -> None:
    """Pass a head that http.client understands in full; of another it would wait for the end of the connection."""
    if response.headers.defects:
        message = "the head of the answer has a line that is no header"
        raise HTTPException(message)
    told = response.headers.get("transfer-encoding") or response.headers.get("content-length")
    if told and not response.chunked and response.length is None:
        message = f"the answer is of no length that is known: {told}"
        raise HTTPException(message)


def _refuse_cut(response: HTTPResponse, *, is_empty: bool) -> None:
    """Pass a response that has been read, if its end was the end: to http.client, that of the connection is as good."""
    if response.length:
        message = f"the answer ended {response.length} bytes too early"
        raise HTTPException(message)
    # A head that breaks off looks like one that says nothing of a length.
    if is_empty and response.length is None and not response.chunked and response.status == HTTPStatus.OK:
        message = "the answer ended in its head"
        raise HTTPException(message)


class _FinalResponse(HTTPResponse):
    """An answer without the interim ones that may come before it."""

    def begin(self) -> None:
        super().begin()
        while self.status in _INTERIM_STATUSES:
            # As before the first one.
            self.headers = None  # type: ignore[assignment]
            super().begin()
