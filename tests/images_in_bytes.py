"""Small images with a number inside, by which a service that looks at the bytes knows them apart."""

import struct

_HEAD = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 1, 1) + b"\x08\x00\x00\x00\x00" + b"\0" * 4


def png(number: int, *, size: int = 0) -> bytes:
    """Return the head of a PNG file and a number, filled up to `size` bytes. It passes the client's checks."""
    return (_HEAD + b"%d;" % number).ljust(size, b".")


def number_in(content: bytes) -> int:
    """Return the number of an image made by `png`."""
    return int(content[len(_HEAD) : content.index(b";", len(_HEAD))])
