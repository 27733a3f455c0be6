"""What goes over HTTP and what comes back, apart from the library that carries it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

_LONGEST_ID = 200


class HttpRequest(NamedTuple):
    """What is sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | Iterable[bytes] | None = None

    def __repr__(self) -> str:
        # Tokens are in the headers and, where they are exchanged, in the content.
        return f"HttpRequest({self.method!r}, {self.path!r}, ...)"


class HttpAnswer(NamedTuple):
    """What came back, whatever it is."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes

    @property
    def request_id(self) -> str | None:
        """What the service calls the request, if it is something that can be told."""
        told = self.headers.get("x-request-id", "")[:_LONGEST_ID]
        return told if told and told.isprintable() else None

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, ...)"
