"""Addresses to listen on, and the files of TLS."""

import errno
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import NamedTuple

from vision_grpc.local.errors import LocalServiceError

_FAULTS_OF_PORTS = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)


class TlsFiles(NamedTuple):
    """A certificate chain and its private key, both PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Pass files that a server can use.

        Raises:
            LocalServiceError: one is no regular file or cannot be read, or they do not belong together.
        """
        for file in self:
            try:
                # Before it is opened: the end of a pipe may never come, and what was read of it is gone.
                if not stat.S_ISREG(file.stat().st_mode):
                    message = f"{file} is no regular file: name a PEM file"
                    raise LocalServiceError(message)
                file.read_bytes()
            except OSError as error:
                message = f"{file} cannot be read ({error.strerror}): name a PEM file"
                raise LocalServiceError(message) from error
        fault = _fault_of(self.certificate, self.key)
        if fault is None:
            return
        message = f"{self.certificate} and {self.key} are no certificate chain and its key in PEM"
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
        LocalServiceError: the port is in use, or the host is not of this machine.
    """
    address = join_address(host, port)
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place, family=family)
    except (OSError, UnicodeError) as error:
        of_port = isinstance(error, OSError) and error.errno in _FAULTS_OF_PORTS
        fix = "free the port or choose another (0 takes any)" if of_port else "name an address of this machine"
        message = f"cannot listen on {address}: {_reason_of(error)}; {fix}"
        raise LocalServiceError(message) from error


def numeric_host(bound: socket.socket) -> str:
    """Return the host that a socket is bound to, in a form that nobody has to look up."""
    return socket.getnameinfo(bound.getsockname(), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fault_of(certificate: Path, key: Path) -> OSError | None:
    """Return what keeps a server from using the files, of which either may hold the key too."""
    try:
        # An empty pass phrase keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:
        # ssl.SSLError is one too; some faults come without its reason.
        return error
    return None


def _reason_of(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is no name of a host"
    # Python adds the address to what the system says of it; numbers of getaddrinfo are none of the system's.
    if isinstance(error, socket.gaierror) or error.errno is None:
        return str(error.strerror)
    return os.strerror(error.errno)
