"""Addresses to listen on, and the files of TLS."""

import socket
import ssl
from pathlib import Path
from typing import NamedTuple

from vision_grpc.local.errors import LocalServiceError


class TlsFiles(NamedTuple):
    """A certificate chain and its private key, both PEM."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Pass files that a server can use.

        Raises:
            LocalServiceError: one cannot be read, or they do not belong together.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one.
            message = f"{self.certificate} and {self.key} are no certificate and key in PEM: {error}"
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
    except OSError as error:
        message = f"cannot listen on {address}: {error.strerror}; free the port or choose another (0 takes any)"
        raise LocalServiceError(message) from error


def join_address(host: str, port: int) -> str:
    """Return `host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
