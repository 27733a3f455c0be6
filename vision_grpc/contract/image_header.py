"""What is surely wrong with an image, by its first bytes and without decoding it.

No check is stricter than the decoders: what cannot be understood passes, and the service says what it makes of it.
"""

import struct
from typing import Literal, NamedTuple

from vision_grpc.config import Limits
from vision_grpc.contract import jpeg, png
from vision_grpc.contract.foreign import describe_foreign, is_pdf

# Of a PNG, the beginning of its first chunk: its length and kind, then width and height.
_IHDR_HEAD = b"\0\0\0\x0dIHDR"
_IHDR = struct.Struct(">II")
_IHDR_START = len(png.SIGNATURE) + len(_IHDR_HEAD)
_IHDR_END = _IHDR_START + 13


class ImageHeader(NamedTuple):
    """What a file says of itself: its format, width and height in pixels, before EXIF rotation."""

    format: Literal["jpeg", "png"]
    width: int
    height: int


def check_image(content: bytes, limits: Limits) -> str | None:
    """Return what makes an image unfit to be sent and how to mend it, or None when it is fit or may be."""
    if len(content) > limits.content_bytes:
        return describe_excess_bytes(len(content), limits)
    if not content:
        return "the file is empty: copy or save it again"
    if limits.pdf and is_pdf(content):
        return None
    if foreign := describe_foreign(content):
        return foreign
    header = read_header(content, above=limits.pixels)
    return None if header is None else describe_excess_pixels(header.width, header.height, limits)


def describe_excess_bytes(size: int, limits: Limits, *, at_least: bool = False) -> str:
    """Return the message about a file of `size` bytes, or at least so many, which are too many."""
    has = f"has at least {size:,} bytes" if at_least else f"has {size:,} bytes"
    return f"the file {has}, the limit is {limits.content_bytes:,}: save it smaller (JPEG, fewer pixels)"


def describe_excess_pixels(width: int, height: int, limits: Limits) -> str | None:
    """Return the message about an image of this size, None if it is within the limit."""
    pixels = width * height
    if pixels <= limits.pixels:
        return None
    return f"the image has {width} x {height} = {pixels:,} pixels, the limit is {limits.pixels:,}: scale it down"


def read_header(content: bytes, *, above: int = 0) -> ImageHeader | None:
    """Return format and size of a JPEG or PNG; None if they are not certain, because anything is unusual.

    None too if the image has no more pixels than `above`: then its first bytes suffice.
    """
    if content.startswith(png.SIGNATURE):
        size = _size_of_png(content, above)
        return None if size is None else ImageHeader("png", *size)
    if content.startswith(jpeg.SIGNATURE):
        stated = jpeg.stated_size(content)
        if stated is not None and stated[0] * stated[1] <= above:
            return None
        size = _size_of_jpeg(content)
        return None if size is None else ImageHeader("jpeg", *size)
    return None


def may_exceed_pixels(head: bytes, limits: Limits) -> bool:
    """Return whether an image may have too many pixels, as far as its first bytes say: then the rest has to be read."""
    if head.startswith(png.SIGNATURE):
        if not head.startswith(_IHDR_HEAD, len(png.SIGNATURE)) or len(head) < _IHDR_END:
            return False
        width, height = _IHDR.unpack_from(head, _IHDR_START)
        return bool(width * height > limits.pixels)
    if not head.startswith(jpeg.SIGNATURE):
        return False
    stated = jpeg.stated_size(head)
    return stated is None or stated[0] * stated[1] > limits.pixels


def _size_of_png(content: bytes, above: int) -> tuple[int, int] | None:
    if not content.startswith(_IHDR_HEAD, len(png.SIGNATURE)) or len(content) < _IHDR_END:
        return None
    width, height = _IHDR.unpack_from(content, _IHDR_START)
    if width * height <= above:
        return None
    chunks = png.chunks(content)
    if not next(chunks).is_intact(content):
        return None
    for number, chunk in enumerate(chunks):
        # Decoders differ in which of two headers they believe.
        if chunk.kind == b"IHDR" or number >= png.MOST_LOOKED_AT:
            return None
        if chunk.kind == b"IDAT":
            break
    return width, height


def _size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    size: tuple[int, int] | None = None
    for number, segment in enumerate(jpeg.segments(content)):
        if not segment.regular or number >= jpeg.MOST_LOOKED_AT:
            return None
        if segment.code in jpeg.FRAMES:
            if size is not None or segment.end - segment.body < jpeg.FRAME_SIZE.size:
                return None
            height, width = jpeg.FRAME_SIZE.unpack_from(content, segment.body)
            if width == 0 or height == 0:
                return None
            size = width, height
        if segment.code == jpeg.SOS:
            return size
    return None
