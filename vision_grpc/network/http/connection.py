"""One HTTP connection to the service. It is kept between calls, and another thread can break it off."""

from contextlib import suppress
from socket import SHUT_RDWR, socket

from vision_grpc.errors import DeadlineError, PathError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.http.conversation import HttpConversation
from vision_grpc.network.http.failure import BrokenAnswerError, translate
from vision_grpc.network.http.message import HttpAnswer, HttpRequest


class HttpConnection:
    """A connection that is opened when it is first needed, and again when the server has closed it."""

    def __init__(self, dialer: Dialer, *, max_body_bytes: int) -> None:
        self._dialer = dialer
        self._max_body_bytes = max_body_bytes
        self._idle: HttpConversation | None = None
        self._in_use: HttpConversation | None = None
        self._socket: socket | None = None
        self._is_open = False
        self._is_broken_off = False

    def exchange(self, request: HttpRequest, attempt: Attempt) -> HttpAnswer:
        """Return the answer, whatever its status; blocks until it comes, or another thread breaks the connection off.

        The socket has no time-out: that costs less, and a time-out for each read would never end a call to a server
        that sends a byte now and then. `break_off` ends calls at their deadline.

        Raises:
            TransportError: the server was not reached in time, or the connection broke.
            ProtocolError: the answer is not encoded as it says.
            RequestTooLargeError: the answer is too long.
        """
        self._in_use = None  # The last one may have ended in the middle of an answer, with an error that is a bug.
        self._in_use = conversation = self._take_idle() or self._open(attempt)
        if conversation.proxy_authorization is not None:
            attempt.keep(conversation.proxy_authorization)
        try:
            answer = conversation.exchange(request, max_body_bytes=self._max_body_bytes)
        except (OSError, BrokenAnswerError) as error:
            is_early = not (conversation.has_answered or self._is_broken_off)
            conversation.close()
            attempt.fail(translate(error, attempt, is_early=is_early), error)
        except BaseException:
            conversation.close()
            raise
        self._idle = conversation
        return answer

    def take_beginning(self) -> HttpAnswer | None:
        """Return the good answer that comes, or broke off, as far as it has come; None if there is none. Once."""
        conversation, self._in_use = self._in_use, None
        return None if conversation is None else conversation.beginning()

    def break_off(self) -> None:
        """Let the exchange that another thread has under way fail soon; no other can follow it."""
        self._is_broken_off = True
        if self._socket is not None:
            with suppress(OSError):  # It is closed already.
                # Not SSLSocket.shutdown(): it takes TLS off first, and what is being sent would go on in plaintext.
                socket.shutdown(self._socket, SHUT_RDWR)

    def error_of_deadline(self, attempt: Attempt) -> DeadlineError | PathError:
        """Return the error of an exchange that took too long."""
        if self._is_open:
            return attempt.late()
        return attempt.unreached("the time is over")

    def close(self) -> None:
        """Close the connection; no exchange may be under way."""
        if self._idle is not None:
            self._idle.close()

    def _take_idle(self) -> HttpConversation | None:
        conversation, self._idle = self._idle, None
        if conversation is None or conversation.is_ready:
            return conversation
        conversation.close()
        return None

    def _open(self, attempt: Attempt) -> HttpConversation:
        self._is_open = False
        dialed = self._dialer.dial(attempt, self._take_socket)
        self._is_open = True
        return HttpConversation(attempt.endpoint, dialed)

    def _take_socket(self, connection: socket) -> None:
        self._socket = connection
        if self._is_broken_off:
            self.break_off()
