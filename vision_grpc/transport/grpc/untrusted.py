"""What gRPC does not say of a certificate that it refuses: who issued it and, in older releases, why."""

import threading

import grpc

from vision_grpc.network.attempt import Attempt
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.tls import Tls
from vision_grpc.network.tls.hints import is_untrusted
from vision_grpc.transport import OnDone
from vision_grpc.transport.grpc.exchange import Failure


def explain_refusal(failure: Failure, attempt: Attempt, tls: Tls) -> None:
    """Note what OpenSSL says of the certificate if a call failed for it. This takes connections of its own."""
    if _is_untrusted(failure):
        attempt.note = Dialer.of(tls, through_proxy=True).why_refused(attempt)


def explain_refusal_first(failure: Failure, attempt: Attempt, tls: Tls, on_done: OnDone) -> None:
    """Do what `explain_refusal` does, without blocking, and then call `on_done`."""
    if not _is_untrusted(failure):
        on_done()
        return

    def note() -> None:
        try:
            explain_refusal(failure, attempt, tls)
        finally:
            on_done()

    try:
        threading.Thread(target=note, name="vision-grpc-refusal", daemon=True).start()
    except RuntimeError:  # The system has no thread left: gRPC's own words have to do.
        on_done()


def _is_untrusted(failure: Failure) -> bool:
    return failure.code() is grpc.StatusCode.UNAVAILABLE and is_untrusted(failure.details() or "")
