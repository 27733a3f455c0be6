"""TLS: the certificates that a connection trusts and presents, and what its failures mean."""

import os
import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn, cast

from vision_grpc.errors import USE_TLS, Advice, Setting, SettingError
from vision_grpc.network.endpoint import is_ip_address, may_be_host
from vision_grpc.network.secrets.key_file import read_key_file, why_unread
from vision_grpc.network.secrets.quoting import quote_endpoint, quote_path

_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")
Pem = bytes | str | os.PathLike[str]
"""Something in PEM form: its bytes, or the path of a file."""

# Where systems keep the root certificates that they maintain: Debian, Fedora, openSUSE, Alpine and macOS.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_NO_CERTIFICATE = "there is no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
_CORRECT_ROOTS = [Advice("correct", "root_certificates")]
_CORRECT_PAIR = [Advice("correct", "client_certificate")]


class Hint(NamedTuple):
    """What a failure probably means, and what to do about it."""

    reason: str
    advice: Sequence[Advice]
    is_lasting: bool = True
    """Whether a later attempt will fail too."""


_SET_THE_CLOCK = Advice("set this machine's clock if it is wrong")
_CLIENT_CERTIFICATE = Advice("pass", "client_certificate")
_OTHER_HOST = Hint(
    "its certificate is for another host",
    [
        Advice("call it by a name that is in the certificate"),
        Advice("pass", "server_name", rest="to expect one of those"),
    ],
)
# The first one that fits counts: CERTIFICATE_VERIFY_FAILED is in most of the messages above it too.
_HINTS = {
    "certificate has expired": Hint("its certificate has expired", [Advice("renew it"), _SET_THE_CLOCK]),
    "certificate is not yet valid": Hint("its certificate is not valid yet", [_SET_THE_CLOCK]),
    "Hostname Verification Check failed": _OTHER_HOST,
    "Hostname mismatch": _OTHER_HOST,
    "IP address mismatch": _OTHER_HOST,
    "CERTIFICATE_VERIFY_FAILED": Hint("its certificate is not trusted here", [Advice("pass", "root_certificates")]),
    "WRONG_VERSION_NUMBER": Hint(
        "the port does not speak TLS",
        [
            Advice("correct the port"),
            Advice("pass", "insecure", "True", "if a service without TLS is meant"),
        ],
    ),
    "CERTIFICATE_REQUIRED": Hint("it asks for a client certificate", [_CLIENT_CERTIFICATE]),
    "ALERT_HANDSHAKE_FAILURE": Hint("it may ask for a client certificate", [_CLIENT_CERTIFICATE]),
    "ALERT_UNKNOWN_CA": Hint(
        "it does not trust the client certificate",
        [Advice("pass another", "client_certificate", rest="that the service trusts")],
    ),
}


class ClientCertificate(NamedTuple):
    """A certificate chain and the private key of its first certificate, in PEM form."""

    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return "ClientCertificate(...)"

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context present the certificate.

        Raises:
            ssl.SSLError: one of the two is broken, or they do not belong together.
            ValueError: the key is encrypted.
        """
        # OpenSSL takes them from files only. Nobody else can read the folder.
        with TemporaryDirectory() as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(self.chain)
            key.write_bytes(self.key)
            # Without a function OpenSSL asks for the pass phrase on the terminal.
            context.load_cert_chain(chain, key, password=_refuse_pass_phrase)


@dataclass(frozen=True, slots=True)
class Tls:
    """What a connection trusts and presents, over either transport."""

    roots: bytes | None = field(default=None, repr=False)
    """The PEM bundle to trust. None: the one that the transport's library has."""
    client_certificate: ClientCertificate | None = field(default=None, repr=False)
    """What to present to services that ask for a certificate. None: nothing."""
    server_name: str | None = None
    """The name to ask for, and to expect in the service's certificate. None: that of the endpoint."""

    def context(self, *protocols: str) -> ssl.SSLContext:
        """Return a context for connections that speak one of the protocols."""
        roots = None if self.roots is None else self.roots.decode("ascii", errors="ignore")
        context = ssl.create_default_context(cadata=roots)
        context.set_alpn_protocols(protocols)
        if self.client_certificate is not None:
            self.client_certificate.load_into(context)
        return context


