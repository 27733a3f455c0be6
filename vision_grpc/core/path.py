"""Which of two protocols to take, gRPC or REST: only the way decides, never an answer of the service."""

import logging
import threading

from vision_grpc.errors import PathError

_LOG = logging.getLogger("vision_grpc.transport")
_PROBE_INTERVAL_S = 300.0


class Path:
    """gRPC as long as it gets through, else REST and, now and then, one call that tries gRPC again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._told = False
        self._probe_at = 0.0

    @property
    def reason(self) -> str | None:
        """Why gRPC is not taken; None while it is."""
        return self._reason

    def takes_grpc(self, now: float) -> bool:
        """Return whether a call that starts now goes over gRPC."""
        with self._lock:
            if self._reason is None:
                return True
            if now < self._probe_at:
                return False
            self._probe_at = now + _PROBE_INTERVAL_S
            return True

    def closed(self, error: PathError, now: float) -> None:
        """Take note that gRPC did not get through."""
        with self._lock:
            self._reason = str(error)
            self._probe_at = now + _PROBE_INTERVAL_S

    def other_worked(self) -> None:
        """Take note that REST gets through. The first time since gRPC stopped to is logged."""
        if self._reason is not None and not self._told:
            with self._lock:
                self._told = True
            _LOG.warning("gRPC does not get through, going on over REST: %s", self._reason)

    def other_failed(self, now: float) -> None:
        """Take note that REST did not get through either: then it may be gRPC that is back first."""
        with self._lock:
            self._probe_at = now

    def open(self) -> None:
        """Take note that gRPC got through."""
        if self._reason is not None:
            with self._lock:
                self._reason = None
                self._told = False
            _LOG.info("gRPC gets through again")
