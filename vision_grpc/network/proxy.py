"""The proxy that the environment names for an endpoint, and the tunnel through it.

Only proxies that are spoken to in plaintext are used: gRPC knows no others, and what goes through their tunnel has
TLS of its own.
"""

import base64
import os
import re
import socket
import time
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import unquote

from vision_grpc.network.endpoint import Endpoint, join_host_port, split_url

# Of heads alone, interim ones first; lines may end without CR, as RFC 9112, 2.2, allows to read them.
_FINAL_HEAD = re.compile(
    rb"(?>HTTP/1\.\d 1\d\d\b.*?\r?\n\r?\n)*+HTTP/1\.\d (?P<status>[2-9]\d\d)\b.*?\r?\n\r?\n", re.DOTALL
)
_HEAD_BYTES = 65_536
_TIMED_OUT = "timed out"
GOOD_STATUSES = range(200, 300)
"""With which a proxy says that the tunnel is there."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080


class UnusableProxyError(ValueError):
    """A proxy is named that cannot be used; the text is without its password."""

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"the proxy in {variable} cannot be used: {reason}")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names."""

    variable: str
    """Where it is named."""
    scheme: str
    host: str
    port: int
    authorization: str | None = field(repr=False)
    """What it is to be told as `Proxy-Authorization`."""

    @property
    def target(self) -> str:
        """The address as `host:port`; a proxy's URL may hold a password."""
        return join_host_port(self.host, self.port)

    @property
    def is_usable(self) -> bool:
        """Whether it is of the kind that calls can take."""
        return self.scheme == "http"


def proxy_of(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy for an endpoint that is not on this machine; None if it is connected to directly.

    Raises:
        UnusableProxyError: something is named that is no address.
    """
    scheme = "http" if endpoint.plaintext else "https"
    proxies = urllib.request.getproxies()
    named = next((name for name in (scheme, "all") if proxies.get(name)), None)
    # What does not leave this machine may be plaintext, and a proxy is another one.
    if named is None or endpoint.is_loopback or any(map(urllib.request.proxy_bypass, (endpoint.host, endpoint.target))):
        return None
    variable, text = f"{named}_proxy", proxies[named]
    if variable not in os.environ and variable.upper() in os.environ:
        variable = variable.upper()
    parts, port = split_url(text if "://" in text else f"http://{text}")
    if parts.hostname is None:
        raise UnusableProxyError(variable, "it is no address")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode(errors="surrogateescape")).decode()
    if port is None:
        port = _DEFAULT_PORTS.get(parts.scheme, _SOCKS_PORT)
    return Proxy(variable, parts.scheme, parts.hostname, port, authorization)


def connect_to_proxy(proxy: Proxy, timeout_s: float) -> socket.socket:
    """Return a connection to a proxy, which has not been told anything yet.

    Raises:
        UnusableProxyError: it is of another kind, or at no host that DNS can have.
        OSError: it takes no connections.
    """
    if not proxy.is_usable:
        raise UnusableProxyError(proxy.variable, f"it is {proxy.scheme}://, and only http:// is known")
    try:
        return socket.create_connection((proxy.host, proxy.port), timeout_s)
    except UnicodeError:
        raise UnusableProxyError(proxy.variable, "its host is none that DNS can have") from None


def ask_for_tunnel(connection: socket.socket, endpoint: Endpoint, proxy: Proxy, timeout_s: float) -> int:
    """Return the HTTP status that a proxy answers CONNECT with, 0 for what is no HTTP.

    Raises:
        OSError: it does not answer in time.
    """
    deadline = time.monotonic() + timeout_s
    lines = [f"CONNECT {endpoint.target} HTTP/1.1", f"Host: {endpoint.target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.settimeout(timeout_s)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    received = b""
    while (head := _FINAL_HEAD.match(received)) is None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(_TIMED_OUT)
        connection.settimeout(left_s)
        # Nothing of the service is read here: it speaks only when spoken to.
        piece = connection.recv(4096)
        received += piece
        if not piece or len(received) > _HEAD_BYTES or not b"HTTP/".startswith(received[:5]):
            return 0
    return int(head["status"])
