"""The chunks of a PNG file."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FIRST_KIND_AT = len(SIGNATURE) + 4
"""Where the first chunk says its kind."""

XMP = b"XML:com.adobe.xmp\0"
"""What the chunk of type iTXt begins with that holds such metadata."""

MOST_LOOKED_AT = 2_000
"""How many chunks are looked at before a file is sent as it is. Images have a few; a million would take long."""

_HEAD = struct.Struct(">I4s")  # The length of the data, and the kind of the chunk.
_CHECKSUM_BYTES = 4


class Chunk(NamedTuple):
    """A chunk's kind and where its data are in the file. The file may end before they do."""

    kind: bytes
    start: int
    end: int

    def data(self, content: bytes) -> bytes:
        """Return the data, as far as the file has them."""
        return content[self.start : self.end]

    def is_intact(self, content: bytes) -> bool:
        """Return whether the checksum is right."""
        expected = content[self.end : self.end + _CHECKSUM_BYTES]
        return zlib.crc32(content[self.start - 4 : self.end]).to_bytes(_CHECKSUM_BYTES, "big") == expected


def chunks(content: bytes) -> Iterator[Chunk]:
    """Yield the chunks after the signature up to the end of the file, of whatever kind."""
    position = len(SIGNATURE)
    while position + _HEAD.size <= len(content):
        length, kind = _HEAD.unpack_from(content, position)
        chunk = Chunk(kind, position + _HEAD.size, position + _HEAD.size + length)
        yield chunk
        position = chunk.end + _CHECKSUM_BYTES


def encode_chunk(kind: bytes, data: bytes) -> bytes:
    """Return the bytes of a chunk."""
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big")
