"""A certificate for one run of the service, signed by an authority that nobody can use again."""

import ipaddress
import os
import socket
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A clock that is behind ours must not find the certificate too young. Some systems trust none for longer than this.
_BEFORE, _AFTER = timedelta(days=1), timedelta(days=397)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class SelfSigned(NamedTuple):
    """Files of PEM."""

    ca: Path
    """What clients trust: the authority's certificate."""
    certificate: Path
    key: Path

    def forget_key(self) -> None:
        """Remove the key, once the service has read it: a process that is killed leaves its files behind."""
        self.key.unlink()


@contextmanager
def self_signed(names: Iterable[str] = ()) -> Generator[SelfSigned]:
    """Provide a certificate for this machine's names, its loopback addresses and `names`; the files live as long.

    The authority's key is never written, so its certificate can be trusted without harm.
    """
    authority, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _authority(authority)
    certificate = _certificate(leaf, ca, authority, dict.fromkeys([*_LOCAL, socket.gethostname(), *names]))
    # The folder is for this user alone.
    with TemporaryDirectory(prefix="vision-grpc-tls-") as folder:
        files = SelfSigned(Path(folder, "ca.pem"), Path(folder, "certificate.pem"), Path(folder, "key.pem"))
        files.ca.write_bytes(_pem(ca))
        files.certificate.write_bytes(_pem(certificate) + _pem(ca))
        with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(
                leaf.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        yield files


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("vision-grpc serve: authority of one run")
    return (
        _builder(key)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _certificate(
    key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, authority: ec.EllipticCurvePrivateKey, names: Iterable[str]
) -> x509.Certificate:
    return (
        _builder(key)
        .subject_name(_name("vision-grpc serve"))
        .issuer_name(ca.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
        .sign(authority, hashes.SHA256())
    )


def _builder(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
