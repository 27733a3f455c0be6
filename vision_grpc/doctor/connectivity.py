"""Whether calls can reach the service, step by step: the proxy, the port, TLS, and the protocol that is spoken."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from vision_grpc.doctor.connection import connect, proxy_finding, proxy_for, takes_tls
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.http import CORRECT_THE_PORT, HANGS, Reply, ask_over_http1, begin_http2, compare_clocks
from vision_grpc.doctor.tls import is_of_certificate, refusal_fault
from vision_grpc.errors import USE_TLS, Advice
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.proxy import Proxy
from vision_grpc.session.settings import Settings
from vision_grpc.transport.grpc.probe import gets_answered, gets_connected


def check_connectivity(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Yield what each step finds.

    Raises:
        FaultError: one of the steps failed.
    """
    endpoint = settings.first_endpoint
    proxy = proxy_for(endpoint)
    yield proxy_finding(proxy, settings)
    try:
        yield from (_check_rest if settings.transport == "rest" else _check_grpc)(settings, proxy, timeout_s)
    except FaultError as fault:
        if endpoint.plaintext and fault.finding.name.startswith("http") and takes_tls(endpoint, timeout_s):
            message = f"{endpoint.target} speaks TLS"
            raise FaultError(message, USE_TLS, name="tls") from fault
        raise


def _check_rest(settings: Settings, proxy: Proxy | None, timeout_s: float) -> Iterator[Finding]:
    connection = yield from connect(settings, proxy, timeout_s, ["http/1.1"], tunnels_plaintext=False)
    connection.close()
    answer = ask_over_http1(settings, timeout_s)
    yield Finding("http", "ok", f"{settings.first_endpoint.target} speaks HTTP/1.1, so REST gets through")
    yield compare_clocks(answer)


def _check_grpc(settings: Settings, proxy: Proxy | None, timeout_s: float) -> Iterator[Finding]:
    endpoint = settings.first_endpoint
    try:
        connection = yield from connect(settings, proxy, timeout_s, ["h2", "http/1.1"], tunnels_plaintext=True)
    except FaultError as refusal:
        if not (is_of_certificate(refusal) and gets_answered(endpoint, settings.tls, Deadline.after(timeout_s))):
            raise
        yield replace(refusal.finding, state="warning", message=f"gRPC alone takes the certificate: {refusal}")
        yield Finding("http2", "ok", f"{endpoint.target} speaks HTTP/2, so gRPC gets through")
        return
    with closing(connection):
        reply, reason = _reply_of(connection)
    if reply == "http2" and gets_connected(endpoint, settings.tls, Deadline.after(timeout_s)):
        yield Finding("http2", "ok", f"{endpoint.target} speaks HTTP/2, so gRPC gets through")
        try:
            answer = ask_over_http1(settings, timeout_s)
        except FaultError:
            yield Finding("clock", "ok", "not compared: no answer over HTTP/1.1, which gRPC does not need")
        else:
            yield compare_clocks(answer)
        return
    fault = _no_http2(settings, reply, reason, timeout_s)
    if settings.transport == "grpc":
        raise fault
    try:
        answer = ask_over_http1(settings, timeout_s)
    except FaultError as rest_fault:
        raise (rest_fault if reply == "other" else fault) from rest_fault
    yield Finding(
        "http2",
        "warning",
        f"{fault}, so calls will go over REST",
        [Advice("correct the port if gRPC is meant"), Advice("pass", "transport", '"rest"')]
        if endpoint.plaintext
        else [Advice("check whether a proxy before the service does not pass HTTP/2 on")],
    )
    yield compare_clocks(answer)


def _reply_of(connection: socket.socket) -> tuple[Reply, str]:
    # gRPC does not use a connection on which HTTP/2 was not agreed.
    if isinstance(connection, ssl.SSLSocket) and connection.selected_alpn_protocol() != "h2":
        return "other", ""
    return begin_http2(connection)


def _no_http2(settings: Settings, reply: Reply, reason: str, timeout_s: float) -> FaultError:
    """Return the fault of a connection over which no HTTP/2 came back."""
    target = settings.first_endpoint.target
    if reply == "http2":
        return FaultError(
            f"{target} speaks HTTP/2, and gRPC does not get through all the same",
            Advice("pass", "transport", '"auto"'),
            Advice("ask the operator of the service for a certificate with a usual key (RSA or P-256)"),
            name="http2",
        )
    if reply == "end" and not settings.first_endpoint.plaintext:
        return refusal_fault(settings, reason)
    if reply == "silence":
        return FaultError(
            f"{target} takes connections and does not answer within {timeout_s:g} s",
            *HANGS,
            name="http2",
        )
    return FaultError(
        f"{target} does not speak HTTP/2, which gRPC needs",
        Advice("pass", "transport", '"auto"'),
        CORRECT_THE_PORT,
        name="http2",
    )
