"""A request and an answer of HTTP, whatever library carries them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

_LONGEST_ID = 200


class HttpRequest(NamedTuple):
    """A request; content that is not `bytes` needs a `content-length` among the headers."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | Iterable[bytes] | None = None

    def __repr__(self) -> str:
        # Tokens are in the headers and, where they are exchanged, in the content.
        return f"HttpRequest({self.method!r}, {self.path!r}, ...)"


class HttpAnswer(NamedTuple):
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case. There is a `content-encoding` only if the body is still encoded."""
    body: bytes

    @property
    def request_id(self) -> str | None:
        """The id that the service gave the request; None if there is no printable one."""
        request_id = self.headers.get("x-request-id", "")[:_LONGEST_ID]
        return request_id if request_id and request_id.isprintable() else None

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, ...)"


def join_headers(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by their names; the values of one that came several times are a list with commas.

    RFC 9110, 5.3.
    """
    headers: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
