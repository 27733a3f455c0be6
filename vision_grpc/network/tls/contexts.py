"""Contexts of OpenSSL that verify servers as gRPC does."""

import logging
import os
import ssl
import threading
from collections.abc import Callable
from functools import lru_cache

from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.threads import begin_anew_in_children

_LOG = logging.getLogger("vision_grpc.network")


def make_context(certificates: tuple[bytes, ...], protocols: tuple[str, ...]) -> ssl.SSLContext:
    """Return a context that trusts these certificates alone, for connections that speak one of the protocols.

    Certificates that OpenSSL cannot read are left out, and logged.

    Raises:
        OSError: the file that SSLKEYLOGFILE names cannot be written.
    """
    # Not `ssl.create_default_context`: it trusts the system's certificates where there are no others, and from Python
    # 3.13 on it refuses old authorities, which gRPC does not.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As for gRPC: a certificate that is trusted need not be a root's.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(protocols)
    _log_keys(context)
    try:
        _load(certificates, context)
    except ssl.SSLError:
        readable = tuple(each for each in certificates if are_readable((each,)))
        _LOG.warning("%d of %d certificates to trust are broken", len(certificates) - len(readable), len(certificates))
        _load(readable, context)
    return context


# Measured: OpenSSL takes 20 ms to read the 140 certificates of a system.
shared_context = lru_cache(maxsize=8)(make_context)
"""The same, but once: the context must not be changed."""


@lru_cache(maxsize=8)
def are_readable(certificates: tuple[bytes, ...]) -> bool:
    """Return whether OpenSSL can read certificates in DER form."""
    try:
        _load(certificates, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    except ssl.SSLError:
        return False
    return True


def unverified_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate: for looking at it. Nothing may be sent over the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Once:
    """Makes a context when it is first called for, and returns it ever after. Safe to share between threads."""

    def __init__(self, make: Callable[[], ssl.SSLContext]) -> None:
        self._make = make
        self._made: ssl.SSLContext | None = None
        self.forked()
        begin_anew_in_children(self)

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`."""
        self._lock = threading.Lock()

    def __call__(self) -> ssl.SSLContext:
        """Return the context."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def _log_keys(context: ssl.SSLContext) -> None:
    """Let OpenSSL write the secrets of connections to the file of SSLKEYLOGFILE; empty means no file, as for Python."""
    if key_log := os.environ.get("SSLKEYLOGFILE"):
        try:
            context.keylog_filename = key_log
        except OSError as error:
            message = f"SSLKEYLOGFILE={quote_path(key_log)} cannot be written ({error.strerror})"
            raise OSError(error.errno, message) from None


def _load(certificates: tuple[bytes, ...], context: ssl.SSLContext) -> None:
    if certificates:
        context.load_verify_locations(cadata=b"".join(certificates))
