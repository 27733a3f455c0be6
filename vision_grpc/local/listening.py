"""Addresses to listen on, and the files of TLS."""

import errno
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import NamedTuple

from vision_grpc.local.errors import LocalServiceError

_PORT_ERRORS = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


class TlsFiles(NamedTuple):
    """A certificate chain and its private key, both PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Check that a server can use the files.

        Raises:
            LocalServiceError: one is not a regular file or cannot be read, or they do not belong together.
        """
        for file in self:
            try:
                # Before it is opened: a pipe may never end, and what is read from it is lost.
                if not stat.S_ISREG(file.stat().st_mode):
                    message = f"{file} is not a regular file: name a PEM file"
                    raise LocalServiceError(message)
                file.read_bytes()
            except OSError as error:
                message = f"{file} cannot be read ({error.strerror}): name a PEM file"
                raise LocalServiceError(message) from error
        fault = _fault_of(self.certificate, self.key)
        if fault is None:
            return
        message = f"{self.certificate} and {self.key} are not a certificate chain and its key in PEM"
        if isinstance(fault, ssl.SSLError) and fault.reason == "KEY_VALUES_MISMATCH":
            message += ": the chain begins with another key's certificate"
        elif _fault_of(self.key, self.certificate) is None:
            message += ", but the other way round: swap them"
        else:
            message += ", or the key has a pass phrase (openssl pkey writes it without)"
        raise LocalServiceError(message) from fault


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, with any free port for 0.

    Raises:
        LocalServiceError: the port is in use, or the host is not an address of this machine.
    """
    address = join_address(host, port)
    try:
        family, *_, socket_address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(socket_address, family=family)
    except (OSError, UnicodeError) as error:
        of_port = isinstance(error, OSError) and error.errno in _PORT_ERRORS
        fix = "free the port or choose another (0 takes any)" if of_port else "name an address of this machine"
        message = f"cannot listen on {address}: {_reason_of(error)}; {fix}"
        raise LocalServiceError(message) from error


def numeric_host(bound: socket.socket) -> str:
    """Return the host that a socket is bound to, as a numeric address."""
    return socket.getnameinfo(bound.getsockname(), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fault_of(certificate: Path, key: Path) -> OSError | None:
    """Return the error of loading the files, None if a server can use them."""
    try:
        # An empty pass phrase keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        # ssl.SSLError is an OSError; some errors come without its reason.
        return error
    return None


def _reason_of(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is not a host name"
    # Python adds the address to the system's message. The numbers of getaddrinfo are not the system's.
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror)
    return os.strerror(error.errno)
