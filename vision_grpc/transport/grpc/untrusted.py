"""What gRPC does not say of a certificate that it refuses: who issued it and, in older releases, why."""

import threading
from functools import partial

import grpc

from vision_grpc.errors import MachineError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.tls import Tls
from vision_grpc.network.tls.hints import is_untrusted
from vision_grpc.threads import start_thread
from vision_grpc.transport import OnDone
from vision_grpc.transport.grpc.exchange import Failure


def explain_refusal(failure: Failure, attempt: Attempt, tls: Tls) -> None:
    """Note what OpenSSL says of the certificate if a call failed for it. This takes connections of its own."""
    if _is_untrusted(failure):
        attempt.note = _why_refused(attempt, tls)


class Refusals:
    """Holds refused calls of one transport back until it is known why: one look-up for all that fail meanwhile."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        # Reentrant: garbage collection may end calls in any thread.
        self._lock = threading.RLock()
        self._waiting: list[tuple[Attempt, OnDone]] = []

    def explain_first(self, failure: Failure, attempt: Attempt, on_done: OnDone) -> None:
        """Do what `explain_refusal` does, without blocking, and then call `on_done`."""
        if not _is_untrusted(failure):
            on_done()
            return
        with self._lock:
            self._waiting.append((attempt, on_done))
            if len(self._waiting) > 1:
                return
        try:
            start_thread(partial(self._look, attempt), "vision-grpc-refusal")
        except MachineError:  # gRPC's own words have to do.
            self._tell("")

    def _look(self, attempt: Attempt) -> None:
        note = ""
        try:
            note = _why_refused(attempt, self._tls)
        finally:
            self._tell(note)

    def _tell(self, note: str) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for attempt, on_done in waiting:
            attempt.note = note
            on_done()


def _why_refused(attempt: Attempt, tls: Tls) -> str:
    return Dialer.of(tls, through_proxy=True).why_refused(attempt)


def _is_untrusted(failure: Failure) -> bool:
    return failure.code() is grpc.StatusCode.UNAVAILABLE and is_untrusted(failure.details() or "")
