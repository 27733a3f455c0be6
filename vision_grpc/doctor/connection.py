"""Connections to the service, opened as the transports open them."""

import socket
import ssl
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.tls import certificate_of, handshake_fault, is_refusal
from vision_grpc.errors import Advice, PathError, TransportError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.dialer import Dialed, Dialer
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import Proxy, excepted_by, how_to_bypass, proxy_of
from vision_grpc.network.tls import Tls
from vision_grpc.network.tls.contexts import unverified_context
from vision_grpc.network.tunnel import TunnelError
from vision_grpc.session.settings import Settings

_AUTHENTICATION_REQUIRED = 407


class _Progress:
    """How far a connection has come."""

    def __init__(self) -> None:
        self.address: str | None = None
        self.in_handshake = False

    def take(self, connection: socket.socket) -> None:
        """Take note of a socket, as `Dialer.dial` reports them."""
        self.in_handshake = isinstance(connection, ssl.SSLSocket)
        if self.address is None:
            self.address = "an address that is not known any more"
            with suppress(OSError):  # The connection has ended already.
                self.address = connection.getpeername()[0]


def proxy_for(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy that the environment names.

    Raises:
        FaultError: that proxy cannot be used.
    """
    try:
        return proxy_of(endpoint)
    except PathError as error:
        raise FaultError(error.problem, *error.advice, name="proxy") from error


def proxy_finding(proxy: Proxy | None, settings: Settings) -> Finding:
    """Return the warning that there is a proxy, or that there is none."""
    endpoint = settings.first_endpoint
    if proxy is None:
        variable = excepted_by(endpoint)
        reason = "" if variable is None else f": {variable} in the environment excepts {endpoint.host}"
        return Finding("proxy", "ok", f"none, the connection is direct{reason}")
    need = "all calls go through it"
    if settings.transport != "rest":
        need = "gRPC needs it to allow CONNECT and pass HTTP/2 on"
    message = f"{proxy.target}, named by {proxy.variable} in the environment: {need}"
    return Finding("proxy", "warning", message, [how_to_bypass(endpoint)])


def connect(
    settings: Settings, proxy: Proxy | None, timeout_s: float, protocols: Sequence[str], *, tunnels_plaintext: bool
) -> Generator[Finding, None, socket.socket]:
    """Yield what the steps of connecting find, and return a connection that speaks one of the protocols.

    Raises:
        FaultError: one of the steps failed.
    """
    endpoint, tls = settings.first_endpoint, settings.tls
    dialer = Dialer(
        partial(tls.context, *protocols), tls, through_proxy=proxy is not None, tunnels_plaintext=tunnels_plaintext
    )
    attempt, progress = Attempt(endpoint, Deadline.after(timeout_s)), _Progress()
    try:
        dialed = dialer.dial(attempt, progress.take)
    except TransportError as error:
        if not progress.in_handshake:
            raise _fault(error, endpoint, proxy, progress, timeout_s) from error
        yield _port_finding(endpoint, proxy, progress)
        raise handshake_fault(settings, error.__cause__, attempt.note) from error
    try:
        dialed.socket.settimeout(timeout_s)
        if dialed.proxy is None:  # Else the proxy alone was reached.
            yield _port_finding(endpoint, proxy, progress)
        if isinstance(dialed.socket, ssl.SSLSocket):
            yield certificate_of(dialed.socket)
    except BaseException:
        dialed.socket.close()
        raise
    return dialed.socket


def takes_tls(endpoint: Endpoint, timeout_s: float) -> bool:
    """Return whether the service speaks TLS, to any client and with any certificate."""
    attempt = Attempt(replace(endpoint, plaintext=False), Deadline.after(timeout_s))
    try:
        dialed: Dialed = Dialer(unverified_context, Tls(), through_proxy=True).dial(attempt, lambda _: None)
    except TransportError as error:
        return isinstance(error.__cause__, ssl.SSLError) and is_refusal(error.__cause__)
    with closing(dialed.socket):
        return True


def _port_finding(endpoint: Endpoint, proxy: Proxy | None, progress: _Progress) -> Finding:
    by = progress.address if proxy is None else f"through the proxy {proxy.target}"
    return Finding("port", "ok", f"{endpoint.target} takes connections ({by})")


def _fault(
    error: TransportError, endpoint: Endpoint, proxy: Proxy | None, progress: _Progress, timeout_s: float
) -> FaultError:
    """Return the fault of a connection that failed before its TLS handshake."""
    cause = error.__cause__
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause or error)
    if proxy is not None:
        return _proxy_fault(cause, reason, endpoint, proxy, progress)
    if isinstance(cause, socket.gaierror):
        message = f"no address is known for {endpoint.host}: {reason}"
        return FaultError(message, Advice("correct the host name"), Advice("check DNS"), name="address")
    if isinstance(cause, TimeoutError):
        message = f"{endpoint.target} takes no connections within {timeout_s:g} s"
        return FaultError(message, Advice("check whether a firewall drops the packets"), name="port")
    message = f"{endpoint.target} takes no connections: {reason}"
    return FaultError(message, Advice("start the service"), Advice("correct host and port"), name="port")


def _proxy_fault(
    cause: BaseException | None, reason: str, endpoint: Endpoint, proxy: Proxy, progress: _Progress
) -> FaultError:
    if isinstance(cause, TunnelError) and cause.status == _AUTHENTICATION_REQUIRED:
        message = f"the proxy {proxy.target} wants a name and password (HTTP 407)"
        return FaultError(message, Advice(f"set {proxy.variable}=http://name:password@{proxy.target}"), name="proxy")
    if isinstance(cause, TunnelError):
        answer = "something that is not HTTP" if cause.status is None else f"HTTP {cause.status}"
        problem = f"answers CONNECT {endpoint.target} with {answer}"
    elif progress.address is None:
        problem = f"takes no connections: {reason}"
    else:
        problem = f"does not answer: {reason}"
    correct, bypass = Advice(f"correct {proxy.variable} in the environment"), how_to_bypass(endpoint)
    return FaultError(f"the proxy {proxy.target} {problem}", correct, bypass, name="proxy")
