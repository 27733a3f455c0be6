"""TLS on a connection: whether it comes about, and what the certificate says."""

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import cast

from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.doctor.surroundings import SOON_S
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.session.settings import Settings

# X509_V_ERR_... of OpenSSL.
_EXPIRED, _NOT_YET_VALID, _WRONG_HOST, _WRONG_IP = 10, 9, 62, 64
# Parts of OpenSSL's names for the alerts that refuse a client.
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")


def secure(connection: socket.socket, settings: Settings, protocols: Sequence[str]) -> ssl.SSLSocket:
    """Return the connection with TLS on it, on which one of the protocols was agreed.

    Raises:
        FaultError: the service speaks none, or one of the two does not trust the other.
    """
    endpoint = settings.place
    try:
        return settings.tls.context(*protocols).wrap_socket(
            connection, server_hostname=settings.tls.server_name or endpoint.host
        )
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(error, endpoint) from error
    except ssl.SSLError as error:
        if is_refusal(error):
            raise refused(settings, error.reason) from error
        message = f"{endpoint.target} speaks no TLS: {error.reason or error}"
        fix = "if a service without TLS is meant: insecure=True; else correct the port"
        raise FaultError(message, fix, name="tls") from error
    except TimeoutError as error:
        message = f"{endpoint.target} takes connections and does not answer within the time for a step"
        fix = "correct the port; or see whether the service hangs, or a firewall drops what is in TLS"
        raise FaultError(message, fix, name="tls") from error
    except OSError as error:
        message = f"{endpoint.target} breaks the TLS handshake off: {error.strerror or error}"
        raise FaultError(message, "correct the port; or see whether a firewall cuts TLS", name="tls") from error


def certificate_of(connection: ssl.SSLSocket) -> Finding:
    """Tell what the service's certificate says."""
    certificate = cast("Mapping[str, object]", connection.getpeercert())
    until = str(certificate["notAfter"])
    message = (
        f"{connection.version()}, the certificate is trusted and good until {until}, issued by {_issuer(certificate)}"
    )
    if ssl.cert_time_to_seconds(until) - time.time() < SOON_S:
        return Finding("tls", "warning", message, "whoever runs the service has to renew it soon")
    return Finding("tls", "ok", message)


def is_refusal(error: ssl.SSLError) -> bool:
    """Return whether the service refused the client with an alert, which in TLS 1.3 follows the handshake."""
    reason = error.reason or ""
    return "ALERT" in reason and any(part in reason for part in _REFUSALS)


def refused(settings: Settings, reason: str) -> FaultError:
    """Return the fault of a service that takes no client like this."""
    message = f"{settings.place.target} ends the connection in the handshake or right after it: {reason}"
    if settings.tls.client_certificate is None:
        return FaultError(message, "it may ask for a client certificate: pass client_certificate", name="tls")
    return FaultError(message, "it may not trust this client certificate: pass another client_certificate", name="tls")


def takes_tls(connection: socket.socket) -> bool:
    """Return whether the service speaks TLS, to whomever and with whatever certificate."""
    # Nothing is sent over it, so that it does not matter who it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(connection):
            return True
    except ssl.SSLError as error:
        return is_refusal(error)
    except OSError:
        return False


def _issuer(certificate: Mapping[str, object]) -> str:
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("issuer", ()))
    names = {name: value for part in parts for name, value in part}
    return names.get("commonName") or names.get("organizationName") or "nobody it names"


def _untrusted(error: ssl.SSLCertVerificationError, endpoint: Endpoint) -> FaultError:
    code, said = error.verify_code, error.verify_message
    if code in {_WRONG_HOST, _WRONG_IP}:
        message = f"the certificate is for another host: {said}"
        fix = "call the host by a name that is in the certificate, or expect one of those: server_name"
    elif code == _EXPIRED:
        message = f"the certificate of {endpoint.target} has expired"
        fix = "renew it; see whether this machine's clock is right, too"
    elif code == _NOT_YET_VALID:
        message, fix = f"the certificate of {endpoint.target} is not valid yet", "set this machine's clock"
    else:
        message = f"the certificate of {endpoint.target} is not trusted here: {said}"
        fix = "pass the bundle of who issued it: root_certificates"
    return FaultError(message, fix, name="tls")
