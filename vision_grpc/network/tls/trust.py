"""Which certificates a client trusts: the given ones, else those of the environment, else the system's.

Both transports get what is read here, whatever their libraries would find by themselves.
"""

import os
import re
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from vision_grpc.errors import Advice, SettingError
from vision_grpc.network.secrets.key_file import why_unread
from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.network.tls.bundle import BundleError, as_roots, read_bundle
from vision_grpc.network.tls.contexts import are_readable
from vision_grpc.network.tls.pem import Pem, read_pem
from vision_grpc.texts.cleaning import UncleanError, read_variable, removal_note

FILE_VARIABLE, FOLDER_VARIABLE = "SSL_CERT_FILE", "SSL_CERT_DIR"
"""OpenSSL's variables, which other programs read too."""

# Where systems keep the certificates that they maintain: Debian, Fedora, openSUSE, Alpine and macOS.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_SYSTEM_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")
# `openssl rehash` links certificates to names like this: with both names, all would be read twice.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_CORRECT = [Advice("correct", "root_certificates")]
PASS_ROOTS = Advice("pass", "root_certificates", variables=(FILE_VARIABLE,))
"""The advice for a service whose certificate is not trusted."""
INSTALL_ROOTS = Advice("install the package ca-certificates")
"""The advice for a machine without certificates to trust."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates, one of which has to be in the chain of every server's."""

    certificates: tuple[bytes, ...] = field(repr=False)
    """In DER form."""
    origin: str
    """Where they are from, as messages say after "is checked against"."""
    is_makeshift: bool = False
    """Whether they are used because the system has none."""

    @property
    def pem(self) -> bytes:
        """The certificates in PEM form."""
        return as_roots(self.certificates)


def read_trust(root_certificates: Pem | None) -> Trust:
    """Return what to trust: the given certificates, as bytes or a file; else the environment's; else the system's.

    What has been read stays as it is for the life of a client; the next client reads the files again.

    Raises:
        SettingError: what was named cannot be read or has no certificate in it, or the machine has none.
    """
    if root_certificates is None:
        return _from_environment() or _from_system()
    content, origin = read_pem(root_certificates, "root_certificates", "the root certificates")
    try:
        trust = Trust(_read(content), origin)
    except BundleError as error:
        message = f"{origin}: {error}"
        raise SettingError(message, advice=_CORRECT) from None
    if not are_readable(trust.certificates):
        message = f"{origin}: a certificate in it is broken: OpenSSL cannot read it"
        raise SettingError(message, advice=_CORRECT)
    return trust


_read_once = lru_cache(maxsize=8)(read_bundle)


def _read(content: bytes) -> tuple[bytes, ...]:
    """Do what `read_bundle` does, but only once for clients in a row; a file with a private key is not kept for them.

    Raises:
        BundleError: there is no certificate, or a broken one.
    """
    # UTF-16 without its zeros is ASCII.
    return read_bundle(content) if b"PRIVATE KEY" in content.replace(b"\0", b"") else _read_once(content)


def _from_environment() -> Trust | None:
    file, folders = (_read_variable(name) for name in (FILE_VARIABLE, FOLDER_VARIABLE))
    if file is None and folders is None:
        return None
    certificates: list[bytes] = []
    origins: list[str] = []
    if file is not None:
        try:
            certificates += _read(Path(file).read_bytes())
        except BundleError as error:
            raise _unusable(FILE_VARIABLE, file, str(error)) from None
        except (OSError, ValueError) as error:
            raise _unusable(FILE_VARIABLE, file, f"it cannot be read ({why_unread(error)})") from None
        origins.append(_origin(FILE_VARIABLE, file))
    if folders is not None:
        for folder in filter(None, folders.split(os.pathsep)):
            certificates += _in_folder(folder)
        origins.append(_origin(FOLDER_VARIABLE, folders))
        if not certificates:
            raise _unusable(FOLDER_VARIABLE, folders, "there is no folder with certificates")
    return Trust(tuple(dict.fromkeys(certificates)), " and ".join(origins))


def _from_system() -> Trust:
    defaults = ssl.get_default_verify_paths()
    for file in (defaults.openssl_cafile, *_SYSTEM_FILES):
        if certificates := tuple(_in_file(Path(file))):
            return Trust(certificates, f"the system's {file}")
    for folder in (defaults.openssl_capath, *_SYSTEM_FOLDERS):
        if certificates := tuple(dict.fromkeys(_in_folder(folder))):
            return Trust(certificates, f"the system's {folder}")
    if certificates := tuple(_in_windows()):
        return Trust(certificates, "the system's store of root certificates")
    if certificates := tuple(_shipped_with_grpc()):
        return Trust(certificates, "the certificates that gRPC comes with", is_makeshift=True)
    message = "this machine has no root certificates"
    raise SettingError(message, advice=[INSTALL_ROOTS, PASS_ROOTS])


def _in_file(path: Path) -> Iterator[bytes]:
    """Yield the certificates in a file; none if there is no such file, or something is wrong with it."""
    with suppress(OSError, BundleError):
        yield from _read(path.read_bytes())


def _in_folder(folder: str) -> Iterator[bytes]:
    """Yield the certificates in the files of a folder: in the hashed ones if there are any, as OpenSSL does."""
    try:
        paths = sorted(Path(folder).iterdir())
    except OSError:
        return
    for path in [path for path in paths if _HASHED.fullmatch(path.name)] or paths:
        yield from _in_file(path)


def _in_windows() -> Iterable[bytes]:
    if sys.platform == "win32":
        return [
            certificate
            for certificate, encoding, uses in ssl.enum_certificates("ROOT")
            if encoding == "x509_asn" and (uses is True or ssl.Purpose.SERVER_AUTH.oid in uses)
        ]
    return ()


def _shipped_with_grpc() -> Iterator[bytes]:
    grpc = find_spec("grpc")
    for folder in () if grpc is None else grpc.submodule_search_locations or ():
        yield from _in_file(Path(folder, "_cython", "_credentials", "roots.pem"))


def _read_variable(name: str) -> str | None:
    try:
        return read_variable(os.environ, name)
    except UncleanError as error:
        raise SettingError(str(error), advice=_corrections(name)) from error


def _origin(variable: str, value: str) -> str:
    note = removal_note(os.environ, variable)
    return f"{variable}={quote_path(value)}{note and f' ({note})'}"


def _unusable(variable: str, value: str, reason: str) -> SettingError:
    return SettingError(f"{_origin(variable, value)}: {reason}", advice=_corrections(variable))


def _corrections(variable: str) -> list[Advice]:
    return [Advice(f"correct {variable}"), Advice("unset it")]
