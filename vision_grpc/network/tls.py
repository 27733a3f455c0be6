"""How a connection is protected: whom it trusts, and who it says that it is."""

import os
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn, cast

from vision_grpc.network.endpoint import is_ip_address, may_be_host
from vision_grpc.network.secrets.key_file import read_key_file, why_unread
from vision_grpc.network.secrets.quoting import quote_endpoint, quote_path

_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")
Pem = bytes | str | os.PathLike[str]
"""Something in PEM form: itself, or the file that it is in."""

# Where the distributions keep the roots that they maintain: Debian, Fedora, openSUSE, Alpine and macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_ANOTHER_HOST = " (its certificate is for another host: call it by a name that is in there)"
# The first that fits: CERTIFICATE_VERIFY_FAILED is in what most of those above it say, too.
_HINTS = {
    "certificate has expired": " (renew its certificate; or is this machine's clock wrong?)",
    "certificate is not yet valid": " (is this machine's clock wrong?)",
    "Hostname Verification Check failed": _ANOTHER_HOST,
    "Hostname mismatch": _ANOTHER_HOST,
    "IP address mismatch": _ANOTHER_HOST,
    "CERTIFICATE_VERIFY_FAILED": " (its certificate is not trusted here: pass root_certificates)",
    "WRONG_VERSION_NUMBER": " (the port speaks no TLS: pass insecure=True if that is meant)",
    "CERTIFICATE_REQUIRED": " (it asks for a client certificate: pass client_certificate)",
    "ALERT_HANDSHAKE_FAILURE": " (it may ask for a client certificate: pass client_certificate)",
    "ALERT_UNKNOWN_CA": " (it does not trust the client certificate: pass one that it does)",
}


class ClientCertificate(NamedTuple):
    """A certificate with those that it was signed by, and its private key, in PEM form."""

    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return "ClientCertificate(...)"

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context present the certificate.

        Raises:
            ssl.SSLError: the two are broken, or not of one another.
            ValueError: the key is encrypted.
        """
        # OpenSSL takes them from files alone; the folder is readable for nobody else.
        with TemporaryDirectory() as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(self.chain)
            key.write_bytes(self.key)
            # Without a function OpenSSL asks for the pass phrase on the terminal.
            context.load_cert_chain(chain, key, password=_refuse_pass_phrase)


@dataclass(frozen=True, slots=True)
class Tls:
    """What both transports protect a connection with."""

    roots: bytes | None = None
    """PEM bundle to trust. None: the one that the transport's library has."""
    client_certificate: ClientCertificate | None = field(default=None, repr=False)
    """Whom to present to services that ask. None: nobody."""
    server_name: str | None = None
    """Name to ask for and to expect in the service's certificate. None: that of the endpoint."""

    def context(self, *protocols: str) -> ssl.SSLContext:
        """Return what OpenSSL is to verify and to present, for connections that speak one of the protocols."""
        roots = None if self.roots is None else self.roots.decode("ascii", errors="ignore")
        context = ssl.create_default_context(cadata=roots)
        context.set_alpn_protocols(protocols)
        if self.client_certificate is not None:
            self.client_certificate.load_into(context)
        return context


def read_roots(root_certificates: Pem | None) -> bytes | None:
    """Return the PEM bundle to trust: the one that is given, as bytes or as a file, else the system's.

    None means that the system has no bundle in a known place: gRPC then trusts the one that it ships.

    Raises:
        ValueError: the bundle cannot be read or holds no certificate.
    """
    if root_certificates is None:
        return _system_roots()
    bundle, origin = _read(root_certificates, "root_certificates", "the root certificates")
    try:
        # Not a context of defaults: that takes what holds no certificate for a wish to trust the system's.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=bundle.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError) as error:
        message = f"{origin}: no certificate in PEM form there, expected -----BEGIN CERTIFICATE-----"
        raise ValueError(message) from error
    return bundle


def read_client_certificate(given: object) -> ClientCertificate:
    """Return the certificate chain and its private key: a pair, each of them bytes or a file.

    Raises:
        TypeError: it is no pair of them.
        ValueError: one cannot be read or is not what it should be, or they are not of one another.
    """
    parts = cast("Sequence[object]", given) if isinstance(given, tuple | list) else ()
    if [isinstance(part, bytes | str | os.PathLike) for part in parts] != [True, True]:
        message = "client_certificate has to be a pair: the chain and the key, each of them PEM bytes or a path"
        raise TypeError(message)
    chain, key = cast("tuple[Pem, Pem]", given)
    chain_pem, chain_origin = _read(chain, "the chain in client_certificate", "the client certificate")
    key_pem, key_origin = _read(key, "the key in client_certificate", "the client's key", read_key_file)
    if b"-----BEGIN CERTIFICATE-----" not in chain_pem:
        message = f"{chain_origin}: no certificate in PEM form there, expected -----BEGIN CERTIFICATE-----"
        raise ValueError(message)
    if b"PRIVATE KEY-----" not in key_pem:
        message = f"{key_origin}: no private key in PEM form there"
        raise ValueError(message)
    certificate = ClientCertificate(chain_pem, key_pem)
    try:
        certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{key_origin} does not belong to {chain_origin}: the chain begins with the key's own certificate"
        else:
            message = f"{chain_origin} or {key_origin} is broken: OpenSSL cannot read it ({error.reason})"
        raise ValueError(message) from error
    except _EncryptedKeyError:
        message = f"{key_origin} is encrypted: give it without a pass phrase (openssl pkey writes it so)"
        raise ValueError(message) from None
    return certificate


def read_server_name(given: object) -> str | None:
    """Return the host name to expect in the service's certificate; None is none of its own.

    Raises:
        TypeError: it is no text.
        ValueError: no host can have that name.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        message = f"server_name has to be text, not {type(given).__name__}"
        raise TypeError(message)
    if not (is_ip_address(given) or (_HOST_NAME.fullmatch(given) and may_be_host(given))):
        message = f"server_name {quote_endpoint(given)} is no name that a host can have"
        raise ValueError(message)
    return given


def tls_hint(message: str) -> str:
    """Return what to do about a TLS failure that OpenSSL or BoringSSL words like this; empty for anything else."""
    return next((hint for sign, hint in _HINTS.items() if sign in message), "")


def early_end_hint(*, plaintext: bool) -> str:
    """Return what may help where the service took the connection and closed it before any answer."""
    if plaintext:
        return " (the port may speak TLS: drop insecure=True or http://)"
    return " (it may ask for a client certificate that it trusts: pass client_certificate)"


class _EncryptedKeyError(ValueError):
    pass


def _refuse_pass_phrase() -> NoReturn:
    message = "the private key is encrypted"
    raise _EncryptedKeyError(message)


def _read(
    pem: Pem, argument: str, role: str, read: Callable[[Path, str], bytes] = lambda place, _: place.read_bytes()
) -> tuple[bytes, str]:
    """Return what was given or is in the file, and how to name it to the user."""
    if isinstance(pem, bytes):
        return pem, argument
    origin = f"{role} {quote_path(pem)}"
    try:
        return read(Path(pem), role), origin
    except (OSError, ValueError) as error:
        reason = why_unread(error)
    # Without the cause, which quotes what may be the key itself.
    message = f"{origin} cannot be read ({reason}): name a PEM file, or pass what is in it as bytes"
    raise ValueError(message)


def _system_roots() -> bytes | None:
    found = filter(os.path.isfile, filter(None, (ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES)))
    bundle = next(found, None)
    return None if bundle is None else Path(bundle).read_bytes()
