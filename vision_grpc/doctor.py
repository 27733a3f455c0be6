"""What a client would use here, and what is wrong with it: one finding after the other, each with its fix.

Nothing is printed and no secret is told. The service is connected to; it is called only when asked for.
"""

import socket
import ssl
import time
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Literal, cast

from vision_grpc.auth import Anonymous, Credentials, YcProfile
from vision_grpc.config import DEFAULT_ENDPOINT
from vision_grpc.errors import AuthError, PathError, TransportError, VisionError
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig
from vision_grpc.settings import Settings
from vision_grpc.transport.attempt import Attempt
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.http_message import HttpRequest
from vision_grpc.transport.once import fetch
from vision_grpc.transport.tls import ClientCertificate, Pem

State = Literal["ok", "warning", "fault"]

# Findings, and in the end whether the peer speaks HTTP/2; None when it is not to be told.
_Way = Generator["Finding", None, bool | None]
# RFC 9113, 3.4: how a client begins; here followed by empty SETTINGS. The server answers with its own.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS_TYPE = 4
_FRAME_HEADER_BYTES = 9
# X509_V_ERR_... of OpenSSL.
_EXPIRED, _NOT_YET_VALID, _WRONG_HOST, _WRONG_IP = 10, 9, 62, 64
_MOST_SKEW_S = 300.0
_SOON_S = 14 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What it is: settings, endpoint, certificate, proxy, address, port, tls, http2, clock, credentials, folder,
    token, call."""

    state: State
    message: str
    fix: str | None = None
    """What to do about it, None where nothing need be done."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be looked at, with the names and defaults of a client's arguments."""

    endpoint: str | None = None
    transport: Literal["auto", "grpc", "rest"] | None = None
    credentials: Credentials | None = None
    folder_id: str | None = None
    root_certificates: Pem | None = None
    client_certificate: tuple[Pem, Pem] | None = field(default=None, repr=False)
    server_name: str | None = None
    insecure: bool = False
    data_logging: bool | None = None

    def resolve(self, environ: Mapping[str, str], credentials: Credentials | None) -> Settings:
        """Return the settings of a client that is told the same."""
        return Settings.resolve(
            environ,
            endpoint=self.endpoint,
            transport=self.transport,
            credentials=credentials,
            folder_id=self.folder_id,
            root_certificates=self.root_certificates,
            insecure=self.insecure,
            client_certificate=self.client_certificate,
            server_name=self.server_name,
            data_logging=self.data_logging,
        )


def examine(
    subject: Subject, environ: Mapping[str, str], *, call: bool = False, timeout_s: float = 10.0
) -> Iterator[Finding]:
    """Yield what is found, in the order in which a call needs it; `call` tries one, which is not billed.

    Each step takes `timeout_s` at most. What cannot be reached ends the way to it, not the rest.
    """
    try:
        settings = subject.resolve(environ, Anonymous())
    except ValueError as error:
        yield Finding("settings", "fault", str(error), "correct the setting that the message names")
        return
    yield _endpoint(subject, settings, environ)
    if settings.tls.client_certificate is not None:
        yield _client_certificate(settings.tls.client_certificate)
    proxy = _proxy(settings.place)
    yield proxy
    # A connection of our own would not go through the proxy, and show nothing of the way that calls take.
    way = list(_way(settings, timeout_s)) if proxy.state == "ok" else []
    yield from way
    is_reachable = all(finding.state != "fault" for finding in way)
    if is_reachable:
        yield _clock(settings, timeout_s)
    try:
        settings = subject.resolve(environ, subject.credentials)
    except (AuthError, ValueError) as error:
        yield Finding("credentials", "fault", str(error), "see the message; a local service needs none")
        return
    yield _credentials(subject, settings, environ)
    yield _folder(settings)
    if call and is_reachable:
        yield from _call(subject, settings, timeout_s)


def _endpoint(subject: Subject, settings: Settings, environ: Mapping[str, str]) -> Finding:
    if subject.endpoint is not None:
        origin = "as told"
    else:
        origin = (
            "from VISION_GRPC_ENDPOINT" if environ.get("VISION_GRPC_ENDPOINT") else f"the default, {DEFAULT_ENDPOINT}"
        )
    protection = "without TLS" if settings.place.plaintext else "with TLS"
    if settings.tls.server_name is not None:
        protection += f" as {settings.tls.server_name}"
    message = f"{settings.place.target} {protection} ({origin}), transport {settings.transport}"
    return Finding("endpoint", "ok", message)


def _proxy(endpoint: Endpoint) -> Finding:
    scheme = "http" if endpoint.plaintext else "https"
    proxy = urllib.request.getproxies().get(scheme) or urllib.request.getproxies().get("all")
    if proxy is None or endpoint.is_loopback or urllib.request.proxy_bypass(endpoint.host):
        return Finding("proxy", "ok", "none, the service is connected to directly")
    # A proxy's address may hold a password.
    shown = proxy.rpartition("@")[2]
    return Finding(
        "proxy",
        "warning",
        f"{shown}, by the {scheme}_proxy of the environment: gRPC needs it to allow CONNECT and pass HTTP/2 on",
        f"if that is not meant: NO_PROXY={endpoint.host}",
    )


