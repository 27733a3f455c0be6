"""Certificates out of a file of any usual form.

OpenSSL, below Python's `ssl`, and BoringSSL, in gRPC, disagree about a byte order mark, `TRUSTED CERTIFICATE`, the
order of certificates that share a name, and about where a broken file ends. So files are read here, and both libraries
get the same certificates in the plainest form.
"""

import re
import ssl
from base64 import b64decode
from collections.abc import Iterable, Iterator
from functools import lru_cache

from vision_grpc.network.tls.der import INTEGER, SEQUENCE, Element, elements, last_second

# Base64 has no dash: where something else than the END line follows, the certificate was cut short.
_CERTIFICATE = re.compile(
    rb"-----BEGIN (?P<label>(?:X509 |TRUSTED )?CERTIFICATE)-----(?P<body>[^-]*)(?P<end>-----END (?P=label)-----)?"
)
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_NO_CERTIFICATE = "there is no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
# The identifiers 1.3.6.1.5.5.7.3.1 and 2.5.29.37.0: to be a server, and any use.
_SERVER_USES = {bytes.fromhex("2b06010505070301"), bytes.fromhex("551d2500")}
_REJECTED_USES = 0xA0
# 1.2.840.113549.1.7.2: the data of PKCS#7 begins with it.
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_PKCS12_VERSION = b"\3"
_FIXES = {
    "PKCS7": "`openssl pkcs7 -print_certs` writes its certificates in PEM form",
    "PKCS12": "`openssl pkcs12 -nokeys` writes its certificates in PEM form",
}


class BundleError(ValueError):
    """There is no certificate, or a broken one. The text says why and how to fix it, and quotes nothing."""


def read_bundle(content: bytes) -> tuple[bytes, ...]:
    """Return the certificates in a file, in DER form, each of them once.

    PEM may have other text around the certificates, any line ends, a byte order mark, and be UTF-16. DER may hold
    several certificates. Those that the file itself does not trust for servers are left out.

    Raises:
        BundleError: there is no certificate, or a broken one.
    """
    # PEM is ASCII, and so is UTF-16 without its zeros.
    text = content.replace(b"\0", b"")
    blocks = list(_CERTIFICATE.finditer(text))
    found = tuple(dict.fromkeys(_from_pem(blocks) if blocks else _from_der(content)))
    if not found:
        raise BundleError(_explain(content, text, has_certificates=bool(blocks)))
    return found


@lru_cache(maxsize=8)
def as_roots(certificates: tuple[bytes, ...]) -> bytes:
    """Return certificates in PEM form, those first that are valid longest.

    Of several certificates with one name and key, gRPC takes the first, also if it has expired.
    """
    return as_pem(sorted(certificates, key=last_second, reverse=True))


def as_pem(certificates: Iterable[bytes]) -> bytes:
    """Return certificates in PEM form, in their order."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()


def _from_pem(blocks: Iterable[re.Match[bytes]]) -> Iterator[bytes]:
    for number, block in enumerate(blocks, 1):
        try:
            certificate, *uses = elements(_decode(block))
            last_second(certificate.whole)
            is_for_servers = all(map(_allows_servers, uses))
        except ValueError:
            message = f"certificate {number} in it is broken: OpenSSL cannot read it"
            raise BundleError(message) from None
        if is_for_servers:
            yield certificate.whole


def _decode(block: re.Match[bytes]) -> bytes:
    if block["end"] is None:
        message = "the END line is missing"
        raise ValueError(message)
    return b64decode(b"".join(block["body"].split()), validate=True)


def _allows_servers(uses: Element) -> bool:
    """Return whether what follows a `TRUSTED CERTIFICATE` lets servers be certified (OpenSSL's X509_CERT_AUX)."""
    for part in elements(uses.content):
        if part.tag in {SEQUENCE, _REJECTED_USES}:
            is_listed = any(use.content in _SERVER_USES for use in elements(part.content))
            if is_listed is (part.tag == _REJECTED_USES):
                return False
    return True


def _from_der(content: bytes) -> Iterator[bytes]:
    try:
        for element in elements(content):
            last_second(element.whole)
            yield element.whole
    except ValueError:
        return


def _explain(content: bytes, text: bytes, *, has_certificates: bool) -> str:
    """Return what is in a file without a certificate to trust."""
    if has_certificates:
        return "no certificate in it is trusted for servers"
    if not text.strip():
        return f"{_NO_CERTIFICATE}: it is empty"
    labels = [label.decode() for label in dict.fromkeys(_LABEL.findall(text))] or _der_kind(content)
    if not labels:
        return _NO_CERTIFICATE
    fixes = [f": {_FIXES[label]}" for label in labels if label in _FIXES]
    return f"{_NO_CERTIFICATE}, but {', '.join(labels)}{''.join(fixes[:1])}"


def _der_kind(content: bytes) -> list[str]:
    try:
        [whole] = elements(content)
        first = next(elements(whole.content))
    except (ValueError, StopIteration):
        return []
    if first.content == _SIGNED_DATA:
        return ["PKCS7"]
    if first.tag == INTEGER:
        return ["PKCS12" if first.content == _PKCS12_VERSION else "PRIVATE KEY"]
    return []