def read_roots(root_certificates: Pem | None) -> bytes | None:
    """Return the PEM bundle to trust: the given one, as bytes or from a file, else the system's.

    None means that the system has no bundle in a known place: gRPC then trusts the one that it ships.

    Raises:
        SettingError: the bundle cannot be read or has no certificate in it.
    """
    if root_certificates is None:
        return _system_roots()
    bundle, origin = _read(root_certificates, "root_certificates", "the root certificates")
    try:
        # A default context would not do: without a certificate it trusts the system's.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=bundle.decode("ascii", errors="ignore"))
    except (ssl.SSLError, ValueError) as error:
        message = f"{origin}: {_NO_CERTIFICATE}"
        raise SettingError(message, advice=_CORRECT_ROOTS) from error
    return bundle


def read_client_certificate(given: object) -> ClientCertificate:
    """Return the certificate chain and its private key from a pair, each of them bytes or a file.

    Raises:
        TypeError: the argument is not such a pair.
        SettingError: one of them cannot be read or is something else, or they do not belong together.
    """
    parts = cast("Sequence[object]", given) if isinstance(given, tuple | list) else ()
    if [isinstance(part, bytes | str | os.PathLike) for part in parts] != [True, True]:
        message = "client_certificate has to be a pair: the chain and the key, each of them PEM bytes or a path"
        raise TypeError(message)
    chain, key = cast("tuple[Pem, Pem]", given)
    chain_pem, chain_origin = _read(chain, "client_certificate", "the client certificate")
    key_pem, key_origin = _read(key, "client_certificate", "the client's key", read_key_file)
    if b"-----BEGIN CERTIFICATE-----" not in chain_pem:
        message = f"{chain_origin}: {_NO_CERTIFICATE}"
        raise SettingError(message, advice=_CORRECT_PAIR)
    if b"PRIVATE KEY-----" not in key_pem:
        message = f"{key_origin}: there is no private key in PEM form"
        raise SettingError(message, advice=_CORRECT_PAIR)
    certificate = ClientCertificate(chain_pem, key_pem)
    try:
        certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{key_origin} does not belong to {chain_origin}, which has to begin with the key's certificate"
        else:
            message = f"{chain_origin} or {key_origin} is broken: OpenSSL cannot read it ({error.reason})"
        raise SettingError(message, advice=_CORRECT_PAIR) from error
    except _EncryptedKeyError:
        message = f"{key_origin} is encrypted: `openssl pkey` writes it without a pass phrase"
        raise SettingError(message, advice=_CORRECT_PAIR) from None
    return certificate


def read_server_name(given: object) -> str | None:
    """Return the host name to expect in the service's certificate, None if it is the endpoint's.

    Raises:
        TypeError: the argument is not text.
        SettingError: the text is not a host name.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        message = f"server_name has to be text, not {type(given).__name__}"
        raise TypeError(message)
    if not (is_ip_address(given) or (_HOST_NAME.fullmatch(given) and may_be_host(given))):
        message = f"the server name {quote_endpoint(given)} is not a valid host name"
        raise SettingError(message, advice=[Advice("correct", "server_name")])
    return given


def tls_hint(message: str) -> Hint | None:
    """Return the hint for a TLS failure that OpenSSL or BoringSSL words like this, None for any other failure."""
    return next((hint for sign, hint in _HINTS.items() if sign in message), None)


def early_end_hint(*, plaintext: bool) -> Hint:
    """Return the hint for a service that accepted the connection and closed it before any answer."""
    if plaintext:
        return Hint("the port may speak TLS", [USE_TLS], is_lasting=False)
    return Hint("it may ask for a client certificate that it trusts", [_CLIENT_CERTIFICATE], is_lasting=False)


class _EncryptedKeyError(ValueError):
    pass


def _refuse_pass_phrase() -> NoReturn:
    message = "the private key is encrypted"
    raise _EncryptedKeyError(message)


def _read(
    pem: Pem, setting: Setting, role: str, read: Callable[[Path, str], bytes] = lambda path, _: path.read_bytes()
) -> tuple[bytes, str]:
    """Return the content, and how messages name where it is from."""
    if isinstance(pem, bytes):
        return pem, role
    origin = f"{role} {quote_path(pem)}"
    try:
        return read(Path(pem), role), origin
    except (OSError, ValueError) as error:
        reason = why_unread(error)
    # Without the cause, whose text quotes the path: that may be the key itself.
    message = f"{origin} cannot be read ({reason})"
    raise SettingError(message, advice=[Advice("pass", setting, rest="as a PEM file or as bytes")])


def _system_roots() -> bytes | None:
    found = filter(os.path.isfile, filter(None, (ssl.get_default_verify_paths().cafile, *_SYSTEM_BUNDLES)))
    bundle = next(found, None)
    return None if bundle is None else Path(bundle).read_bytes()
