"""Where the calls of a client go, as far as that is known before they are answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from vision_grpc.api.api import Api
from vision_grpc.errors import TransportName
from vision_grpc.stream.effects import About


@dataclass(frozen=True, slots=True)
class Destination:
    """A method and the server that has it; see `CallStarted`."""

    method: str = ""
    server_address: str | None = None
    server_port: int | None = None
    transport: TransportName | None = None


UNKNOWN = Destination()
"""That of calls of which nothing is known."""


class Destinations(NamedTuple):
    """Those of one client."""

    sent: Destination
    """Where images are sent that are answered at once."""
    submitted: Destination
    """Where images are sent that are read later."""
    polled: Mapping[About, Destination]
    """Where operations are asked about."""

    @classmethod
    def of(cls, api: Api, find: Callable[[Api], Destination]) -> Self:
        """Return what `find` says of each method."""
        sent = find(api)
        if (operations := api.deferred) is None:
            return cls(sent, sent, {})
        polled: Mapping[About, Destination] = {
            "recognition": find(operations.recognition),
            "status": find(operations.status),
        }
        return cls(sent, find(operations.submission), polled)
