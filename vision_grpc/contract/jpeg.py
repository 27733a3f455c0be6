"""The segments of a JPEG file up to its picture data, found in the way libjpeg finds them."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\xff\xd8"
"""SOI, the marker that libjpeg wants at the very beginning; what follows it may be anything."""

DHT, DAC, EOI, SOS, DQT, DRI, APP0, APP1, APP14 = 0xC4, 0xCC, 0xD9, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE
"""Codes of markers: their second byte (ITU-T T.81, table B.1)."""

# All of C0-CF but DHT, JPG (C8) and DAC (CC).
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
"""The codes of SOF0-SOF15, one for each process of compression; their segments say the size."""

# Tables, application data and comments: what else belongs before the picture data.
_USUAL = frozenset({*FRAMES, DHT, DAC, SOS, DQT, DRI, *range(0xE0, 0xF0), 0xFE})
# TEM, RST0-RST7, SOI and EOI.
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_LAST = frozenset({SOS, EOI})
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
# Between scans: any marker but an escaped FF, a restart and fill bytes.
_MARKER_IN_SCANS = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_DNL, _COMMENT = 0xDC, 0xFE
_SEGMENTS_IN_SCANS = frozenset({DHT, DAC, DQT, DRI, SOS, _DNL, *range(APP0, 0xF0), _COMMENT})
_LENGTH_BYTES = 2
_HEAD = struct.Struct(">xBH")  # The code of a marker, and the length of its segment.
EXIF, XMP = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
"""What the segments of type APP1 begin with that hold such metadata."""

FRAME_SIZE = struct.Struct(">xHH")
"""The beginning of a frame header: a byte of precision, then height and width."""

MOST_LOOKED_AT = 2_000
"""How many segments are looked at before a file is sent as it is. Images have a few; a million would take long."""


class Segment(NamedTuple):
    """A marker and what belongs to it, as offsets into the file."""

    code: int
    body: int
    """Where the bytes behind the marker and the length begin."""
    end: int
    regular: bool
    """Whether it belongs before the picture data, has a valid length, and follows the one before directly, but for
    the fill bytes that are allowed. Decoders differ in what they make of others."""


def stated_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height as the first frame states them, None if anything unusual comes before it.

    This is a quick look, at a fifth of the cost of `segments`; a later segment may contradict it.
    """
    position = len(SIGNATURE)
    try:
        for _ in range(MOST_LOOKED_AT):
            if content[position] != 0xFF:  # noqa: PLR2004 - what each marker begins with
                return None
            code, length = _HEAD.unpack_from(content, position)
            if code in FRAMES:
                height, width = FRAME_SIZE.unpack_from(content, position + 2 + _LENGTH_BYTES)
                return width, height
            if code not in _USUAL or length < _LENGTH_BYTES:
                return None
            position += 2 + length
    except (IndexError, struct.error):
        pass
    return None


def segments(content: bytes) -> Iterator[Segment]:
    """Yield the segments after the signature, up to and with SOS or EOI; fewer if the file ends before.

    Bytes between segments are passed over, as libjpeg does.
    """
    position = len(SIGNATURE)
    while marker := _MARKER.search(content, position):
        start, behind = marker.span()
        code = content[behind - 1]
        # Any number of FF may precede a marker (B.1.1.2).
        regular = code in _USUAL and (start == position or not content[position:start].strip(b"\xff"))
        if code in _WITHOUT_LENGTH:
            position = body = behind
        else:
            length = int.from_bytes(content[behind : behind + _LENGTH_BYTES], "big")
            if length < _LENGTH_BYTES:
                length, regular = _LENGTH_BYTES, False
            position, body = behind + length, behind + _LENGTH_BYTES
            if position > len(content):
                return
        yield Segment(code, body, position, regular)
        if code in _LAST:
            return


def find_end(content: bytes, start: int) -> int | None:
    """Return the offset behind the end marker of the picture whose scans begin at `start`, None if it has none."""
    return next((position for code, position in markers_in_scans(content, start) if code == EOI), None)


def markers_in_scans(content: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield the code of each marker in the scans that begin at `start`, up to and with EOI, and the offset behind it.

    Restarts are left out.
    """
    position = start
    while marker := _MARKER_IN_SCANS.search(content, position):
        position = marker.end()
        code = content[position - 1]
        yield code, position
        if code == EOI:
            return
        if code in _SEGMENTS_IN_SCANS:
            position += int.from_bytes(content[position : position + _LENGTH_BYTES], "big")
