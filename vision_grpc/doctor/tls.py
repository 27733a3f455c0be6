"""TLS on a connection: what the certificate says, and why a handshake failed."""

import ssl
import time
from collections.abc import Mapping
from typing import cast

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.http import CORRECT_THE_PORT, HANGS
from vision_grpc.doctor.surroundings import SOON_S
from vision_grpc.errors import Advice
from vision_grpc.network.tls import Hint, tls_hint
from vision_grpc.session.settings import Settings

# Parts of OpenSSL's names for the alerts that refuse a client.
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")


def handshake_fault(settings: Settings, cause: BaseException | None, note: str) -> FaultError:
    """Return the fault of a TLS handshake that failed; the cause is None when the time for it was over.

    `note` is what was found out beside the cause.
    """
    target = settings.first_endpoint.target
    if isinstance(cause, ssl.SSLError) and is_refusal(cause):
        return refusal_fault(settings, cause.reason)
    if isinstance(cause, ssl.SSLError):
        hint = tls_hint(str(cause)) or Hint("it does not speak TLS", [CORRECT_THE_PORT])
        said = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else cause.reason
        reason = ": ".join(filter(None, (note, said or str(cause))))
        return FaultError(f"{target}: {hint.reason} ({reason})", *hint.advice, name="tls")
    if cause is None or isinstance(cause, TimeoutError):
        return FaultError(f"{target} takes connections and does not answer in time", *HANGS, name="tls")
    message = f"{target} breaks off the TLS handshake: {getattr(cause, 'strerror', None) or cause}"
    return FaultError(message, CORRECT_THE_PORT, Advice("check whether a firewall breaks TLS"), name="tls")


def is_of_certificate(fault: FaultError) -> bool:
    """Return whether a fault is that OpenSSL does not accept the service's certificate."""
    failure = fault.__cause__
    return failure is not None and isinstance(failure.__cause__, ssl.SSLCertVerificationError)


def certificate_of(connection: ssl.SSLSocket) -> Finding:
    """Return what the service's certificate says."""
    certificate = cast("Mapping[str, object]", connection.getpeercert())
    until = str(certificate["notAfter"])
    message = (
        f"{connection.version()}, the certificate is trusted and valid until {until}, issued by {_issuer(certificate)}"
    )
    if ssl.cert_time_to_seconds(until) - time.time() < SOON_S:
        return Finding("tls", "warning", message, [Advice("ask the operator of the service to renew it soon")])
    return Finding("tls", "ok", message)


def is_refusal(error: ssl.SSLError) -> bool:
    """Return whether the service refused the client with an alert; in TLS 1.3 it comes after the handshake."""
    reason = error.reason or ""
    return "ALERT" in reason and any(part in reason for part in _REFUSALS)


def refusal_fault(settings: Settings, reason: str) -> FaultError:
    """Return the fault of a service that refused this client."""
    message = f"{settings.first_endpoint.target} ends the connection in the handshake or right after it: {reason}"
    if settings.tls.client_certificate is None:
        advice = Advice("pass", "client_certificate", rest="if the service asks for one")
    else:
        advice = Advice("pass another", "client_certificate", rest="that the service trusts")
    return FaultError(message, advice, name="tls")


def _issuer(certificate: Mapping[str, object]) -> str:
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("issuer", ()))
    names = {name: value for part in parts for name, value in part}
    return names.get("commonName") or names.get("organizationName") or "an issuer without a name"
