"""The quota of a service that speaks Envoy's rate limit protocol, such as envoyproxy/ratelimit."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from vision_grpc.network.tls import Pem
from vision_grpc.quota.quota import Grant
from vision_grpc.quota.remote import RemoteQuota
from vision_grpc.texts.arguments import check_choice, wrong_type

if TYPE_CHECKING:
    from vision_grpc.quota.connection import Connection
    from vision_grpc_pb.vision_grpc.envoy.v1.rate_limit_pb2 import RateLimitResponse

Descriptor = Mapping[str, str]

_METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
# The service answers from memory.
_ANSWER_S = 2.0
# While it is away it is asked once in this time, and has less time.
_AGAIN_S = 1.0
_ANSWER_AGAIN_S = 0.25
# Where a service does not say when there is more.
_RESET_S = 1.0
_UNITS_S = {1: 1.0, 2: 60.0, 3: 3600.0, 4: 86_400.0, 5: 30 * 86_400.0, 6: 365 * 86_400.0}


class EnvoyQuota(RemoteQuota):
    """The quota that a service of Envoy's rate limit protocol (RLS, v3) keeps.

    Each request is asked for by itself, and waits while the service says OVER_LIMIT. It is as exact as the limits
    there: those that count in fixed windows let a whole window's requests through at once. While the service cannot be
    reached, the client goes on at `share_requests_per_s`, and comes back by itself.

    Args:
        address: `host:port`, or `https://host:port` where the connection is to be protected by TLS.
        domain: The domain of the limits.
        descriptors: What the limits are for, as entries of key and value; several of them if several limits hold.
        counts: What a limit counts: requests, or their images.
        share_requests_per_s: Requests a second while the service cannot be reached.
        root_certificates: What to trust of a service that speaks TLS, PEM, as bytes or a file, which is read now;
            default: what the machine trusts that connects, as for `VisionClient`.

    Raises:
        SettingError: the address is not of that form, or the certificates cannot be read.
        TypeError: an argument has the wrong type.
        ValueError: a number has no meaning, or there is no domain or descriptor.
    """

    _away_until: float | None

    def __init__(
        self,
        address: str,
        *,
        domain: str,
        descriptors: Descriptor | Sequence[Descriptor],
        counts: Literal["requests", "images"] = "requests",
        share_requests_per_s: float = 1.0,
        root_certificates: Pem | None = None,
    ) -> None:
        super().__init__(address, share_requests_per_s, root_certificates)
        if not isinstance(cast("object", domain), str):
            raise wrong_type(domain, "domain", "the name of a domain")
        check_choice("counts", counts, ("requests", "images"))
        self._domain = domain
        self._descriptors = _entries(descriptors)
        self._counts = counts
        if not domain or not all(self._descriptors) or not self._descriptors:
            message = "the service needs a domain, and a descriptor with at least one entry"
            raise ValueError(message)

    def reserve(self, requests: int, images: int) -> Grant:  # noqa: ARG002 - each is asked for by itself
        """Return the permission for a request; see `Quota`."""
        connection = self._connect()
        while True:
            hits = images if self._counts == "images" else 1
            answer = self._ask(connection, hits)
            if answer is None:
                connection.wait(max(0.0, self._alone_at() - time.monotonic()))
                return self._go_alone(images)
            if answer.overall_code != answer.CODE_OVER_LIMIT:
                with self._lock:
                    self._share.charge(images, time.monotonic())
                    return Grant([0.0], _rate(answer, hits, self._share.per_s(images)), images=images)
            if self._counts == "images" and hits > (most := _most_hits(answer)):
                images = most  # More are never let through at once.
            else:
                connection.wait(_reset_s(answer))

    def __repr__(self) -> str:
        return f"EnvoyQuota({self._endpoint.target!r}, domain={self._domain!r}, descriptors={self._descriptors!r})"

    def _begin(self) -> None:
        super()._begin()
        self._away_until = None

    def _ask(self, connection: "Connection", hits: int) -> "RateLimitResponse | None":
        """Return what the service says; None if it cannot be reached.

        Raises:
            TransportError: it refuses the question, or the quota was closed.
        """
        from vision_grpc_pb.vision_grpc.envoy.v1.rate_limit_pb2 import RateLimitRequest, RateLimitResponse

        if self._away_until is not None and time.monotonic() < self._away_until:
            return None
        request = RateLimitRequest(domain=self._domain, hits_addend=hits)
        for descriptor in self._descriptors:
            entries = request.descriptors.add().entries
            for key, value in descriptor.items():
                entries.add(key=key, value=value)
        patience_s = _ANSWER_S if self._away_until is None else _ANSWER_AGAIN_S
        call = connection.start(_METHOD, request.SerializeToString(), patience_s)
        call.has_ended(None)
        answer = self._answer(call, RateLimitResponse.FromString, "rate limit service")
        self._away_until = time.monotonic() + _AGAIN_S if answer is None else None
        self._is_missed = answer is None
        return answer


def _entries(descriptors: object) -> list[dict[str, str]]:
    """Return descriptors as a list, each with its entries."""
    given: object = [cast("object", descriptors)] if isinstance(descriptors, Mapping) else descriptors
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise wrong_type(given, "descriptors", "a mapping such as {'key': 'value'}, or several of them")
    return [_texts(each) for each in cast("Sequence[object]", given)]


def _texts(descriptor: object) -> dict[str, str]:
    refusal = wrong_type(descriptor, "a descriptor", "a mapping of texts such as {'key': 'value'}")
    if not isinstance(descriptor, Mapping):
        raise refusal
    entries = dict(cast("Mapping[object, object]", descriptor))
    if not all(isinstance(text, str) for each in entries.items() for text in each):
        raise refusal
    return cast("dict[str, str]", entries)


def _reset_s(answer: "RateLimitResponse") -> float:
    """Return after how many seconds all limits that are used up have begun anew."""
    from vision_grpc.quota.messages import seconds_of

    over = [each.duration_until_reset for each in answer.statuses if each.code == answer.CODE_OVER_LIMIT]
    return max((seconds_of(each) for each in over if each.ByteSize()), default=_RESET_S) or _RESET_S


def _most_hits(answer: "RateLimitResponse") -> int:
    """Return how many hits the limits let through at once, at least one."""
    limits = [each.current_limit.requests_per_unit for each in answer.statuses if each.HasField("current_limit")]
    return max(1, min(limits, default=sys.maxsize))


def _rate(answer: "RateLimitResponse", hits: int, default: float) -> float:
    """Return how many requests of so many hits a second the limits let through for all clients together."""
    limits = [each.current_limit for each in answer.statuses if each.HasField("current_limit")]
    rates = [limit.requests_per_unit / _UNITS_S[limit.unit] / hits for limit in limits if limit.unit in _UNITS_S]
    return min(rates, default=default)
