"""Connections to the service: direct or through a proxy, and protected by TLS."""

import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import NamedTuple, NoReturn, Self, cast

from vision_grpc.errors import MachineError, TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.happy_eyeballs import connect
from vision_grpc.network.proxy import Proxy, proxy_of
from vision_grpc.network.tls import Tls, tls_hint
from vision_grpc.network.tls.contexts import Once, unverified_context
from vision_grpc.network.tls.hints import is_untrusted
from vision_grpc.network.tls.issuer import issuer_of
from vision_grpc.network.tunnel import open_tunnel

# How long an error may wait for what it says beside its cause.
_NOTE_S = 3.0


class Dialed(NamedTuple):
    """A connection, and what is at its other end."""

    socket: socket
    proxy: Proxy | None
    """The proxy, if it is at the other end and passes requests on; None if the service is."""


class Dialer(NamedTuple):
    """Opens connections to endpoints, all of them in the same way."""

    context: Callable[[], ssl.SSLContext]
    tls: Tls
    through_proxy: bool
    """Whether connections go through the proxy that the environment names, if there is one."""
    tunnels_plaintext: bool = False
    """Whether plaintext goes through the proxy's tunnel, as gRPC's does; HTTP asks the proxy to pass requests on."""

    @classmethod
    def of(cls, tls: Tls, *, through_proxy: bool) -> Self:
        """Return a dialer for HTTP/1.1."""
        # To make a context takes a while, which connections in plaintext need not wait for.
        return cls(Once(partial(tls.context, "http/1.1")), tls, through_proxy)

    def dial(self, attempt: Attempt, on_socket: Callable[[socket], None]) -> Dialed:
        """Return a connection to the attempt's endpoint; its socket has no time-out.

        `on_socket` is called with the new socket, and again with the one that has TLS on it before the handshake
        begins: another thread may shut them down.

        Raises:
            PathError: the endpoint was not reached.
            DeadlineError: the time is over.
        """
        proxy = proxy_of(attempt.endpoint) if self.through_proxy else None
        connection = _connect(attempt, proxy)
        try:
            on_socket(connection)
            with suppress(OSError):  # The connection has ended already, and the next step fails.
                connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, True)  # noqa: FBT003 - what the option is set to
            if proxy is not None and (self.tunnels_plaintext or not attempt.endpoint.plaintext):
                _tunnel(connection, attempt, proxy)
                proxy = None
            if not attempt.endpoint.plaintext:
                # The new object owns the descriptor, the old one is closed.
                connection = self._secure(connection, attempt, on_socket)
            connection.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return Dialed(connection, proxy)

    def _secure(self, connection: socket, attempt: Attempt, on_socket: Callable[[socket], None]) -> socket:
        name = self.tls.name_of(attempt.endpoint)
        try:
            secured = self.context().wrap_socket(connection, server_hostname=name, do_handshake_on_connect=False)
            try:
                on_socket(secured)
                secured.settimeout(attempt.left_s())
                secured.do_handshake()
            except BaseException:
                secured.close()
                raise
        except OSError as error:
            if is_untrusted(str(error)):
                attempt.note = self._note_issuer(attempt, on_socket)
            _fail(attempt, error)
        return secured

    def why_refused(self, attempt: Attempt) -> str:
        """Return what is wrong with the certificate that another library has refused; empty if nothing is found.

        This takes connections of its own; nothing is sent over them.
        """
        lookup = Attempt(attempt.endpoint, attempt.deadline.within(_NOTE_S))
        try:
            self.dial(lookup, lambda _: None).socket.close()
        except TransportError as error:
            cause = error.__cause__
            reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else ""
            # Else the other library has said the same.
            return lookup.note if tls_hint(reason) is None else reason
        return ""

    def _note_issuer(self, attempt: Attempt, on_socket: Callable[[socket], None]) -> str:
        """Return who issued the certificate that was not trusted, and what it was checked against; empty if unknown.

        This takes another connection, for TLS tells only who accepts any certificate. Nothing is sent over it.
        """
        lookup = Attempt(attempt.endpoint, attempt.deadline.within(_NOTE_S))
        try:
            dialed = self._replace(context=unverified_context).dial(lookup, on_socket)
        except TransportError:
            return ""
        with closing(dialed.socket):
            certificate = cast("ssl.SSLSocket", dialed.socket).getpeercert(binary_form=True)
        if certificate is None or self.tls.trust is None:
            return ""
        return f"it was issued by {issuer_of(certificate)}, and is checked against {self.tls.trust.origin}"


def _connect(attempt: Attempt, proxy: Proxy | None) -> socket:
    attempt.left_s()
    end = attempt.endpoint if proxy is None else proxy
    try:
        return connect(end.host, end.port, attempt.deadline)
    except OSError as error:
        _fail(attempt, error, proxy)


def _tunnel(connection: socket, attempt: Attempt, proxy: Proxy) -> None:
    try:
        open_tunnel(connection, attempt.endpoint, proxy, attempt.deadline)
    except OSError as error:
        _fail(attempt, error, proxy)


def _fail(attempt: Attempt, error: OSError, proxy: Proxy | None = None) -> NoReturn:
    if shortage := MachineError.of(error, f"{attempt.endpoint.target} was not reached"):
        attempt.fail(shortage, error)
    reason = attempt.hide(str(error) or type(error).__name__)
    hint = tls_hint(reason)
    if proxy is not None:
        reason = f"{proxy}: {reason}"
    attempt.fail(attempt.unreached(reason, hint), error)
