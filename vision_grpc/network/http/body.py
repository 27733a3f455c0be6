"""The body of an HTTP answer, unpacked as it comes and bounded in length."""

import zlib

from vision_grpc.errors import Code, ProtocolError, RequestTooLargeError

# The JSON of eight densely printed pages is about 20 MB. The bound protects memory from a hostile server: gzip makes
# an answer up to a thousand times shorter on its way.
MAX_BODY_BYTES = 64 * 1024 * 1024
GZIP = frozenset({"gzip", "x-gzip"})
"""The coding that is asked for and unpacked. A body in any other coding stays as it is."""
_GZIP_BITS = zlib.MAX_WBITS | 16


class AnswerBody:
    """The body of one answer.

    Raises:
        ProtocolError: it is not encoded as it says.
        RequestTooLargeError: it is longer than the limit; the answer to fewer images is shorter.
    """

    def __init__(self, coding: str, limit: int) -> None:
        self._pieces: list[bytes] = []
        self._limit = self._left = limit
        self._unpacker = zlib.decompressobj(_GZIP_BITS) if coding.lower() in GZIP else None
        self._is_empty = True

    def add(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        self._is_empty = False
        content = self._unpack(piece)
        self._left -= len(content)
        if self._left < 0:
            raise RequestTooLargeError(Code.RESOURCE_EXHAUSTED, f"the answer is longer than {self._limit} bytes")
        self._pieces.append(content)

    def check(self) -> None:
        """Raise ProtocolError if the body is not complete."""
        if not (self._is_empty or self._unpacker is None or self._unpacker.eof):
            message = "the answer is not encoded as it says: the end of the gzip is missing"
            raise ProtocolError(message)

    def content(self) -> bytes:
        """Return the body as far as it has come."""
        return b"".join(self._pieces)

    def _unpack(self, piece: bytes) -> bytes:
        if self._unpacker is None:
            return piece
        try:
            # One byte more than is allowed shows that the body is too long, however much the piece would grow.
            content = self._unpacker.decompress(piece, self._left + 1)
        except zlib.error as error:
            message = f"the answer is not encoded as it says: {error}"
            raise ProtocolError(message) from error
        if self._unpacker.unused_data:
            message = "the answer is not encoded as it says: something follows the gzip"
            raise ProtocolError(message)
        return content
