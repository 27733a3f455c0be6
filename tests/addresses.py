"""Names with several addresses of this machine, and addresses where nothing answers."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

# Within this machine a connection takes microseconds.
_FULL_S = 0.05


def resolve(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Let every name have these addresses, in this order."""
    real = socket.getaddrinfo

    def look_up(_: str, port: int, *_args: object, **_options: object) -> Sequence[object]:
        return [address for host in hosts for address in real(host, port, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@contextmanager
def black_holes(port: int, *hosts: str) -> Iterator[None]:
    """Let a port of these addresses take connections up and never answer, as where a firewall drops what comes.

    The queue of a listening socket is full, so that the system drops every further request to connect.
    """
    with ExitStack() as stack:
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = stack.enter_context(socket.socket(family))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError as error:
                pytest.skip(f"this machine has no address {host}: {error}")
            listener.listen(0)
            _fill(stack, listener, family)
        yield


def _fill(stack: ExitStack, listener: socket.socket, family: int) -> None:
    for _ in range(8):
        client = stack.enter_context(socket.socket(family))
        client.settimeout(_FULL_S)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            return
    pytest.skip("this system lets clients connect though nobody accepts them: there is no black hole")
