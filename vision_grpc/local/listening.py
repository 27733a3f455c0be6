"""Sockets to listen on, and the server's TLS files."""

import errno
import os
import socket
import ssl
import stat
import weakref
from pathlib import Path
from typing import NamedTuple

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.texts.quoting import quote_name

# A forked child gets copies of all sockets. Those that listen would keep the port taken when its owner has closed, and
# take connections that nobody serves.
_LISTENING: weakref.WeakSet[socket.socket] = weakref.WeakSet()
# As many as the faces serve at once. Clients beyond the system's queue try again only after a second.
_WAITING = 1024
_PORT_ERRORS = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


class TlsFiles(NamedTuple):
    """A certificate chain and its private key, both PEM."""

    certificate: Path
    key: Path

    def context(self, *, prefer_http2: bool) -> ssl.SSLContext:
        """Return the settings of a server's connections: what clients get that offer HTTP/2 and HTTP/1.1."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["h2", "http/1.1"] if prefer_http2 else ["http/1.1", "h2"])
        return context

    def check(self) -> None:
        """Check that a server can use the files.

        Raises:
            LocalServiceError: a file is not a regular one or cannot be read, or the two do not belong together.
        """
        for file in self:
            try:
                # A pipe must not be opened: it may never end, and its content can be read only once.
                if not stat.S_ISREG(file.stat().st_mode):
                    message = f"{quote_name(file)} is not a regular file: name a PEM file"
                    raise LocalServiceError(message)
                file.read_bytes()
            except OSError as error:
                message = f"{quote_name(file)} cannot be read ({error.strerror}): name a PEM file"
                raise LocalServiceError(message) from error
        loading_error = _try_to_load(self.certificate, self.key)
        if loading_error is None:
            return
        certificate, key = (quote_name(file) for file in self)
        message = f"{certificate} and {key} are not a PEM certificate chain and its private key"
        if isinstance(loading_error, ssl.SSLError) and loading_error.reason == "KEY_VALUES_MISMATCH":
            message += ": the chain begins with the certificate of another key"
        elif _try_to_load(self.key, self.certificate) is None:
            message += ": they are swapped"
        else:
            message += ", or the key has a pass phrase (openssl pkey can remove it)"
        raise LocalServiceError(message) from loading_error


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes any free port.

    Raises:
        LocalServiceError: the port is in use, or the host is not an address of this machine.
    """
    address = join_address(host, port)
    try:
        family, *_, socket_address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(socket_address, family=family, backlog=_WAITING)
    except (OSError, UnicodeError) as error:
        is_port_error = isinstance(error, OSError) and error.errno in _PORT_ERRORS
        fix = "free the port or choose another (0 takes any)" if is_port_error else "name an address of this machine"
        message = f"cannot listen on {address}: {_reason_of(error)}; {fix}"
        raise LocalServiceError(message) from error
    _LISTENING.add(listener)
    return listener


def numeric_host(bound: socket.socket) -> str:
    """Return the numeric IP address that a socket is bound to."""
    return socket.getnameinfo(bound.getsockname(), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _try_to_load(certificate: Path, key: Path) -> OSError | None:
    """Return the error that loading the files raises, None if a server can use them."""
    try:
        # Without a function OpenSSL asks for a pass phrase on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        # This is usually an ssl.SSLError, which has a reason, but not always.
        return error
    return None


def _reason_of(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is not a host name"
    # Python adds the address to the system's message, so the message is looked up by errno. The numbers of
    # getaddrinfo are not errno values.
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror)
    return os.strerror(error.errno)


def _close_copies() -> None:
    for listener in list(_LISTENING):
        listener.close()
    _LISTENING.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_copies)
