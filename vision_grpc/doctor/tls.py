"""TLS on a connection: what the certificate says, and why a handshake failed."""

import ssl
import time
from collections.abc import Mapping
from typing import cast

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.surroundings import SOON_S
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.session.settings import Settings

# X509_V_ERR_... of OpenSSL.
_EXPIRED, _NOT_YET_VALID, _WRONG_HOST, _WRONG_IP = 10, 9, 62, 64
# Parts of OpenSSL's names for the alerts that refuse a client.
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")


def handshake_fault(settings: Settings, cause: BaseException | None) -> FaultError:
    """Return the fault of a TLS handshake that failed; the cause is None when the time for it was over."""
    endpoint = settings.first_endpoint
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _untrusted(cause, endpoint)
    if isinstance(cause, ssl.SSLError):
        if is_refusal(cause):
            return refusal_fault(settings, cause.reason)
        message = f"{endpoint.target} does not speak TLS: {cause.reason or cause}"
        return FaultError(
            message, "if a service without TLS is meant: insecure=True; else correct the port", name="tls"
        )
    if cause is None or isinstance(cause, TimeoutError):
        message = f"{endpoint.target} takes connections and does not answer within the time for a step"
        fix = "correct the port; or check whether the service hangs, or a firewall drops what is in TLS"
        return FaultError(message, fix, name="tls")
    message = f"{endpoint.target} breaks the TLS handshake off: {getattr(cause, 'strerror', None) or cause}"
    return FaultError(message, "correct the port; or check whether a firewall cuts TLS", name="tls")


def certificate_of(connection: ssl.SSLSocket) -> Finding:
    """Return what the service's certificate says."""
    certificate = cast("Mapping[str, object]", connection.getpeercert())
    until = str(certificate["notAfter"])
    message = (
        f"{connection.version()}, the certificate is trusted and valid until {until}, issued by {_issuer(certificate)}"
    )
    if ssl.cert_time_to_seconds(until) - time.time() < SOON_S:
        return Finding("tls", "warning", message, "the operator of the service has to renew it soon")
    return Finding("tls", "ok", message)


def is_refusal(error: ssl.SSLError) -> bool:
    """Return whether the service refused the client with an alert; in TLS 1.3 it comes after the handshake."""
    reason = error.reason or ""
    return "ALERT" in reason and any(part in reason for part in _REFUSALS)


def refusal_fault(settings: Settings, reason: str) -> FaultError:
    """Return the fault of a service that refused this client."""
    message = f"{settings.first_endpoint.target} ends the connection in the handshake or right after it: {reason}"
    if settings.tls.client_certificate is None:
        return FaultError(message, "it may ask for a client certificate: pass client_certificate", name="tls")
    return FaultError(message, "it may not trust this client certificate: pass another client_certificate", name="tls")


def _issuer(certificate: Mapping[str, object]) -> str:
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("issuer", ()))
    names = {name: value for part in parts for name, value in part}
    return names.get("commonName") or names.get("organizationName") or "an issuer without a name"


def _untrusted(error: ssl.SSLCertVerificationError, endpoint: Endpoint) -> FaultError:
    code, reason = error.verify_code, error.verify_message
    if code in {_WRONG_HOST, _WRONG_IP}:
        message = f"the certificate is for another host: {reason}"
        fix = "call the host by a name that is in the certificate, or expect one of those: server_name"
    elif code == _EXPIRED:
        message = f"the certificate of {endpoint.target} has expired"
        fix = "renew it; check this machine's clock too"
    elif code == _NOT_YET_VALID:
        message, fix = f"the certificate of {endpoint.target} is not valid yet", "set this machine's clock"
    else:
        message = f"the certificate of {endpoint.target} is not trusted here: {reason}"
        fix = "pass the bundle of who issued it: root_certificates"
    return FaultError(message, fix, name="tls")
