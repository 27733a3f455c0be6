"""The quota of a service that `vision-grpc quota` runs."""

import math
import os
import socket
import time
from typing import TYPE_CHECKING

from vision_grpc.network.tls import Pem
from vision_grpc.quota.pace import SETTLE_S
from vision_grpc.quota.quota import Grant
from vision_grpc.quota.remote import RemoteQuota

if TYPE_CHECKING:
    from vision_grpc.quota.connection import Call, Connection
    from vision_grpc.quota.desk import Permits

# Longer than the service holds an answer back, which is 10 s.
_ANSWER_S = 20.0
# How long the network may take, a connection included. A service that is slower hands out too little to wait for.
_PROBE_S = 1.0
# No quota is less: one request in eleven days.
_LEAST_PER_S = 1e-6
# An answer that has not come by then may be held back, or the service is gone: a question for nothing tells.
_LOOK_S = 2.0
# After this time what failed at once is tried again.
_PAUSE_S = 0.1
_MOST_NAME = 100


class SharedQuota(RemoteQuota):
    """The quota that a service hands out to all clients that know its address: see `vision-grpc quota --help`.

    Give each client an object of its own: the end of a client closes its quota. While the service cannot be reached,
    the client goes on at the share which the service named last, before that at `share_requests_per_s`, and comes back
    by itself.

    Args:
        address: `host:port`, or `https://host:port` where the connection is to be protected by TLS.
        share_requests_per_s: Requests a second while no service has been reached yet.
        client: Name in the lists of the service, at most 100 characters; default: host and process. Clients of one
            name have one client's part.
        root_certificates: What to trust of a service that speaks TLS, PEM, as bytes or a file, which is read now;
            default: what the machine trusts that connects, as for `VisionClient`.

    Raises:
        SettingError: the address is not of that form, or the certificates cannot be read.
        TypeError: an argument has the wrong type.
        ValueError: a number or the name has no meaning.
    """

    _is_alone: bool
    _probe: "Call | None"

    def __init__(
        self,
        address: str,
        *,
        share_requests_per_s: float = 1.0,
        client: str | None = None,
        root_certificates: Pem | None = None,
    ) -> None:
        super().__init__(address, share_requests_per_s, root_certificates)
        self._client = None if client is None else _check_name(client)

    def reserve(self, requests: int, images: int) -> Grant:
        """Return the permission for requests; see `Quota`."""
        connection = self._connect()
        while True:
            if self._is_alone and not self._comes_back(connection, images):
                return self._go_alone(images)
            if (wait_s := min(self._share.kept_until, self._alone_at()) - time.monotonic()) > 0:
                connection.wait(wait_s)
            permits = self._ask(connection, requests, images)
            if permits is None:
                self._is_alone = True
                if self._alone_at() <= time.monotonic():
                    return self._go_alone(images)
                connection.wait(_PAUSE_S)
            elif permits.waits_s:
                self._is_missed = False
                with self._lock:
                    now = time.monotonic()
                    images = permits.images or images
                    self._share.permitted(images, [now + wait_s for wait_s in permits.waits_s])
                    return Grant(permits.waits_s, self._share.per_s(images), images=images)

    def __repr__(self) -> str:
        return f"SharedQuota({self._endpoint.target!r}, share_requests_per_s={self._share_requests_per_s:g})"

    def _begin(self) -> None:
        super()._begin()
        self._is_alone = False
        self._probe = None

    @property
    def _name(self) -> str:
        return self._client if self._client is not None else f"{socket.gethostname()[:80]}:{os.getpid()}"

    def _ask(self, connection: "Connection", requests: int, images: int) -> "Permits | None":
        """Return what the service says; None if it cannot be reached in time."""
        call = self._start(connection, requests, images, _ANSWER_S)
        while not call.has_ended(_LOOK_S):
            probe = self._start(connection, 0, images, _PROBE_S)
            probe.has_ended(None)
            if self._read(probe) is None:
                call.cancel()
                return None
        permits = self._read(call)
        if permits is None:
            return None
        if (travelled_s := max(0.0, call.took_s - permits.held_s)) > _PROBE_S:
            self._missed(f"its answer was under way for {travelled_s:.1f} s")
            return None
        # The answer was on its way for half of the time that the service did not hold it.
        age_s = travelled_s / 2 + time.monotonic() - call.ended_at
        waits_s = [max(0.0, wait_s - age_s) for wait_s in permits.waits_s[:requests]]
        return permits._replace(waits_s=waits_s, images=min(permits.images, images))

    def _comes_back(self, connection: "Connection", images: int) -> bool:
        """Return whether the service is there again; looked for until the time of the client's own next request."""
        while True:
            probe = self._probe or self._start(connection, 0, images, _PROBE_S, connects=True)
            self._probe = probe
            if not probe.has_ended(max(0.0, self._alone_at() - time.monotonic())):
                return False
            self._probe = None
            if self._read(probe, is_news=False) is not None:
                self._is_alone = False
                # Others come back a little later: what they still send alone is not to be handed out as well.
                self._share.kept_until = time.monotonic() + SETTLE_S
                return True
            connection.wait(_PAUSE_S)

    def _start(
        self, connection: "Connection", requests: int, images: int, timeout_s: float, *, connects: bool = False
    ) -> "Call":
        from vision_grpc.quota.messages import RESERVE, encode_reservation

        return connection.start(RESERVE, encode_reservation(self._name, requests, images), timeout_s, connects=connects)

    def _read(self, call: "Call", *, is_news: bool = True) -> "Permits | None":
        """Return what the service says; None if it cannot be reached, or says what cannot be.

        Raises:
            TransportError: it refuses the question, or the quota was closed.
        """
        from vision_grpc.quota.messages import decode_permits

        permits = self._answer(call, decode_permits, "service of `vision-grpc quota`")
        if permits is None:
            return None
        if not _makes_sense(permits):
            self._missed("what it says makes no sense")
            return None
        if is_news:
            with self._lock:
                self._share.told(permits.requests_per_s, permits.images_per_s, time.monotonic())
        return permits


def _makes_sense(permits: "Permits") -> bool:
    """Return whether what a service says can be: none of ours says anything else."""
    rates = [rate for rate in (permits.requests_per_s, permits.images_per_s) if rate is not None]
    # A service grants what is near: who waits longer than for an answer would wait for ever.
    return all(_LEAST_PER_S <= rate < math.inf for rate in rates) and max(permits.waits_s, default=0.0) <= _ANSWER_S


def _check_name(client: object) -> str:
    if not isinstance(client, str):
        message = f"client is {client!r}, must be a name"
        raise TypeError(message)
    if not 1 <= len(client) <= _MOST_NAME or not client.isprintable():
        message = f"client is {client!r}, must be a name of 1 to {_MOST_NAME} printable characters"
        raise ValueError(message)
    return client
