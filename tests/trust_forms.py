"""The forms in which a bundle of certificates is found, each with the same certificate in it."""

import textwrap
from base64 import encodebytes
from collections.abc import Callable

from certificates import Certificate, issue
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs7, pkcs12

_OTHER = issue("Another CA", is_authority=True)
_SERVER, _MAIL = bytes.fromhex("06082b06010505070301"), bytes.fromhex("06082b06010505070304")


def _trusted(trusted: bytes = b"", rejected: bytes = b"") -> Callable[[Certificate], bytes]:
    """Return how `openssl x509 -trustout` writes a certificate that is trusted and rejected for some uses."""

    def write(authority: Certificate) -> bytes:
        uses = (_element(0x30, trusted) if trusted else b"") + (_element(0xA0, rejected) if rejected else b"")
        content = authority.der + _element(0x30, uses + _element(0x0C, b"corp"))
        return b"-----BEGIN TRUSTED CERTIFICATE-----\n%b-----END TRUSTED CERTIFICATE-----\n" % encodebytes(content)

    return write


def _element(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def _text(transform: Callable[[str], str]) -> Callable[[Certificate], bytes]:
    return lambda authority: transform(authority.pem.decode()).encode()


GOOD_FORMS: dict[str, Callable[[Certificate], bytes]] = {
    "plain": lambda authority: authority.pem,
    "byte order mark": lambda authority: b"\xef\xbb\xbf" + authority.pem,
    "byte order mark within": lambda authority: _OTHER.pem + b"\xef\xbb\xbf" + authority.pem,
    "CRLF": _text(lambda pem: pem.replace("\n", "\r\n")),
    "CR": _text(lambda pem: pem.replace("\n", "\r")),
    "UTF-16 with a mark": lambda authority: authority.pem.decode().encode("utf-16"),
    "UTF-16-LE": lambda authority: authority.pem.decode().encode("utf-16-le"),
    "UTF-16-BE, CRLF": lambda authority: authority.pem.decode().replace("\n", "\r\n").encode("utf-16-be"),
    "UTF-16 with Cyrillic text": lambda authority: f"Корневой\n{authority.pem.decode()}Конец".encode("utf-16"),
    "indented": _text(lambda pem: textwrap.indent(pem, "    ")),
    "blanks at the ends of lines": _text(lambda pem: pem.replace("\n", " \t\n")),
    "no line end at the end": lambda authority: authority.pem.strip(),
    "base64 in one line": _text(
        lambda pem: "-----BEGIN CERTIFICATE-----\n" + "".join(pem.splitlines()[1:-1]) + "\n-----END CERTIFICATE-----"
    ),
    "text around": lambda authority: (
        b"# CA of -- the corp\nSubject: CN=x\n" + authority.pem + "\nКонец".encode("cp1251")
    ),
    "text between": lambda authority: _OTHER.pem + b"\n# and\n" + authority.pem,
    "the key before": lambda authority: authority.key_pem + authority.pem,
    "the key behind": lambda authority: authority.pem + authority.key_pem,
    "twice": lambda authority: authority.pem * 2,
    "many times": lambda authority: (authority.pem + _OTHER.pem) * 20,
    "X509 CERTIFICATE": _text(lambda pem: pem.replace("CERTIFICATE", "X509 CERTIFICATE")),
    "TRUSTED CERTIFICATE": _trusted(),
    "trusted for servers": _trusted(_MAIL + _SERVER),
    "rejected for mail": _trusted(rejected=_MAIL),
    "DER": lambda authority: authority.der,
    "DER of several": lambda authority: _OTHER.der + authority.der,
    "an expired one of the same key before": lambda authority: _expired(authority).pem + authority.pem,
    "an expired one of the same key behind": lambda authority: authority.pem + _expired(authority).pem,
}

BAD_FORMS: dict[str, tuple[Callable[[Certificate], bytes], str]] = {
    "empty": (lambda _: b"", ": there is no certificate in PEM form (-----BEGIN CERTIFICATE-----): it is empty"),
    "blank": (lambda _: b" \r\n", "): it is empty"),
    "words": (lambda _: b"no certificate", ": there is no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
    "a key": (lambda authority: authority.key_pem, "), but PRIVATE KEY"),
    "a key in DER": (
        lambda authority: authority.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        "), but PRIVATE KEY",
    ),
    "PKCS#7": (
        lambda authority: pkcs7.serialize_certificates([authority.certificate], Encoding.PEM),
        "), but PKCS7: `openssl pkcs7 -print_certs` writes its certificates in PEM form",
    ),
    "PKCS#7 in DER": (
        lambda authority: pkcs7.serialize_certificates([authority.certificate], Encoding.DER),
        "), but PKCS7: `openssl pkcs7 -print_certs` writes its certificates in PEM form",
    ),
    "PKCS#12": (
        lambda authority: pkcs12.serialize_key_and_certificates(
            b"corp", authority.key, authority.certificate, None, NoEncryption()
        ),
        "), but PKCS12: `openssl pkcs12 -nokeys` writes its certificates in PEM form",
    ),
    "cut short": (lambda authority: authority.pem[:300], ": certificate 1 in it is broken"),
    "the second cut short": (lambda authority: authority.pem + _OTHER.pem[:300], ": certificate 2 in it is broken"),
    "the first cut short": (lambda authority: _OTHER.pem[:300] + authority.pem, ": certificate 1 in it is broken"),
    "not base64": (lambda a: a.pem.replace(b"MII", b"M*I"), ": certificate 1 in it is broken"),
    "a byte less": (lambda a: _pem(a.der[:-1]), ": certificate 1 in it is broken"),
    "nothing within": (lambda _: _pem(b""), ": certificate 1 in it is broken"),
    "another content": (lambda _: _pem(b"\x30\x03\x02\x01\x05"), ": certificate 1 in it is broken"),
    "rejected for servers": (_trusted(rejected=_SERVER), ": no certificate in it is trusted for servers"),
    "trusted for mail alone": (_trusted(_MAIL), ": no certificate in it is trusted for servers"),
    "DER cut short": (lambda authority: authority.der[:-1], ": there is no certificate in PEM form"),
}


def broken_within(authority: Certificate) -> bytes:
    """Return a certificate in PEM form of which OpenSSL alone can say that it is broken: its version is none."""
    return _pem(authority.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x02\x01", 1))


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n%b-----END CERTIFICATE-----\n" % encodebytes(der)


def _expired(authority: Certificate) -> Certificate:
    name = authority.certificate.subject.rfc4514_string().removeprefix("CN=")
    return issue(name, key=authority.key, is_authority=True, days=(-60, -30))
