"""The way to the service, step by step as calls take it: proxy, port, TLS, and what is spoken there."""

import socket
import ssl
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from vision_grpc.doctor.connection import connect, finding_of, proxy_for, reach_proxy
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.http import Reply, ask_over_http1, begin_http2, compare_clocks
from vision_grpc.doctor.tls import certificate_of, refused, secure, takes_tls
from vision_grpc.network.proxy import Proxy
from vision_grpc.session.settings import Settings


def walk(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Yield what is found on the way.

    Raises:
        FaultError: what is in the way.
    """
    proxy = proxy_for(settings.place)
    if proxy is None:
        yield Finding("proxy", "ok", "none, the service is connected to directly")
    else:
        yield finding_of(proxy, settings.place)
    try:
        yield from (_over_rest if settings.transport == "rest" else _over_grpc)(settings, proxy, timeout_s)
    except FaultError as fault:
        place = settings.place
        if place.plaintext and fault.finding.name.startswith("http") and _takes_tls(settings, proxy, timeout_s):
            message, fix = f"{place.target} speaks TLS", "drop insecure=True or http://"
            raise FaultError(message, fix, name="tls") from fault
        raise


def _over_rest(settings: Settings, proxy: Proxy | None, timeout_s: float) -> Iterator[Finding]:
    if proxy is None or not settings.place.plaintext:
        connection = yield from _connect(settings, proxy, timeout_s, ["http/1.1"])
    else:
        # Plaintext needs no tunnel.
        connection = reach_proxy(settings.place, proxy, timeout_s)
    connection.close()
    answer = ask_over_http1(settings, timeout_s)
    yield Finding("http", "ok", f"{settings.place.target} speaks HTTP/1.1, so REST gets through")
    yield compare_clocks(answer)


def _over_grpc(settings: Settings, proxy: Proxy | None, timeout_s: float) -> Iterator[Finding]:
    target = settings.place.target
    tunnel = proxy if proxy is not None and proxy.is_usable else None
    connection = yield from _connect(settings, tunnel, timeout_s, ["h2", "http/1.1"])
    with closing(connection):
        reply, told = _reply_of(connection)
    if reply == "http2":
        yield Finding("http2", "ok", f"{target} speaks HTTP/2, so gRPC gets through")
        try:
            answer = ask_over_http1(settings, timeout_s)
        except FaultError:
            yield Finding("clock", "ok", "not compared: no answer over HTTP/1.1, which gRPC does not need")
        else:
            yield compare_clocks(answer)
        return
    fault = _fault(settings, reply, told, timeout_s)
    if settings.transport == "grpc":
        raise fault
    try:
        answer = ask_over_http1(settings, timeout_s)
    except FaultError as rest_fault:
        raise (rest_fault if reply == "other" else fault) from rest_fault
    yield Finding(
        "http2",
        "warning",
        f"{target} speaks no HTTP/2, so calls will go by REST",
        "if gRPC is meant, give the port that speaks it; else transport rest"
        if settings.place.plaintext
        else "see whether a proxy before the service takes HTTP/2 away",
    )
    yield compare_clocks(answer)


def _connect(
    settings: Settings, proxy: Proxy | None, timeout_s: float, protocols: Sequence[str]
) -> Generator[Finding, None, socket.socket]:
    place = settings.place
    connection = connect(place, proxy, timeout_s)
    try:
        by = connection.getpeername()[0] if proxy is None else f"by the proxy {proxy.target}"
        yield Finding("port", "ok", f"{place.target} takes connections ({by})")
        if place.plaintext:
            return connection
        connection = secured = secure(connection, settings, protocols)
        yield certificate_of(secured)
    except BaseException:
        connection.close()
        raise
    return connection


def _reply_of(connection: socket.socket) -> tuple[Reply, str]:
    # gRPC takes no connection where HTTP/2 was not agreed on.
    if isinstance(connection, ssl.SSLSocket) and connection.selected_alpn_protocol() != "h2":
        return "other", ""
    return begin_http2(connection)


def _fault(settings: Settings, reply: Reply, told: str, timeout_s: float) -> FaultError:
    """Return what it means to gRPC that no HTTP/2 came back."""
    target = settings.place.target
    if reply == "end" and not settings.place.plaintext:
        return refused(settings, told)
    if reply == "silence":
        return FaultError(
            f"{target} takes connections and does not answer within {timeout_s:g} s",
            "correct the port; or see whether the service hangs, or a firewall holds its answers back",
            name="http2",
        )
    return FaultError(
        f"{target} speaks no HTTP/2, which gRPC needs", "use transport auto or rest, or correct the port", name="http2"
    )


def _takes_tls(settings: Settings, proxy: Proxy | None, timeout_s: float) -> bool:
    try:
        with connect(settings.place, proxy, timeout_s) as connection:
            return takes_tls(connection)
    except FaultError:
        return False
