"""What goes over HTTP and what comes back, apart from the library that carries it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple


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

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, ...)"
