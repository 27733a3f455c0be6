"""Which names and addresses in a Host header are the service's own.

A web page of anybody can let a name of its own mean 127.0.0.1 (DNS rebinding). The browser then takes the service for
a part of that page, and lets the page read the answers. Only the Host header shows it: it has the name of the page.
"""

import re
import socket
from collections.abc import Iterable

from vision_grpc.local.addresses import parse_address

_HEADER = re.compile(r"(?:\[(?P<six>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,253}))(?::\d{0,5})?", re.ASCII)
# Names that no public DNS has: RFC 6762 and 8375, and ICANN's of 2024.
_PRIVATE_SUFFIXES = (".internal", ".local", ".home.arpa")


class OwnHosts:
    """The hosts of a service which listens at `host`, with `allowed` ones: names, `*.suffix`, or `*` for any.

    Any port is right, because containers and tunnels publish services at others.
    """

    def __init__(self, host: str, allowed: Iterable[str] = ()) -> None:
        names = {_plain(name) for name in allowed}
        self._takes_any = "*" in names
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        # The name of the machine is nothing that a page could choose.
        machine = _plain(socket.gethostname())
        self._names = names | {"localhost", _plain(host), machine, machine.partition(".")[0]} - {""}

    def has(self, header: str, reached: str) -> bool:
        """Return whether a Host header is right on a connection to the numeric address `reached` of this machine.

        Who connects to another address than the loopback's may be in another container or on another machine. Such
        peers may use private addresses (those of the machine that publishes the port among them) and names that
        public DNS does not have: single words, as container networks give them, and private domains.
        """
        match = _HEADER.fullmatch(header.lower())
        if match is None:
            return False
        name = _plain(match["six"] or match["name"])
        if self._takes_any or name in self._names or name.endswith((".localhost", *self._suffixes)):
            return True
        at, address = parse_address(reached), parse_address(name)
        is_local = at is None or at.is_loopback
        if address is not None:
            return address.is_loopback or address == at or (not is_local and address.is_private)
        # A last word of digits alone is a short form of an address, such as 127.1, and not a name.
        is_word = "." not in name and not name[-1:].isdigit()
        return not is_local and (is_word or name.endswith(_PRIVATE_SUFFIXES))


def _plain(name: str) -> str:
    """Return a name as it is compared; the root's dot at its end means nothing."""
    return name.lower().strip("[]").removesuffix(".")
