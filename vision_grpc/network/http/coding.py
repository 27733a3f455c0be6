"""The content codings of HTTP, undone as the bytes come: gzip and deflate (RFC 9110, 8.4)."""

import zlib
from collections.abc import Sequence

from vision_grpc.errors import ProtocolError

# The words for no coding at all: `none` is curl's, and some servers name the charset in the wrong header.
_NONE = frozenset({"", "identity", "none", "utf-8"})
_GZIP = frozenset({"gzip", "x-gzip"})
_KNOWN = _GZIP | {"deflate"}
_GZIP_BITS = zlib.MAX_WBITS | 16
_ZLIB_HEADER_BYTES = 2
# They bound the work that a hostile server causes: each member and each coding costs time, even if nothing comes of it.
# Programs that write many members write one for about 64 KB.
_MOST_MEMBERS = 10_000
_MOST_CODINGS = 4


class Coding:
    """One coding of a body.

    Gzip may have several members, and zeros after each of them, which `gzip` and Python's module pass over too
    (RFC 1952, 2.2). Deflate is the format of zlib, but some servers leave out its frame.
    """

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._head: bytes = b""
        self._unpacker = zlib.decompressobj()
        self._is_under_way = False
        self._members = 0

    @property
    def is_complete(self) -> bool:
        """Whether the body may end here: nothing has come, or all that began has ended."""
        return not (self._is_under_way or self._head)

    def undo(self, piece: bytes, most: int) -> bytes:
        """Return what the next bytes become, but at most so many bytes, which is at least one.

        Raises:
            ProtocolError: they are not in this coding.
        """
        contents: list[bytes] = []
        try:
            while most > 0 and (self._is_under_way or (piece := self._begin(piece))):
                contents.append(content := self._unpacker.decompress(piece, most))
                most -= len(content)
                if not self._unpacker.eof:
                    break
                self._is_under_way, piece = False, self._unpacker.unused_data
        except zlib.error as error:
            raise broken_coding(str(error)) from error
        return b"".join(contents)

    def _begin(self, piece: bytes) -> bytes:
        """Begin a member, and return its bytes; empty if there are not enough yet."""
        piece = self._head + (piece.lstrip(b"\0") if self._members else piece)
        if len(piece) < _ZLIB_HEADER_BYTES:
            self._head = piece
            return b""
        if self._members == (_MOST_MEMBERS if self._is_gzip else 1):
            reason = "too much follows the end"
            raise broken_coding(reason)
        bits = _GZIP_BITS
        if not self._is_gzip:
            bits = zlib.MAX_WBITS if _is_zlib(piece) else -zlib.MAX_WBITS
        self._head, self._unpacker = b"", zlib.decompressobj(bits)
        self._is_under_way = True
        self._members += 1
        return piece


def codings_of(header: str) -> Sequence[Coding] | None:
    """Return the codings of a body in the order in which they are undone; None if one of them is not known here."""
    names = [name for name in (part.strip().lower() for part in header.split(",")) if name not in _NONE]
    if len(names) > _MOST_CODINGS or not _KNOWN.issuperset(names):
        return None
    return [Coding(is_gzip=name in _GZIP) for name in reversed(names)]


def broken_coding(reason: str) -> ProtocolError:
    """Return the error of a body that is not encoded as it says."""
    return ProtocolError(f"the answer is not encoded as it says: {reason}")


def _is_zlib(piece: bytes) -> bool:
    # RFC 1950, 2.2: the method is deflate, and the header is a multiple of 31.
    return piece[0] & 0x0F == zlib.DEFLATED and int.from_bytes(piece[:_ZLIB_HEADER_BYTES]) % 31 == 0
