"""http.client's response without its leniency: it takes much of what is malformed, or breaks off, for good."""

import io
from collections.abc import Iterator
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, cast

from vision_grpc.network.secrets.quoting import quote_peer

# The answer to eight pages in one piece; of a longer one, no more than this is set aside before it is there.
_PIECE_BYTES = 1024 * 1024
# RFC 9110, 15.2. 101 is none of them: what follows it is another protocol.
_INTERIM_STATUSES = frozenset(range(100, 200)) - {101}
# The parser's others are of bodies, which it is not given.
_HEAD_DEFECTS = (
    FirstHeaderLineIsContinuationDefect,
    InvalidHeaderDefect,
    MisplacedEnvelopeHeaderDefect,
    MissingHeaderBodySeparatorDefect,
)


class StrictResponse(HTTPResponse):
    """A response of a final status; those of interim ones before it are passed over.

    Both the head, which has at most 100 headers, and the body raise HTTPException where they are not sound.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of http.client
        super().__init__(*arguments, **options)
        self._lines = self.fp = _LineReader(self.fp.detach())

    def begin(self) -> None:
        """Read the head."""
        super().begin()
        while self.status in _INTERIM_STATUSES:
            # As before the first one.
            self.headers = None  # type: ignore[assignment]
            super().begin()
        self._check_head()

    def fields(self) -> dict[str, str]:
        """Return the headers, by names in lower case, without white space around them or line breaks in them."""
        return {name.lower(): " ".join(value.split()) for name, value in self.getheaders()}

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes."""
        while piece := self._read_piece():
            yield piece
        if self.length:
            message = f"the answer ended {self.length} bytes too early"
            raise HTTPException(message)

    def _read_piece(self) -> bytes:
        try:
            return self.read(_PIECE_BYTES)
        except IncompleteRead:
            pass  # It holds what was read, which may quote a secret.
        message = "the answer broke off"
        raise HTTPException(message)

    def _check_head(self) -> None:
        if self._lines.latest.strip() or not self._lines.latest:
            message = "the answer ended in its head"
            raise HTTPException(message)
        if any(isinstance(defect, _HEAD_DEFECTS) for defect in self.headers.defects):
            # Nothing after that line was read; there may have been a length.
            message = "the head of the answer has a line that is no header"
            raise HTTPException(message)
        transfer, length = (self.headers.get(name, "").strip() for name in ("transfer-encoding", "content-length"))
        if transfer.lower() == "chunked" and not self.chunked:
            # White space after it is legal. What tells whether the connection goes on was wrong, too: then it does not.
            self.chunked, self.chunk_left, self.length = True, None, None
        if (transfer or length) and not self.chunked and self.length is None:
            # http.client would wait for the end of the connection.
            message = f"the answer is of no length that is known: {quote_peer(transfer or length)}"
            raise HTTPException(message)

    def _read_next_chunk_size(self) -> int:
        """Return the size of the next chunk; http.client takes a negative one, and then reads without end."""
        size = cast("int", super()._read_next_chunk_size())  # type: ignore[misc]
        if size < 0:
            raise ValueError(size)
        return size


class _LineReader(io.BufferedReader):
    """Knows the latest line, for the end of a connection is a line to http.client, too."""

    latest = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        self.latest = super().readline(size)
        return self.latest
