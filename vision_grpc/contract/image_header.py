"""Format and size of an image from its first bytes, without decoding it."""

import struct
from typing import Literal, NamedTuple

from vision_grpc.config import Limits
from vision_grpc.texts.encoded import encoding_of

_PNG_HEADER_BYTES = 24  # Signature, then the IHDR chunk's length, type, width and height (specification, 11.2.1).
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_SEGMENT = struct.Struct(">HH")  # A marker, and the length of what follows, itself included.
_FRAME_SIZE = struct.Struct(">HH")  # Height and width, behind the length and one byte of precision.
_FILL = 0xFFFF
_SAMPLE = 1024
# Markers that carry no length: TEM, RST0-RST7 (ITU-T T.81, table B.1).
_BARE_MARKERS = frozenset({0xFF01, *range(0xFFD0, 0xFFD8)})
# Start of frame: all of 0xFFC0-0xFFCF but DHT (C4), JPG (C8) and DAC (CC).
_FRAME_MARKERS = frozenset(range(0xFFC0, 0xFFD0)) - {0xFFC4, 0xFFC8, 0xFFCC}
_SCAN_OR_END_MARKERS = frozenset({0xFFD9, 0xFFDA})
# All that only have to be passed over: tables, metadata, comments.
_OTHER_MARKERS = frozenset(range(0xFF00, 0xFFFF)) - _BARE_MARKERS - _FRAME_MARKERS - _SCAN_OR_END_MARKERS
_FOREIGN_SIGNATURES = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"BM", "a BMP"),
    (b"RIFF", "a WebP or another RIFF file"),
)


_Format = Literal["jpeg", "png"]
_JPEG: _Format = "jpeg"
_PNG: _Format = "png"


class ImageHeader(NamedTuple):
    """What a file says of itself: its format, width and height in pixels, before EXIF rotation."""

    format: _Format
    width: int
    height: int


class UnreadableImageError(ValueError):
    """The bytes are not a JPEG or PNG, or end before their header says the size."""


def check_image(content: bytes, limits: Limits) -> str | None:
    """Return what makes an image unfit to be sent and how to mend it, or None when it is fit.

    Only the header is read: a file that is damaged further on passes, and the service says so.
    """
    if len(content) > limits.content_bytes:
        return describe_excess_bytes(len(content), limits)
    try:
        header = read_header(content)
    except UnreadableImageError as error:
        return str(error)
    pixels = header.width * header.height
    if pixels > limits.pixels:
        return (
            f"the image has {header.width} x {header.height} = {pixels:,} pixels, the limit is {limits.pixels:,}: "
            "scale it down"
        )
    return None


def describe_excess_bytes(size: int, limits: Limits) -> str:
    """Return the message about a file of `size` bytes, which are too many."""
    return f"the file has {size:,} bytes, the limit is {limits.content_bytes:,}: save it smaller (JPEG, fewer pixels)"


def read_header(content: bytes) -> ImageHeader:
    """Return format and size of a JPEG or PNG.

    Raises:
        UnreadableImageError: the file is empty, of another format, or cut before its size.
    """
    if not content:
        message = "the file is empty: copy or save it again"
        raise UnreadableImageError(message)
    if content.startswith(_PNG_SIGNATURE):
        return _read_png(content)
    if content.startswith(_JPEG_SIGNATURE):
        return _read_jpeg(content)
    if (encoding := encoding_of(content[:_SAMPLE].decode(errors="replace"))) is not None:
        message = f"the file is {encoding} in place of the image itself: decode it first"
        raise UnreadableImageError(message)
    kind = next((name for signature, name in _FOREIGN_SIGNATURES if content.startswith(signature)), None)
    found = "no image" if kind is None else kind
    message = f"the file is {found}, only JPEG and PNG are accepted: convert it first"
    raise UnreadableImageError(message)


def _read_png(content: bytes) -> ImageHeader:
    if len(content) < _PNG_HEADER_BYTES or content[12:16] != b"IHDR":
        raise _cut(_PNG)
    width, height = struct.unpack_from(">II", content, 16)
    return _sized(_PNG, width, height)


def _read_jpeg(content: bytes) -> ImageHeader:
    position = 2
    try:
        while True:
            marker, length = _SEGMENT.unpack_from(content, position)
            if marker in _OTHER_MARKERS:
                position += 2 + length
            elif marker in _FRAME_MARKERS:
                height, width = _FRAME_SIZE.unpack_from(content, position + 5)
                return _sized(_JPEG, width, height)
            elif marker in _BARE_MARKERS:
                position += 2
            elif marker == _FILL:  # The marker's code is still to come.
                position += 1
            else:
                raise _cut(_JPEG)
    except struct.error as error:
        raise _cut(_JPEG) from error


def _sized(kind: _Format, width: int, height: int) -> ImageHeader:
    if width == 0 or height == 0:
        message = f"the {kind.upper()} says that it is {width} x {height} pixels: the file is damaged, export it again"
        raise UnreadableImageError(message)
    return ImageHeader(kind, width, height)


def _cut(kind: _Format) -> UnreadableImageError:
    message = f"the {kind.upper()} ends or breaks before its header says the size: the file is damaged, copy it again"
    return UnreadableImageError(message)
