"""What gRPC does not say of a certificate that is not trusted: who issued it."""

import threading

import grpc

from vision_grpc.network.attempt import Attempt
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.tls import Tls
from vision_grpc.network.tls.hints import is_untrusted
from vision_grpc.transport import OnDone
from vision_grpc.transport.grpc.exchange import Failure


def note_issuer(failure: Failure, attempt: Attempt, tls: Tls) -> None:
    """Note who issued the certificate if a call failed for it. This takes a connection of its own."""
    if _is_untrusted(failure):
        attempt.note = Dialer.of(tls, through_proxy=True).note_issuer(attempt)


def note_issuer_first(failure: Failure, attempt: Attempt, tls: Tls, on_done: OnDone) -> None:
    """Do what `note_issuer` does, without blocking, and then call `on_done`."""
    if not _is_untrusted(failure):
        on_done()
        return

    def note() -> None:
        try:
            note_issuer(failure, attempt, tls)
        finally:
            on_done()

    threading.Thread(target=note, name="vision-grpc-issuer", daemon=True).start()


def _is_untrusted(failure: Failure) -> bool:
    return failure.code() is grpc.StatusCode.UNAVAILABLE and is_untrusted(failure.details() or "")
