"""Where the service is, and how the connection to it is protected."""

import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
# Where the distributions keep the roots that they maintain: Debian, Fedora, openSUSE, Alpine and macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_ANOTHER_HOST = " (its certificate is for another host: call it by a name that is in there)"
# The first that fits: the last but one is in what most of the others say, too.
_TLS_HINTS = {
    "certificate has expired": " (renew its certificate; or is this machine's clock wrong?)",
    "certificate is not yet valid": " (is this machine's clock wrong?)",
    "Hostname Verification Check failed": _ANOTHER_HOST,
    "Hostname mismatch": _ANOTHER_HOST,
    "IP address mismatch": _ANOTHER_HOST,
    "CERTIFICATE_VERIFY_FAILED": " (its certificate is not trusted here: pass root_certificates)",
    "WRONG_VERSION_NUMBER": " (the port speaks no TLS: pass insecure=True if that is meant)",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host and port, and whether the way to it is encrypted."""

    host: str
    port: int
    plaintext: bool

    @classmethod
    def parse(cls, text: str, *, insecure: bool) -> "Endpoint":
        """Read `host`, `host:port`, `[ipv6]:port` or an http(s) URL without a path.

        Raises:
            ValueError: another form, or a scheme that contradicts `insecure`.
        """
        is_url = "://" in text
        parts = urlsplit(text if is_url else f"//{text}")
        try:
            port = parts.port
        except ValueError:
            raise _malformed(text) from None
        if parts.hostname is None or any(map(str.isspace, text)):
            raise _malformed(text)
        if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
            raise _malformed(text)
        if is_url and parts.scheme not in _DEFAULT_PORTS:
            raise _malformed(text)
        if parts.scheme == "https" and insecure:
            message = f"the endpoint {text!r} asks for TLS and insecure=True for none: drop one of them"
            raise ValueError(message)
        plaintext = insecure or parts.scheme == "http"
        default_port = _DEFAULT_PORTS["http" if parts.scheme == "http" else "https"]
        return cls(parts.hostname, default_port if port is None else port, plaintext)

    @property
    def is_loopback(self) -> bool:
        """Whether the way to the host does not leave this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def target(self) -> str:
        """The address as `host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        return f"{'http' if self.plaintext else 'https'}://{self.target}"


def read_roots(root_certificates: bytes | str | os.PathLike[str] | None) -> bytes | None:
    """Return the PEM bundle to trust: the one that is given, as bytes or as a file, else the system's.

    None means that the system has no bundle in a known place: gRPC then trusts the one that it ships.

    Raises:
        ValueError: the bundle cannot be read or holds no certificate.
    """
    if root_certificates is None:
        return _system_roots()
    if isinstance(root_certificates, bytes):
        bundle, origin = root_certificates, "root_certificates"
    else:
        origin = f"the root certificates {os.fspath(root_certificates)}"
        try:
            bundle = Path(root_certificates).read_bytes()
        except OSError as error:
            message = f"{origin} cannot be read ({error.strerror}): name a PEM file"
            raise ValueError(message) from error
    try:
        ssl.create_default_context(cadata=bundle.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError) as error:
        message = f"{origin}: no certificate in PEM form there, expected -----BEGIN CERTIFICATE-----"
        raise ValueError(message) from error
    return bundle


def tls_hint(message: str) -> str:
    """Return what to do about a TLS failure that OpenSSL or BoringSSL words like this; empty for anything else."""
    return next((hint for sign, hint in _TLS_HINTS.items() if sign in message), "")


def _system_roots() -> bytes | None:
    found = filter(os.path.isfile, filter(None, (ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES)))
    bundle = next(found, None)
    return None if bundle is None else Path(bundle).read_bytes()


def _malformed(text: str) -> ValueError:
    return ValueError(f"the endpoint {text!r} is neither host:port nor a URL such as https://vision.example:443")
