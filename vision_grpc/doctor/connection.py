"""Connections to the service: direct, or through the proxy that calls would take."""

import base64
import socket
import urllib.request
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.transport.endpoint import Endpoint

_HEAD_BYTES = 65_536
_PROXY_PORTS = {"http": 80, "https": 443}
_AUTHENTICATION_REQUIRED = 407


class Proxy(NamedTuple):
    """A proxy that the environment names for an endpoint."""

    variable: str
    scheme: str
    host: str
    port: int
    authorization: str | None

    @property
    def target(self) -> str:
        """The address as `host:port`; a proxy's URL may hold a password."""
        return f"{self.host}:{self.port}"

    @property
    def tunnels_grpc(self) -> bool:
        """Whether gRPC uses it: it passes over proxies of other kinds and connects directly."""
        return self.scheme == "http"

    def finding(self, endpoint: Endpoint) -> Finding:
        """Tell of the proxy."""
        need = "needs it to allow CONNECT and pass HTTP/2 on" if self.tunnels_grpc else "passes it over"
        return Finding(
            "proxy",
            "warning",
            f"{self.target}, by {self.variable} of the environment: gRPC {need}",
            f"if that is not meant: NO_PROXY={endpoint.host}",
        )

    def fault(self, endpoint: Endpoint, problem: str) -> FaultError:
        """Return what ends the way here."""
        fix = f"correct {self.variable} in the environment, or pass the proxy by: NO_PROXY={endpoint.host}"
        return FaultError(f"the proxy {self.target} {problem}", fix, name="proxy")


def proxy_of(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy that the environment names.

    Raises:
        FaultError: it is named in a way that nobody understands.
    """
    scheme = "http" if endpoint.plaintext else "https"
    proxies = urllib.request.getproxies()
    named = next((name for name in (scheme, "all") if proxies.get(name)), None)
    if named is None or endpoint.is_loopback or urllib.request.proxy_bypass(endpoint.host):
        return None
    text = proxies[named]
    variable = f"{named}_proxy"
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.hostname is None or port == -1:
        # Without its text, which may hold a password.
        message = f"{variable} of the environment names no proxy"
        raise FaultError(message, f"{variable}=http://host:port", name="proxy")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    if port is None:
        port = _PROXY_PORTS.get(parts.scheme, 1080)
    return Proxy(variable, parts.scheme, parts.hostname, port, authorization)


def connect(endpoint: Endpoint, proxy: Proxy | None, timeout_s: float) -> socket.socket:
    """Return a connection to the service.

    Raises:
        FaultError: none came about.
    """
    return _connect_directly(endpoint, timeout_s) if proxy is None else _tunnel(endpoint, proxy, timeout_s)


def connect_to_proxy(endpoint: Endpoint, proxy: Proxy, timeout_s: float) -> socket.socket:
    """Return a connection to the proxy, which has not been told anything yet.

    Raises:
        FaultError: none came about.
    """
    try:
        return socket.create_connection((proxy.host, proxy.port), timeout_s)
    except UnicodeError as error:
        raise proxy.fault(endpoint, "is at no host that DNS can have") from error
    except OSError as error:
        raise proxy.fault(endpoint, f"takes no connections: {error.strerror or error}") from error


def _connect_directly(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    try:
        return socket.create_connection((endpoint.host, endpoint.port), timeout_s)
    except socket.gaierror as error:
        message = f"no address is known for {endpoint.host}: {error.strerror}"
        raise FaultError(message, "correct the host name, or see to DNS", name="address") from error
    except TimeoutError as error:
        message = f"{endpoint.target} takes no connections within {timeout_s:g} s"
        raise FaultError(message, "see whether a firewall drops the packets", name="port") from error
    except OSError as error:
        message = f"{endpoint.target} takes no connections: {error.strerror or error}"
        raise FaultError(message, "start the service, or correct host and port", name="port") from error


def _tunnel(endpoint: Endpoint, proxy: Proxy, timeout_s: float) -> socket.socket:
    connection = connect_to_proxy(endpoint, proxy, timeout_s)
    try:
        status = _ask_for_tunnel(connection, endpoint, proxy)
    except OSError as error:
        connection.close()
        raise proxy.fault(endpoint, f"does not answer: {error.strerror or error}") from error
    if status // 100 == 2:  # noqa: PLR2004 - the class of the good ones
        return connection
    connection.close()
    if status == _AUTHENTICATION_REQUIRED:
        message = f"the proxy {proxy.target} wants a name and password (HTTP 407)"
        raise FaultError(message, f"{proxy.variable}=http://name:password@{proxy.target}", name="proxy")
    told = f"with HTTP {status}" if status else "with what is no HTTP"
    raise proxy.fault(endpoint, f"answers CONNECT {endpoint.target} {told}")


def _ask_for_tunnel(connection: socket.socket, endpoint: Endpoint, proxy: Proxy) -> int:
    """Return the status that the proxy answers with, 0 for what is none."""
    lines = [f"CONNECT {endpoint.target} HTTP/1.1", f"Host: {endpoint.target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_BYTES:
        # Nothing of the service is read here: it speaks only when spoken to.
        piece = connection.recv(4096)
        if not piece:
            break
        head += piece
    version, _, rest = head.partition(b" ")
    status = rest[:3]
    return int(status) if version.startswith(b"HTTP/") and status.isdigit() else 0
