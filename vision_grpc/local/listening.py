"""Addresses to listen on, and the files of TLS."""

import errno
import socket
import ssl
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
            LocalServiceError: one cannot be read, or they do not belong together.
        """
        for file in self:
            try:
                file.read_bytes()
            except OSError as error:
                message = f"{file} cannot be read ({error.strerror}): name a PEM file"
                raise LocalServiceError(message) from error
        try:
            # Without a pass phrase, if a wrong one, OpenSSL would ask for it on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password=str)
        except ssl.SSLError as error:
            message = f"{self.certificate} and {self.key} are no certificate chain and its key in PEM"
            if error.reason == "KEY_VALUES_MISMATCH":
                message += ": the chain begins with another key's certificate"
            else:
                message += ", or the key has a pass phrase (openssl pkey writes it without)"
            raise LocalServiceError(message) from error


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, with any free port for 0.

    Raises:
        LocalServiceError: the port is in use, or the host is not of this machine.
    """
    address = join_address(host, port)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no name of a host"
        of_port = isinstance(error, OSError) and error.errno in _FAULTS_OF_PORTS
        fix = "free the port or choose another (0 takes any)" if of_port else "name an address of this machine"
        message = f"cannot listen on {address}: {reason}; {fix}"
        raise LocalServiceError(message) from error


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
