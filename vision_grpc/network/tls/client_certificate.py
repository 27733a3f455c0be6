"""The certificate by which a client shows who it is."""

import os
import re
import ssl
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn, cast

from vision_grpc.errors import Advice, SettingError
from vision_grpc.network.secrets.key_file import read_key_file
from vision_grpc.network.tls.bundle import BundleError, as_pem, read_bundle
from vision_grpc.network.tls.pem import Pem, read_pem

_CORRECT = [Advice("correct", "client_certificate")]
_KEY = re.compile(rb"-----BEGIN (?P<label>[A-Z ]*PRIVATE KEY)-----.+?-----END (?P=label)-----", re.DOTALL)


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
            OSError: the machine has no place for a file.
        """
        # OpenSSL takes them from files only.
        with ExitStack() as stack:
            chain, key = (stack.enter_context(_file(content)) for content in self)
            # Without a function OpenSSL asks for the pass phrase on the terminal.
            context.load_cert_chain(chain, key, password=_refuse_pass_phrase)


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
    chain_content, chain_origin = read_pem(chain, "client_certificate", "the client certificate")
    key_content, key_origin = read_pem(key, "client_certificate", "the client's key", read_key_file)
    try:
        chain_pem = as_pem(read_bundle(chain_content))
    except BundleError as error:
        message = f"{chain_origin}: {error}"
        raise SettingError(message, advice=_CORRECT) from None
    # As in certificates, UTF-16 and a byte order mark do no harm.
    key_block = _KEY.search(key_content.replace(b"\0", b""))
    if key_block is None:
        message = f"{key_origin}: there is no private key in PEM form"
        raise SettingError(message, advice=_CORRECT)
    certificate = ClientCertificate(chain_pem, key_block[0].replace(b"\r", b"") + b"\n")
    try:
        certificate.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message = f"{key_origin} does not belong to {chain_origin}, which has to begin with the key's certificate"
        else:
            message = f"{chain_origin} or {key_origin} is broken: OpenSSL cannot read it ({error.reason})"
        raise SettingError(message, advice=_CORRECT) from error
    except _EncryptedKeyError:
        message = f"{key_origin} is encrypted: `openssl pkey` writes it without a pass phrase"
        raise SettingError(message, advice=_CORRECT) from None
    except OSError as error:
        message = f"OpenSSL reads {chain_origin} from a file, and this machine has no place for one ({error.strerror})"
        raise SettingError(message, advice=[Advice("set TMPDIR to a folder that can be written to")]) from error
    return certificate


class _EncryptedKeyError(ValueError):
    pass


def _refuse_pass_phrase() -> NoReturn:
    message = "the private key is encrypted"
    raise _EncryptedKeyError(message)


@contextmanager
def _file(content: bytes) -> Generator[Path]:
    """Yield the path of a file that nobody else can read."""
    with ExitStack() as stack:
        yield _in_memory(content, stack) or _on_disk(content, stack)


def _in_memory(content: bytes, stack: ExitStack) -> Path | None:
    """Return the path of a file that is on no disk, None where the system has no such files."""
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.memfd_create("vision-grpc")
    except OSError:
        return None
    stack.callback(os.close, descriptor)
    os.write(descriptor, content)
    path = Path(f"/proc/self/fd/{descriptor}")
    return path if path.exists() else None


def _on_disk(content: bytes, stack: ExitStack) -> Path:
    path = Path(stack.enter_context(TemporaryDirectory()), "file.pem")
    path.write_bytes(content)
    return path
