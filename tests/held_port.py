"""A port that nobody listens on until a test says so."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_port() -> Iterator[int]:
    """Give a port where connections are refused, and where a server may be started and started again.

    It stays bound here, so that nobody else is given it: neither a server nor, which connects
    to itself then, a client.
    """
    with socket.socket() as holder:
        # Both sockets need it, to share the port while only one of them listens.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
