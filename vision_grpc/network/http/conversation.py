"""HTTP/1.1 over an open connection, spoken by http.client.

Measured with eight images of 1 MB a call, which take 6.3 ms of TLS: httpx2, with httpcore2 and h11 below it, takes
1.7 ms more of Python.
"""

from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from socket import MSG_PEEK, socket
from ssl import SSLSocket

from vision_grpc.errors import ProtocolError, RequestTooLargeError
from vision_grpc.network.dialer import Dialed
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.http.body import AnswerBody
from vision_grpc.network.http.message import HttpAnswer, HttpRequest
from vision_grpc.network.http.response import StrictResponse

_MOST_ERROR_BYTES = 1024 * 1024


class HttpConversation:
    """Requests over one connection, one after the other."""

    def __init__(self, endpoint: Endpoint, dialed: Dialed) -> None:
        self.has_answered = False
        """Whether anything has come back yet."""
        self.proxy_authorization = None if dialed.proxy is None else dialed.proxy.authorization
        """What each request tells a proxy that it passes."""
        self._origin = "" if dialed.proxy is None else endpoint.url
        self._headers = {"host": endpoint.authority, "accept-encoding": "gzip"}
        if self.proxy_authorization is not None:
            self._headers["proxy-authorization"] = self.proxy_authorization
        self._http = HTTPConnection(endpoint.host, endpoint.port)
        self._http.sock = dialed.socket
        # It would connect without a proxy and without TLS.
        self._http.auto_open = 0
        self._http.response_class = StrictResponse
        # Where a program has set it for all connections, it would print the token.
        self._http.debuglevel = 0

    @property
    def is_ready(self) -> bool:
        """Whether another request may follow: the server has not hung up, nor said more since its last answer."""
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

        An answer that comes while the request is being sent is read when that is done, or cannot go on.

        Raises:
            OSError, HTTPException: the connection broke, or what came back is no HTTP.
            ProtocolError: a good answer is not encoded as it says.
            RequestTooLargeError: a good answer is longer than `max_body_bytes`.
        """
        is_whole = False
        # Whoever refuses a request may hang up in the middle of it, and what was said before is there all the same.
        with suppress(OSError):
            self._http.request(
                request.method,
                self._origin + request.path,
                request.content,  # pyright: ignore[reportArgumentType] - None is fine
                {**self._headers, **request.headers},
            )
            is_whole = True
        with self._http.getresponse() as response:
            assert isinstance(response, StrictResponse)  # noqa: S101 - for the type checkers
            self.has_answered = True
            headers = response.fields()
            is_good = response.status == HTTPStatus.OK
            most_bytes = max_body_bytes if is_good else min(max_body_bytes, _MOST_ERROR_BYTES)
            body = AnswerBody(headers.get("content-encoding", ""), most_bytes)
            try:
                for piece in response.pieces():
                    body.add(piece)
                body.check()
            except (OSError, HTTPException, ProtocolError, RequestTooLargeError):
                # What is wrong with the body of an error does not change the error.
                if is_good:
                    raise
                is_whole = False
        if not is_whole or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self._http.close()
        return HttpAnswer(response.status, headers, body.content())

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
