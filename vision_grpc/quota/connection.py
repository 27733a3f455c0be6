"""The connection to a service that hands out a quota: for threads, made at its first use, anew in a child process."""

import os
import threading
import time
from typing import Any, cast

import grpc

from vision_grpc.errors import TransportError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Trust, read_trust
from vision_grpc.transport.grpc.forks import FORKS, keep_for_ever
from vision_grpc.transport.grpc.thread_channel import close_channels
from vision_grpc.version import USER_AGENT

_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.primary_user_agent", USER_AGENT),
    # A host that vanished is noticed in seconds.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A service that is back is found soon: its quota rests for `pace.SETTLE_S` until all clients have come.
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # By default a name server that is silent is waited for as long as the call lasts.
    ("grpc.dns_ares_query_timeout", 2_000),
    # The service is near, so no proxy is between.
    ("grpc.enable_http_proxy", 0),
    ("grpc.address_http_proxy_enabled_addresses", ""),
)


class Call:
    """A call under way."""

    def __init__(self, future: Any) -> None:  # noqa: ANN401 - gRPC's futures have no public type
        self._future = future
        self._started_at = time.monotonic()
        self._ended_at = self._started_at
        self._has_ended = threading.Event()
        future.add_done_callback(self._end)

    def _end(self, _future: object) -> None:
        self._ended_at = time.monotonic()
        self._has_ended.set()

    @property
    def ended_at(self) -> float:
        """When the answer came."""
        return self._ended_at

    @property
    def took_s(self) -> float:
        """How long the answer took to come."""
        return self._ended_at - self._started_at

    def has_ended(self, within_s: float | None) -> bool:
        """Return whether the call has ended, as soon as it does, at the latest after so long; None: however long."""
        return self._has_ended.wait(within_s)

    def answer(self) -> bytes:
        """Return the answer of a call that has ended.

        Raises:
            grpc.RpcError: it failed.
            TransportError: it was broken off here.
        """
        try:
            wire: bytes = self._future.result()
        except grpc.FutureCancelledError:
            raise closed() from None
        return wire

    def cancel(self) -> None:
        """Break the call off."""
        self._future.cancel()


class Connection:
    """Calls to a service, and waits, which `close` breaks off."""

    def __init__(self, endpoint: Endpoint, trust: Trust | None = None) -> None:
        """`trust`: what to trust of a service that speaks TLS; None: what this machine trusts.

        Raises:
            SettingError: that cannot be read.
        """
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._channel = _open(endpoint, trust)
        self._calls: set[Call] = set()
        self._is_closed = threading.Event()

    def start(self, path: str, wire: bytes, timeout_s: float, *, connects: bool = False) -> Call:
        """Send a request. With `connects`, it waits for a connection; else it fails where there is none.

        Raises:
            TransportError: the connection is closed.
        """
        with self._lock:
            if self._is_closed.is_set():
                raise closed()
            method = cast("grpc.UnaryUnaryMultiCallable[bytes, bytes]", self._channel.unary_unary(path))
            call = Call(method.future(wire, timeout=timeout_s, wait_for_ready=connects))
            self._calls = {each for each in self._calls if not each.has_ended(0)} | {call}
            return call

    def wait(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            TransportError: the connection is closed, now or before.
        """
        if self._is_closed.wait(seconds):
            raise closed()

    def close(self) -> None:
        """Break off what is under way."""
        with self._lock:
            self._is_closed.set()
            calls, self._calls = self._calls, set()
        for call in calls:
            call.cancel()
        close_channels([self._channel])

    def leave_to_parent(self) -> None:
        """Touch nothing of it in a forked child: its threads are in the parent."""
        keep_for_ever(self)


def closed() -> TransportError:
    """Return the error of what was broken off."""
    return TransportError("the quota was closed")


def _open(endpoint: Endpoint, trust: Trust | None) -> grpc.Channel:
    FORKS.used()
    if endpoint.plaintext:
        return grpc.insecure_channel(endpoint.target, options=_OPTIONS)
    roots = (read_trust(None) if trust is None else trust).pem
    return grpc.secure_channel(endpoint.target, grpc.ssl_channel_credentials(roots), options=_OPTIONS)
