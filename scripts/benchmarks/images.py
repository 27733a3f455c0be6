"""Files that look like JPEGs to whoever reads only their header."""

import random
import struct

_WIDTH, _HEIGHT = 1240, 1754  # A4 at 150 dpi.


def fake_jpegs(count: int, size: int) -> list[bytes]:
    """Return so many different files of `size` bytes: the segments of a JPEG, and noise where the scan would be."""
    rng = random.Random(size)  # noqa: S311 - the same noise each time
    application = _segment(0xE0, b"JFIF\x00\x01\x01\x01\x00\x96\x00\x96\x00\x00")
    tables = _segment(0xDB, bytes(65)) + _segment(0xDB, b"\x01" + bytes(64))
    frame = _segment(0xC0, struct.pack(">BHHB", 8, _HEIGHT, _WIDTH, 3) + bytes(9))
    head = b"\xff\xd8" + application + tables + frame
    return [head + rng.randbytes(size - len(head)) for _ in range(count)]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
