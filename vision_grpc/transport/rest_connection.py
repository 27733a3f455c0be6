"""One HTTP connection to the service, kept between calls, that another thread can break off."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any

import httpx2

from vision_grpc.errors import DeadlineError, PathError
from vision_grpc.transport.attempt import Attempt
from vision_grpc.transport.http_message import HttpAnswer, HttpRequest
from vision_grpc.transport.rest_peer import MAX_BODY_BYTES, Body, proxies_known, translate, unusable_proxy


class RestConnection:
    """A connection that is opened when it is first needed, and again when the server has closed it."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server_name: str | None,
        through_proxy: bool,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._context = context
        self._through_proxy = through_proxy
        self._max_body_bytes = max_body_bytes
        self._extensions: dict[str, Any] = {"trace": self._follow}
        if server_name is not None:
            self._extensions["sni_hostname"] = server_name
        self._http: httpx2.Client | None = None
        self._socket: socket | None = None
        self._is_open = False
        self._has_answered = False
        self._is_broken_off = False

    def exchange(self, request: HttpRequest, attempt: Attempt) -> HttpAnswer:
        """Return the answer, whatever its status; blocks until it is there, or somebody breaks the connection off.

        Raises:
            TransportError: the server was not reached in time, or the connection broke.
            ProtocolError: the answer is not encoded as it says.
            RequestTooLargeError: the answer is too long.
        """
        if self._http is None:
            with proxies_known():
                self._http = httpx2.Client(verify=self._context, trust_env=self._through_proxy)
        body = Body(self._max_body_bytes)
        try:
            with self._http.stream(
                request.method,
                attempt.endpoint.url + request.path,
                content=request.content,
                headers=request.headers,
                # The time-outs of httpx2 are for each read by itself: a peer that sends a byte now and then keeps
                # within them for ever. So the deadline is kept by `break_off`, and a socket that blocks costs less.
                timeout=httpx2.Timeout(None, connect=attempt.left_s()),
                extensions=self._extensions,
            ) as response:
                for piece in response.iter_bytes():
                    body.add(piece)
        except httpx2.RequestError as error:
            is_early = self._is_open and not (self._has_answered or self._is_broken_off)
            attempt.fail(translate(error, attempt, is_early=is_early), error)
        except UnicodeError as error:  # By whoever looks up a host; the service's has been checked.
            attempt.fail(unusable_proxy(error), error)
        return HttpAnswer(response.status_code, response.headers, body.whole())

    def break_off(self) -> None:
        """Let the exchange under way in another thread fail soon; none can follow it."""
        self._is_broken_off = True
        if self._socket is not None:
            with suppress(OSError):  # It is closed already.
                # Not SSLSocket.shutdown(): it takes TLS off first, and what is being sent would go on in plaintext.
                socket.shutdown(self._socket, SHUT_RDWR)

    def error_of_deadline(self, attempt: Attempt) -> DeadlineError | PathError:
        """Return the error of an exchange that took too long."""
        if self._is_open:
            return attempt.late()
        return PathError(f"{attempt.endpoint.target} was not reached in time")

    def close(self) -> None:
        """Close the connection; no exchange may be under way."""
        if self._http is not None:
            self._http.close()

    def _follow(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of the socket; httpx2 calls this at each step of an exchange."""
        if event.endswith(("connect_tcp.started", "start_tls.started")):
            self._is_open = self._has_answered = False
        elif event.endswith("receive_response_headers.complete"):
            self._has_answered = True
        elif event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._is_open = True
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_broken_off:
                self.break_off()
