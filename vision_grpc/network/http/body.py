"""The body of an HTTP answer, unpacked as it comes and bounded in length."""

from vision_grpc.errors import Code, RequestTooLargeError
from vision_grpc.network.http.coding import broken_coding, codings_of

# The JSON of eight densely printed pages is about 20 MB. The bound protects memory from a hostile server: gzip makes
# an answer up to a thousand times shorter on its way.
MAX_BODY_BYTES = 64 * 1024 * 1024


class AnswerBody:
    """The body of one answer. In a coding that is not known here, it stays as it is.

    Raises:
        ProtocolError: it is not encoded as it says.
        RequestTooLargeError: it is longer than the limit, packed or not; the answer to fewer images is shorter.
    """

    def __init__(self, coding: str, limit: int) -> None:
        codings = codings_of(coding)
        self.is_unpacked: bool = codings is not None
        """Whether the codings are known here."""
        self._codings = codings or ()
        self._limit = limit
        self._lengths = [0] * (1 + len(self._codings))
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        self._count(0, piece)
        for number, coding in enumerate(self._codings, 1):
            # One byte more than is allowed shows that the body is too long, however much the piece would grow.
            piece = coding.undo(piece, self._limit - self._lengths[number] + 1)
            self._count(number, piece)
        if piece:
            self._pieces.append(piece)

    def check(self) -> None:
        """Raise ProtocolError if the body is not complete."""
        if not all(coding.is_complete for coding in self._codings):
            reason = "its end is missing"
            raise broken_coding(reason)

    def content(self) -> bytes:
        """Return the body as far as it has come."""
        return b"".join(self._pieces)

    def _count(self, number: int, piece: bytes) -> None:
        self._lengths[number] += len(piece)
        if self._lengths[number] > self._limit:
            raise RequestTooLargeError(Code.RESOURCE_EXHAUSTED, f"the answer is longer than {self._limit} bytes")
