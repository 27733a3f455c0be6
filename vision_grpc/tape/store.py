"""What a tape needs of the place where its entries are."""

from collections.abc import Sequence
from typing import Protocol

MARKER = "vision-grpc-tape"
"""The name of the file that says that a place is a tape."""

MARKER_TEXT = b"""vision-grpc tape 1

This is a tape: answers of the Vision service, which vision-grpc keeps under digests of what was sent for them.
Look at it, or make it smaller, by `vision-grpc tape --help`.
"""


class Store(Protocol):
    """Entries as bytes under their digests, in a folder or a bucket. It opens nothing before its first use.

    All methods raise TapeError where the place as a whole cannot be used.
    """

    def read(self, digests: Sequence[str]) -> Sequence[bytes | None]:
        """Return what is there for each digest; None for nothing."""
        ...

    def write(self, digest: str, data: bytes) -> None:
        """Put an entry there, whole or not at all, in place of what was there."""
        ...

    def name(self, digest: str) -> str:
        """Return the path or URL of an entry."""
        ...
