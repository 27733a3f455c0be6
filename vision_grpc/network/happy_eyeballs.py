"""A TCP connection to whichever address of a host answers first: Happy Eyeballs, RFC 8305.

A name may have addresses where nothing answers, often those of IPv6 on a network that does not carry it. All attempts
share the caller's deadline, and all are made in the caller's thread, which waits for all their sockets at once.
"""

import os
import selectors
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from typing import NamedTuple, Self, TypeAlias, cast

from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import is_ip_address
from vision_grpc.threads import DaemonThreads

# RFC 8305, 8: the recommended time between two attempts, and the shortest one. Many attempts follow each other faster,
# so that the last one begins within half of the time that is left.
_DELAY_S = 0.25
_SHORTEST_DELAY_S = 0.1
_MOST_NAMED = 4

_Place: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


class Address(NamedTuple):
    """An address of a host, and what `socket.connect` takes for it: the IP address, the port, and more with IPv6."""

    family: int
    place: _Place

    def __str__(self) -> str:
        return str(self.place[0])


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a connection to the first address of a host that answers; its socket has no time-out.

    The addresses are tried in the system's order, but IPv6 and IPv4 by turns. The next attempt begins when one has
    failed, or has not ended within a quarter of a second.

    Raises:
        OSError: no address was reached; if there are several, the text names them. It is a TimeoutError when the time
            is over, and a `socket.gaierror` when no address of the host was found in time.
        UnicodeError: the host is not a valid name.
    """
    with _Race(interleave(_resolve(host, port, deadline)), deadline) as race:
        return race.winner()


def interleave(addresses: Sequence[Address]) -> Sequence[Address]:
    """Return each address once, the families by turns; the first address stays the first."""
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address.family, []).append(address)
    return [address for address in chain.from_iterable(zip_longest(*families.values())) if address is not None]


def _resolve(host: str, port: int, deadline: Deadline) -> Sequence[Address]:
    def look_up() -> Sequence[Address]:
        if not (found := socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)):
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        return [Address(family, place) for family, _, _, _, place in found]

    if is_ip_address(host):
        return look_up()
    # The system's resolver has no time-out. Where it hangs, its thread is left behind: no process waits for it.
    thread = DaemonThreads("vision-grpc-resolver")
    try:
        return thread.submit(look_up).result(deadline.left_s)
    except TimeoutError as error:
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver did not answer in time") from error
    finally:
        thread.end()


class _Race:
    """Attempts to connect to addresses. The first that succeeds is the winner, and the others are given up."""

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._waiting = deque(addresses)
        self._deadline = deadline
        self._delay_s = max(_SHORTEST_DELAY_S, min(_DELAY_S, deadline.left_s / (2 * len(addresses))))
        self._selector = selectors.DefaultSelector()
        self._under_way: dict[socket.socket, Address] = {}
        self._faults: dict[Address, OSError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for connection in self._under_way:
            connection.close()

    def winner(self) -> socket.socket:
        """Return the first connection.

        Raises:
            OSError: all attempts failed, or the time is over.
        """
        while self._waiting or self._under_way:
            if self._deadline.left_s <= 0:
                is_only = len(self._under_way) + len(self._waiting) + len(self._faults) == 1
                raise TimeoutError("timed out" if is_only else f"timed out: {self._tried()}")
            if self._waiting and not self._begin(self._waiting.popleft()):
                continue
            for connection in self._wait():
                address = self._under_way.pop(connection)
                if not (number := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                    connection.settimeout(None)
                    return connection
                connection.close()
                self._faults[address] = OSError(number, os.strerror(number))
        *_, last = self._faults.values()
        raise last if len(self._faults) == 1 else OSError(last.errno, self._tried())

    def _begin(self, address: Address) -> bool:
        """Begin an attempt; return whether it is under way."""
        try:
            connection = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            self._faults[address] = error
            return False
        try:
            connection.settimeout(0)
            with suppress(BlockingIOError):
                connection.connect(address.place)
            self._selector.register(connection, selectors.EVENT_WRITE)
        except OSError as error:
            connection.close()
            self._faults[address] = error
            return False
        self._under_way[connection] = address
        return True

    def _wait(self) -> Iterator[socket.socket]:
        """Yield the connections whose attempts have ended, when one has or the next attempt may begin."""
        left_s = self._deadline.left_s
        for key, _ in self._selector.select(min(left_s, self._delay_s) if self._waiting else left_s):
            connection = cast("socket.socket", key.fileobj)
            self._selector.unregister(connection)
            yield connection

    def _tried(self) -> str:
        """Return what became of the attempts: the reasons, each with its addresses."""
        reasons = {"no answer": [*self._under_way.values()], "not tried": [*self._waiting]}
        for address, error in self._faults.items():
            reasons.setdefault(error.strerror or str(error), []).append(address)
        return "; ".join(f"{reason} ({_names(addresses)})" for reason, addresses in reasons.items() if addresses)


def _names(addresses: Sequence[Address]) -> str:
    names = ", ".join(map(str, addresses[:_MOST_NAMED]))
    more = len(addresses) - _MOST_NAMED
    return f"{names} and {more} more" if more > 0 else names
