"""Which of the two protocols a call takes: only whether gRPC gets through decides, never an answer of the service."""

import logging
import threading

from vision_grpc.errors import PathError, TransportError

_LOG = logging.getLogger("vision_grpc.transport")

FIRST_PROBE_S = 5.0
"""How long after gRPC stopped getting through it is tried again. Each time that it still does not, this doubles."""
PROBE_INTERVAL_S = 300.0
"""Where the doubling stops."""


class ProtocolChoice:
    """gRPC as long as it gets through, else REST and, now and then, one call that tries gRPC again.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        # Reentrant: garbage collection or a signal handler may call this in the same thread.
        self._lock = threading.RLock()
        self._reason: str | None = None
        self._is_logged = False
        self._probe_at = 0.0
        self._interval_s = FIRST_PROBE_S

    def fallback_reason(self, now: float) -> str | None:
        """Return why a call that starts now goes over REST; None: it goes over gRPC."""
        if self._reason is None:
            return None
        with self._lock:
            if now >= self._probe_at:
                self._interval_s = min(2 * self._interval_s, PROBE_INTERVAL_S)
                self._probe_at = now + self._interval_s
                return None
            return self._reason

    def grpc_failed(self, error: TransportError, now: float) -> None:
        """Take note that gRPC did not get through."""
        with self._lock:
            if self._reason is None:
                self._interval_s = FIRST_PROBE_S
            if not isinstance(error, PathError) or error.lasting:
                # Not a short outage; and an attempt that is never answered costs a call all its time.
                self._interval_s = PROBE_INTERVAL_S
            self._reason = str(error)
            self._probe_at = now + self._interval_s

    def grpc_worked(self) -> None:
        """Take note that gRPC got through."""
        if self._reason is None:
            return
        with self._lock:
            was_logged, self._reason, self._is_logged = self._is_logged, None, False
        if was_logged:
            _LOG.info("gRPC gets through again")

    def rest_worked(self) -> None:
        """Take note that REST gets through. The first time since gRPC stopped doing so is logged."""
        with self._lock:
            reason = None if self._is_logged else self._reason
            self._is_logged = self._reason is not None
        if reason is not None:
            _LOG.warning("gRPC does not get through, going on over REST: %s", reason)

    def rest_failed(self, now: float) -> None:
        """Take note that REST did not get through either: gRPC may be back first, so the next call tries it."""
        with self._lock:
            self._interval_s = FIRST_PROBE_S
            self._probe_at = now
