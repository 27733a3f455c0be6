"""The size of a WebP's picture, read before anything is allocated for it."""

import struct

# RFC 9649: 12 bytes of RIFF, the first chunk's name at 12, its content from 20 on.
_NAME, _BODY = slice(12, 16), 20
_LOSSY_START, _LOSSLESS_START = b"\x9d\x01\x2a", b"\x2f"
_14_BITS = 0x3FFF


def read_webp_size(content: bytes) -> tuple[int, int] | None:
    """Return the width and height that the header of a WebP states; None where it is not understood."""
    body = content[_BODY : _BODY + 10]
    if len(body) < 10:  # noqa: PLR2004 - the longest of the three
        return None
    match content[_NAME]:
        case b"VP8X":
            # Its numbers have 24 bits, and 0 means 1.
            return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        case b"VP8 " if body[3:6] == _LOSSY_START:
            wide, high = struct.unpack("<HH", body[6:10])
            return wide & _14_BITS, high & _14_BITS
        case b"VP8L" if body[:1] == _LOSSLESS_START:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & _14_BITS) + 1, (bits >> 14 & _14_BITS) + 1
        case _:
            return None
