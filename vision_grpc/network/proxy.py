"""The proxy that the environment names for an endpoint, and the tunnel through it.

Only proxies at `http://` are supported, as in gRPC: what goes through their tunnel is encrypted by itself.
"""

import base64
import os
import re
import socket
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import unquote

from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint, join_host_port, split_url
from vision_grpc.network.happy_eyeballs import connect

# Matches interim heads and the final one. Lines may end without CR, which RFC 9112, 2.2, lets a reader accept.
_FINAL_HEAD = re.compile(
    rb"(?>HTTP/1\.\d 1\d\d\b.*?\r?\n\r?\n)*+HTTP/1\.\d (?P<status>[2-9]\d\d)\b.*?\r?\n\r?\n", re.DOTALL
)
_HEAD_BYTES = 65_536
_TIMED_OUT = "timed out"
# By these a proxy says that the tunnel is open.
_GOOD_STATUSES = range(200, 300)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class UnusableProxyError(ValueError):
    """The environment names a proxy that cannot be used; the text does not contain its password."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"the proxy in {variable} cannot be used: {reason}")


class TunnelError(OSError):
    """A proxy opened no tunnel. `status` is the HTTP status of its answer; None: the answer was not HTTP."""

    def __init__(self, status: int | None) -> None:
        super().__init__("it did not answer in HTTP" if status is None else f"it answered HTTP {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names."""

    variable: str
    """The environment variable that names it."""
    scheme: str
    host: str
    port: int
    authorization: str | None = field(repr=False)
    """The value of the `Proxy-Authorization` header, None without a password."""

    @property
    def target(self) -> str:
        """The address as `host:port`. The URL is not shown, as it may contain a password."""
        return join_host_port(self.host, self.port)

    @property
    def is_usable(self) -> bool:
        """Whether it is a proxy of the supported kind."""
        return self.scheme == "http"


def proxy_of(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy for an endpoint, None if the connection is direct, as it always is within this machine.

    Raises:
        UnusableProxyError: the environment names something that is not an address.
    """
    scheme = "http" if endpoint.plaintext else "https"
    proxies = urllib.request.getproxies()
    named = next((name for name in (scheme, "all") if proxies.get(name)), None)
    # Calls within this machine may be plaintext, and a proxy is another machine.
    if named is None or endpoint.is_loopback or any(map(urllib.request.proxy_bypass, (endpoint.host, endpoint.target))):
        return None
    variable, text = f"{named}_proxy", proxies[named]
    if variable not in os.environ and variable.upper() in os.environ:
        variable = variable.upper()
    parts, port = split_url(text if "://" in text else f"http://{text}")
    if parts.hostname is None:
        raise UnusableProxyError(variable, "it is not an address")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode(errors="surrogateescape")).decode()
    if port is None:
        port = _DEFAULT_PORTS.get(parts.scheme, _SOCKS_PORT)
    return Proxy(variable, parts.scheme, parts.hostname, port, authorization)


def connect_to_proxy(proxy: Proxy, deadline: Deadline) -> socket.socket:
    """Return a connection to a proxy; nothing has been sent over it.

    Raises:
        UnusableProxyError: the proxy is of another kind, or its host is not a valid name.
        OSError: the proxy was not reached in time.
    """
    if not proxy.is_usable:
        raise UnusableProxyError(proxy.variable, f"it is {proxy.scheme}://, and only http:// is supported")
    try:
        return connect(proxy.host, proxy.port, deadline)
    except UnicodeError:
        raise UnusableProxyError(proxy.variable, "its host is not a valid name") from None


def open_tunnel(connection: socket.socket, endpoint: Endpoint, proxy: Proxy, deadline: Deadline) -> None:
    """Ask a proxy to pass on everything that follows on a connection to the endpoint.

    Raises:
        TunnelError: the proxy answered something else than that it does so.
        OSError: the proxy did not answer in time, or the connection broke.
    """
    lines = [f"CONNECT {endpoint.target} HTTP/1.1", f"Host: {endpoint.target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.settimeout(_left_s(deadline))
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    received = b""
    while (head := _FINAL_HEAD.match(received)) is None:
        connection.settimeout(_left_s(deadline))
        # This reads nothing of the service, which speaks only after the client has spoken.
        piece = connection.recv(4096)
        received += piece
        if not piece or len(received) > _HEAD_BYTES or not b"HTTP/".startswith(received[:5]):
            raise TunnelError(None)
    if (status := int(head["status"])) not in _GOOD_STATUSES:
        raise TunnelError(status)


def _left_s(deadline: Deadline) -> float:
    # Sockets take 0 for "do not wait at all", which ends in another error.
    if (left_s := deadline.left_s) > 0:
        return left_s
    raise TimeoutError(_TIMED_OUT)
