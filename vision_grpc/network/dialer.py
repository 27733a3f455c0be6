"""Connections to the service for REST: direct or through a proxy, with TLS on them."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket
from typing import NamedTuple, NoReturn, Self

from vision_grpc.errors import PathError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.proxy import (
    GOOD_STATUSES,
    Proxy,
    UnusableProxyError,
    ask_for_tunnel,
    connect_to_proxy,
    proxy_of,
)
from vision_grpc.network.tls import Tls, tls_hint


class Dialed(NamedTuple):
    """A connection, and how to speak over it."""

    socket: socket
    proxy: Proxy | None
    """The proxy that is at the other end, which requests are to be addressed through; None if it is the service."""


class Dialer(NamedTuple):
    """How connections come about."""

    context: ssl.SSLContext
    server_name: str | None
    through_proxy: bool
    """Whether the one is taken that the environment names, if any."""

    @classmethod
    def of(cls, tls: Tls, *, through_proxy: bool) -> Self:
        """Return the dialer of connections that are protected so."""
        return cls(tls.context("http/1.1"), tls.server_name, through_proxy)

    def dial(self, attempt: Attempt, on_socket: Callable[[socket], None]) -> Dialed:
        """Return a connection to the attempt's endpoint, which blocks without a time-out.

        `on_socket` is told of each socket as soon as there is one, for whoever may want to shut it down.

        Raises:
            PathError: none came about.
            DeadlineError: the time is over.
        """
        try:
            proxy = proxy_of(attempt.endpoint) if self.through_proxy else None
            connection = _connect(attempt, proxy)
        except UnusableProxyError as error:
            raise PathError(str(error), lasting=True) from error
        try:
            on_socket(connection)
            with suppress(OSError):  # It has ended already; what follows will tell.
                connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, True)  # noqa: FBT003 - what the option is set to
            if not attempt.endpoint.plaintext:
                if proxy is not None:
                    _tunnel(connection, attempt, proxy)
                    proxy = None
                # The old object is no socket any more, the new one owns what it held.
                connection = self._secure(connection, attempt, on_socket)
            connection.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return Dialed(connection, proxy)

    def _secure(self, connection: socket, attempt: Attempt, on_socket: Callable[[socket], None]) -> socket:
        name = self.server_name or attempt.endpoint.host
        try:
            secured = self.context.wrap_socket(connection, server_hostname=name, do_handshake_on_connect=False)
            try:
                on_socket(secured)
                secured.settimeout(attempt.left_s())
                secured.do_handshake()
            except BaseException:
                secured.close()
                raise
        except OSError as error:
            _fail(attempt, error)
        return secured


def _connect(attempt: Attempt, proxy: Proxy | None) -> socket:
    endpoint = attempt.endpoint
    try:
        if proxy is None:
            return create_connection((endpoint.host, endpoint.port), attempt.left_s())
        return connect_to_proxy(proxy, attempt.left_s())
    except OSError as error:
        _fail(attempt, error, proxy)


def _tunnel(connection: socket, attempt: Attempt, proxy: Proxy) -> None:
    try:
        status = ask_for_tunnel(connection, attempt.endpoint, proxy, attempt.left_s())
    except OSError as error:
        _fail(attempt, error, proxy)
    if status not in GOOD_STATUSES:
        told = f"HTTP {status}" if status else "with what is no HTTP"
        message = f"{attempt.endpoint.target} was not reached: {_named(proxy)} answered {told}"
        raise PathError(message)


def _fail(attempt: Attempt, error: OSError, proxy: Proxy | None = None) -> NoReturn:
    told = attempt.hide(str(error) or type(error).__name__)
    hint = tls_hint(told)
    by = "" if proxy is None else f"{_named(proxy)}: "
    attempt.fail(PathError(f"{attempt.endpoint.target} was not reached: {by}{told}{hint}", lasting=bool(hint)), error)


def _named(proxy: Proxy) -> str:
    return f"the proxy {proxy.target} (see {proxy.variable} and NO_PROXY in the environment)"