def _way(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Yield what is found on the way to the service, up to the first fault."""
    endpoint = settings.place
    try:
        with socket.create_connection((endpoint.host, endpoint.port), timeout_s) as connection:
            yield Finding("port", "ok", f"{endpoint.target} takes connections ({connection.getpeername()[0]})")
            if endpoint.plaintext:
                speaks_http2 = yield from _plaintext(endpoint, connection)
            else:
                speaks_http2 = yield from _tls(settings, connection)
    except socket.gaierror as error:
        yield Finding(
            "address",
            "fault",
            f"no address is known for {endpoint.host}: {error.strerror}",
            "correct the host name, or see to DNS",
        )
        return
    except TimeoutError:
        yield Finding(
            "port",
            "fault",
            f"{endpoint.target} does not answer within {timeout_s:g} s",
            "see whether a firewall drops the packets",
        )
        return
    except OSError as error:
        yield Finding(
            "port",
            "fault",
            f"{endpoint.target} takes no connections: {error.strerror or error}",
            "start the service, or correct host and port",
        )
        return
    if speaks_http2 is not None:
        yield _http2(settings, speaks_http2=speaks_http2)


def _tls(settings: Settings, connection: socket.socket) -> _Way:
    endpoint = settings.place
    context = ssl.create_default_context(
        cadata=None if settings.tls.roots is None else settings.tls.roots.decode("ascii", errors="ignore")
    )
    context.set_alpn_protocols(["h2", "http/1.1"])
    if settings.tls.client_certificate is not None:
        settings.tls.client_certificate.load_into(context)
    try:
        with context.wrap_socket(connection, server_hostname=settings.tls.server_name or endpoint.host) as secured:
            certificate = cast("Mapping[str, object]", secured.getpeercert())
            yield _certificate(certificate, f"{secured.version()}")
            return secured.selected_alpn_protocol() == "h2"
    except ssl.SSLCertVerificationError as error:
        yield _untrusted(error, endpoint)
    except ssl.SSLError as error:
        yield Finding(
            "tls",
            "fault",
            f"{endpoint.target} speaks no TLS: {error.reason or error}",
            "if a service without TLS is meant: insecure=True; else correct the port",
        )
    return None


def _certificate(certificate: Mapping[str, object], version: str) -> Finding:
    ends_at = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    until, issuer = certificate["notAfter"], _issuer(certificate)
    message = f"{version}, the certificate is trusted and good until {until}, issued by {issuer}"
    if ends_at - time.time() < _SOON_S:
        return Finding("tls", "warning", message, "whoever runs the service has to renew it soon")
    return Finding("tls", "ok", message)


def _client_certificate(certificate: ClientCertificate) -> Finding:
    from cryptography.x509 import load_pem_x509_certificate

    # The first of the chain is the client's own.
    own = load_pem_x509_certificate(certificate.chain)
    left_s = own.not_valid_after_utc.timestamp() - time.time()
    message = f"presented is {own.subject.rfc4514_string()}, good until {own.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    if left_s < 0:
        return Finding("certificate", "fault", f"{message}: it has expired", "renew the client certificate")
    if left_s < _SOON_S:
        return Finding("certificate", "warning", message, "renew the client certificate soon")
    return Finding("certificate", "ok", message)


def _issuer(certificate: Mapping[str, object]) -> str:
    parts = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("issuer", ()))
    names = {name: value for part in parts for name, value in part}
    return names.get("commonName") or names.get("organizationName") or "nobody it names"


def _untrusted(error: ssl.SSLCertVerificationError, endpoint: Endpoint) -> Finding:
    code, said = error.verify_code, error.verify_message
    if code in {_WRONG_HOST, _WRONG_IP}:
        return Finding(
            "tls",
            "fault",
            f"the certificate is for another host: {said}",
            "call the host by a name that is in the certificate",
        )
    if code == _EXPIRED:
        return Finding(
            "tls",
            "fault",
            f"the certificate of {endpoint.target} has expired",
            "renew it; see whether this machine's clock is right, too",
        )
    if code == _NOT_YET_VALID:
        return Finding(
            "tls", "fault", f"the certificate of {endpoint.target} is not valid yet", "set this machine's clock"
        )
    return Finding(
        "tls",
        "fault",
        f"the certificate of {endpoint.target} is not trusted here: {said}",
        "pass the bundle of who issued it: root_certificates",
    )


def _plaintext(endpoint: Endpoint, connection: socket.socket) -> _Way:
    connection.sendall(_PREFACE)
    try:
        answer = connection.recv(_FRAME_HEADER_BYTES)
    except (TimeoutError, ConnectionError):
        answer = b""
    if not answer and _takes_tls(endpoint, connection.gettimeout()):
        yield Finding("tls", "fault", f"{endpoint.target} speaks TLS", "drop insecure=True or http://")
        return None
    return len(answer) == _FRAME_HEADER_BYTES and answer[3] == _SETTINGS_TYPE


def _takes_tls(endpoint: Endpoint, timeout_s: float | None) -> bool:
    # Nothing is sent over it, so that it does not matter who it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), timeout_s) as connection,
            context.wrap_socket(connection),
        ):
            return True
    except OSError:
        return False


def _http2(settings: Settings, *, speaks_http2: bool) -> Finding:
    target = settings.place.target
    if speaks_http2:
        return Finding("http2", "ok", f"{target} speaks HTTP/2, so gRPC gets through")
    if settings.transport == "grpc":
        return Finding(
            "http2",
            "fault",
            f"{target} speaks no HTTP/2, which gRPC needs",
            "use transport auto or rest, or correct the port",
        )
    if settings.transport == "rest":
        return Finding("http2", "ok", f"{target} speaks no HTTP/2, which REST does not need")
    return Finding(
        "http2",
        "warning",
        f"{target} speaks no HTTP/2, so calls will go by REST",
        "see whether a proxy before the service takes HTTP/2 away",
    )


def _clock(settings: Settings, timeout_s: float) -> Finding:
    try:
        answer = fetch(
            Attempt(settings.place, timeout_s),
            settings.tls,
            HttpRequest("GET", "/", {}),
            through_proxy=True,
        )
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except PathError as error:
        if not error.lasting:
            return Finding("clock", "ok", "not compared: the service tells no time over HTTP/1.1")
        # TLS 1.3 tells with the answer only that a client certificate is missing or not trusted.
        return Finding("tls", "fault", str(error), "see the message")
    except (TransportError, KeyError, ValueError):
        return Finding("clock", "ok", "not compared: the service tells no time over HTTP/1.1")
    skew_s = time.time() - there
    if abs(skew_s) > _MOST_SKEW_S:
        way = "ahead of" if skew_s > 0 else "behind"
        return Finding(
            "clock",
            "fault",
            f"this machine's clock is {abs(skew_s):.0f} s {way} the service's",
            "set the clock: tokens and certificates need it",
        )
    return Finding("clock", "ok", f"within {abs(skew_s) + 1:.0f} s of the service's")


def _credentials(subject: Subject, settings: Settings, environ: Mapping[str, str]) -> Finding:
    credentials = settings.credentials
    kind = type(credentials).__name__
    if isinstance(credentials, Anonymous):
        return Finding("credentials", "ok", "none: a service on this machine is called without")
    if isinstance(credentials, YcProfile):
        kind = f"{kind} {credentials.name!r} ({credentials.kind})"
    origin = "as told" if subject.credentials is not None else _origin_of(environ)
    return Finding("credentials", "ok", f"{kind}, {origin}")


def _origin_of(environ: Mapping[str, str]) -> str:
    from vision_grpc.auth.default import VARIABLES

    variable = next((name for name in VARIABLES if environ.get(name)), None)
    return "found on this machine" if variable is None else f"from {variable}"


def _folder(settings: Settings) -> Finding:
    if settings.folder_id:
        return Finding("folder", "ok", f"{settings.folder_id} is sent")
    if settings.credentials.is_service_account:
        return Finding("folder", "ok", "none is sent: the service takes that of the service account")
    if isinstance(settings.credentials, Anonymous):
        return Finding("folder", "ok", "none is sent")
    return Finding(
        "folder",
        "warning",
        "none is sent, but users' tokens need one",
        "set YC_FOLDER_ID or folder_id, unless the token is a service account's",
    )


def _call(subject: Subject, settings: Settings, timeout_s: float) -> Iterator[Finding]:
    from vision_grpc.client import VisionClient

    began = time.monotonic()
    try:
        settings.credentials.authorization(timeout_s=timeout_s)
    except AuthError as error:
        yield Finding("token", "fault", str(error), "see the message")
        return
    yield Finding("token", "ok", f"there after {time.monotonic() - began:.2f} s")
    # No image, so nothing to bill; that the service says so shows that it was reached and let us in.
    spec = AnalyzeSpec(
        content=b"no image",
        features=[
            Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
        ],
    )
    request = BatchAnalyzeRequest(analyze_specs=[spec], folder_id=settings.folder_id)
    began = time.monotonic()
    try:
        with VisionClient(
            subject.endpoint,
            transport=subject.transport,
            credentials=settings.credentials,
            folder_id=subject.folder_id,
            root_certificates=subject.root_certificates,
            client_certificate=subject.client_certificate,
            server_name=subject.server_name,
            insecure=subject.insecure,
            data_logging=subject.data_logging,
        ) as client:
            client.batch_analyze(request, timeout=timeout_s)
    except VisionError as error:
        fix = {
            "UNAUTHENTICATED": "make a new key or token",
            "PERMISSION_DENIED": "give the account the role ai.vision.user in the folder, and see to the folder id",
        }.get(error.code.name, "see the message")
        yield Finding("call", "fault", str(error), fix)
        return
    yield Finding("call", "ok", f"answered after {time.monotonic() - began:.2f} s")
