"""What the quotas of services in the network have in common: a connection a process, and a share without it."""

import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from vision_grpc.errors import TransportError
from vision_grpc.network.tls import Pem, tls_hint
from vision_grpc.quota.address import parse_address, parse_trust
from vision_grpc.quota.quota import Grant
from vision_grpc.quota.share import Share
from vision_grpc.texts.arguments import check_number

if TYPE_CHECKING:
    import grpc

    from vision_grpc.quota.connection import Call, Connection

_T = TypeVar("_T")
_LOG = logging.getLogger("vision_grpc.quota")

LEAD_S = 0.05
"""So long before its time a request of the client's own share is permitted, so that it does not leave late."""


class RemoteQuota(ABC):
    """A quota that a service hands out. It connects at its first use, and anew in a forked or another process."""

    _process: int
    _lock: threading.Lock
    _connection: "Connection | None"
    _share: Share
    _is_missed: bool

    def __init__(self, address: str, share_requests_per_s: float, root_certificates: Pem | None) -> None:
        self._endpoint = parse_address(address)
        self._trust = parse_trust(self._endpoint, root_certificates)
        self._share_requests_per_s = check_number("share_requests_per_s", share_requests_per_s)
        self._begin()

    @abstractmethod
    def reserve(self, requests: int, images: int) -> Grant:
        """Return the permission for requests; see `Quota`."""

    def close(self) -> None:
        """End the connection; see `Quota`. A later `reserve` connects again."""
        if self._process == os.getpid() and self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def __getstate__(self) -> dict[str, object]:
        """Return the settings: nothing of a connection goes to another process."""
        names = ("_process", "_lock", "_connection", "_share")
        return {name: value for name, value in vars(self).items() if name not in names}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connection = None
        self._share = Share(self._share_requests_per_s)
        self._is_missed = False

    def _connect(self) -> "Connection":
        """Return the connection of this process."""
        if self._process != os.getpid():
            if self._connection is not None:
                self._connection.leave_to_parent()
            self._begin()
        with self._lock:
            if self._connection is None:
                # gRPC takes long to import.
                from vision_grpc.quota.connection import Connection

                self._connection = Connection(self._endpoint, self._trust)
            return self._connection

    def _answer(self, call: "Call", decode: Callable[[bytes], _T], service: str) -> _T | None:
        """Return the answer to a call that has ended; None if the service, which is of this kind, cannot be reached.

        Raises:
            TransportError: it refuses the question or is of another kind, or the quota was closed.
        """
        import grpc
        from google.protobuf.message import DecodeError

        try:
            return decode(call.answer())
        except DecodeError:
            message = f"{self._endpoint.target} is not a {service}"
            raise TransportError(message) from None
        except grpc.RpcError as error:
            failure = cast("grpc.Call", error)
            if failure.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED):
                message = f"the {service} at {self._endpoint.target} refuses: {failure.details()}"
                raise TransportError(message) from error
            self._missed(last_words(failure))
            return None

    def _missed(self, why: str) -> None:
        """Log why the service is not used, once until it is."""
        if not self._is_missed:
            self._is_missed = True
            _LOG.warning("the quota's service at %s is not used: %s", self._endpoint.target, why)

    def _alone_at(self) -> float:
        """Return when a request of the client's own share is to be permitted, if there is no service until then."""
        return self._share.ready_at(time.monotonic()) - LEAD_S

    def _go_alone(self, images: int) -> Grant:
        """Return the permission for a request of the client's own share."""
        with self._lock:
            now = time.monotonic()
            leaves_at = self._share.ready_at(now)
            self._share.charge(images, leaves_at)
            return Grant([leaves_at - now], self._share.per_s(images), is_alone=True)


def last_words(failure: "grpc.Call") -> str:
    """Return why a call failed: gRPC begins with what it tried, and ends with what the system says, or a name in []."""
    details = str(failure.details())
    hint = tls_hint(details)
    return details.rpartition(": ")[2].rstrip("]") if hint is None else hint.reason
