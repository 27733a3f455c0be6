"""The proxy that the environment names for an endpoint. docs/proxies.md states the rule and where it comes from.

Only proxies at `http://` are supported, as in gRPC: what goes through their tunnel is encrypted by itself.
"""

import base64
import os
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote

from vision_grpc.errors import Advice, PathError
from vision_grpc.network.endpoint import Endpoint, is_ip_address, join_host_port, split_url
from vision_grpc.network.no_proxy import excepts
from vision_grpc.texts.cleaning import clean

_DEFAULT_PORT = 80
_NAME = re.compile(r"[a-z0-9._-]+")
# Found there, they come from a password that is not percent-encoded, or from a mistake in `://`.
_MISPLACED = re.compile(r"[@:]")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that the environment names."""

    variable: str
    """The environment variable that names it."""
    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    """The value of the `Proxy-Authorization` header, None without a user."""

    @property
    def target(self) -> str:
        """The address as `host:port`. The URL is not shown, as it may contain a password."""
        return join_host_port(self.host, self.port)

    def __str__(self) -> str:
        return f"the proxy {self.target} (see {self.variable} and {_no_proxy()[0]} in the environment)"


def proxy_of(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy for an endpoint, None if the connection is direct, as it always is within this machine.

    Raises:
        PathError: the environment names a proxy that cannot be used; the text does not contain its password.
    """
    # Calls within this machine may be plaintext, and a proxy is another machine.
    if endpoint.is_loopback:
        return None
    named = _named_for(endpoint)
    if named is None or excepted_by(endpoint) is not None:
        return None
    variable, text = named
    parts, port = split_url(text if "://" in text else f"http://{text}")
    host = _host_of(parts)
    if host is None or port == 0:
        raise _unusable(variable, "it is not an address", endpoint)
    if parts.scheme != "http":
        raise _unusable(variable, f"it is {parts.scheme}://, and only http:// is supported", endpoint)
    return Proxy(variable, host, _DEFAULT_PORT if port is None else port, _authorization(parts))


def excepted_by(endpoint: Endpoint) -> str | None:
    """Return the variable with an entry that keeps an endpoint from any proxy, None if there is none."""
    variable, entries = _no_proxy()
    return variable if excepts(entries, endpoint) else None


def how_to_bypass(endpoint: Endpoint) -> Advice:
    """Return what makes the connection to an endpoint a direct one."""
    variable, entries = _no_proxy()
    setting = f"add {endpoint.host} to {variable}" if entries else f"set {variable}={endpoint.host}"
    return Advice(f"{setting} to connect directly")


def _named_for(endpoint: Endpoint) -> tuple[str, str] | None:
    """Return the variable that names a proxy for an endpoint, and its value; None if there is none."""
    scheme = "http" if endpoint.plaintext else "https"
    for name in ("grpc_proxy", f"{scheme}_proxy", "all_proxy"):
        spellings = [name, name.upper()]
        if name == "grpc_proxy" or (name == "http_proxy" and "REQUEST_METHOD" in os.environ):
            # gRPC reads its own variable in lowercase alone. And when a web server runs this program over CGI,
            # HTTP_PROXY is what its client has sent in a header `Proxy`.
            spellings = [name]
        # What is set in lowercase counts, even if it is empty.
        values = ((each, clean(os.environ[each]).text) for each in spellings if each in os.environ)
        variable, value = next(values, (name, ""))
        if value:
            return variable, value
    return None


def _no_proxy() -> tuple[str, str]:
    """Return the variable that lists exceptions, and the list, which may be empty."""
    lists = ((name, clean(os.environ.get(name, "")).text) for name in ("no_grpc_proxy", "no_proxy", "NO_PROXY"))
    return next(((name, entries) for name, entries in lists if entries), ("NO_PROXY", ""))


def _host_of(parts: SplitResult) -> str | None:
    """Return the host of a URL, as it is asked for in DNS; None if it is not a URL of a host."""
    if _MISPLACED.search(parts.path + parts.query + parts.fragment):
        return None
    host = unquote(parts.hostname or "")
    if is_ip_address(host):
        return host
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        return None
    return host if _NAME.fullmatch(host) else None


def _authorization(parts: SplitResult) -> str | None:
    if not (parts.username or parts.password):
        return None
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode(errors="surrogateescape")).decode()


def _unusable(variable: str, reason: str, endpoint: Endpoint) -> PathError:
    return PathError(
        f"the proxy in {variable} cannot be used: {reason}",
        lasting=True,
        advice=[Advice("name one as http://host:port"), how_to_bypass(endpoint)],
    )
