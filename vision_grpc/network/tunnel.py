"""The tunnel that a proxy opens on request: it passes on everything that follows, in both directions."""

import re
import socket

from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import Proxy

# Matches interim heads and the final one. Lines may end without CR, which RFC 9112, 2.2, lets a reader accept.
_FINAL_HEAD = re.compile(
    rb"(?>HTTP/1\.\d 1\d\d\b.*?\r?\n\r?\n)*+HTTP/1\.\d (?P<status>[2-9]\d\d)\b.*?\r?\n\r?\n", re.DOTALL
)
_HEAD_BYTES = 65_536
_TIMED_OUT = "timed out"
# By these a proxy says that the tunnel is open.
_GOOD_STATUSES = range(200, 300)


class TunnelError(OSError):
    """A proxy opened no tunnel. `status` is the HTTP status of its answer; None: the answer was not HTTP."""

    def __init__(self, status: int | None) -> None:
        super().__init__("it did not answer in HTTP" if status is None else f"it answered HTTP {status}")
        self.status = status


def open_tunnel(connection: socket.socket, endpoint: Endpoint, proxy: Proxy, deadline: Deadline) -> None:
    """Ask a proxy to pass on everything that follows on a connection to the endpoint.

    Raises:
        TunnelError: the proxy answered something else than that it does so.
        OSError: the proxy did not answer in time, or the connection broke.
    """
    lines = [f"CONNECT {endpoint.target} HTTP/1.1", f"Host: {endpoint.target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.settimeout(_left_s(deadline))
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    received = b""
    while (head := _FINAL_HEAD.match(received)) is None:
        connection.settimeout(_left_s(deadline))
        # What follows the head is the service's, which may speak first, as in HTTP/2. So the bytes are looked at first.
        piece = connection.recv(4096, socket.MSG_PEEK)
        head = _FINAL_HEAD.match(received + piece)
        piece = connection.recv(len(piece) if head is None else head.end() - len(received))
        received += piece
        if not piece or len(received) > _HEAD_BYTES or not b"HTTP/".startswith(received[:5]):
            raise TunnelError(None)
    if (status := int(head["status"])) not in _GOOD_STATUSES:
        raise TunnelError(status)


def _left_s(deadline: Deadline) -> float:
    # Sockets take 0 for "do not wait at all", which ends in another error.
    if (left_s := deadline.left_s) > 0:
        return left_s
    raise TimeoutError(_TIMED_OUT)
