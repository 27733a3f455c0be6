"""Connections to the service: direct, or through the proxy that calls would take."""

import socket

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import (
    GOOD_STATUSES,
    Proxy,
    UnusableProxyError,
    ask_for_tunnel,
    connect_to_proxy,
    proxy_of,
)

_AUTHENTICATION_REQUIRED = 407


def proxy_for(endpoint: Endpoint) -> Proxy | None:
    """Return the proxy that the environment names.

    Raises:
        FaultError: it is named in a way that nobody understands.
    """
    try:
        return proxy_of(endpoint)
    except UnusableProxyError as error:
        raise _unusable(error, endpoint) from error


def finding_of(proxy: Proxy, endpoint: Endpoint) -> Finding:
    """Tell of a proxy."""
    need = "needs it to allow CONNECT and pass HTTP/2 on" if proxy.is_usable else "passes it over"
    return Finding(
        "proxy",
        "warning",
        f"{proxy.target}, by {proxy.variable} of the environment: gRPC {need}",
        f"if that is not meant: NO_PROXY={endpoint.host}",
    )


def connect(endpoint: Endpoint, proxy: Proxy | None, timeout_s: float) -> socket.socket:
    """Return a connection to the service.

    Raises:
        FaultError: none came about.
    """
    return _connect_directly(endpoint, timeout_s) if proxy is None else _tunnel(endpoint, proxy, timeout_s)


def reach_proxy(endpoint: Endpoint, proxy: Proxy, timeout_s: float) -> socket.socket:
    """Return a connection to the proxy, which has not been told anything yet.

    Raises:
        FaultError: none came about.
    """
    try:
        return connect_to_proxy(proxy, timeout_s)
    except UnusableProxyError as error:
        raise _unusable(error, endpoint) from error
    except OSError as error:
        raise _fault(proxy, endpoint, f"takes no connections: {error.strerror or error}") from error


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
    connection = reach_proxy(endpoint, proxy, timeout_s)
    try:
        status = ask_for_tunnel(connection, endpoint, proxy, timeout_s)
    except OSError as error:
        connection.close()
        raise _fault(proxy, endpoint, f"does not answer: {error.strerror or error}") from error
    if status in GOOD_STATUSES:
        return connection
    connection.close()
    if status == _AUTHENTICATION_REQUIRED:
        message = f"the proxy {proxy.target} wants a name and password (HTTP 407)"
        raise FaultError(message, f"{proxy.variable}=http://name:password@{proxy.target}", name="proxy")
    told = f"with HTTP {status}" if status else "with what is no HTTP"
    raise _fault(proxy, endpoint, f"answers CONNECT {endpoint.target} {told}")


def _fault(proxy: Proxy, endpoint: Endpoint, problem: str) -> FaultError:
    fix = f"correct {proxy.variable} in the environment, or pass the proxy by: NO_PROXY={endpoint.host}"
    return FaultError(f"the proxy {proxy.target} {problem}", fix, name="proxy")


def _unusable(error: UnusableProxyError, endpoint: Endpoint) -> FaultError:
    fix = f"name one as http://host:port, or pass it by: NO_PROXY={endpoint.host}"
    return FaultError(str(error), fix, name="proxy")
