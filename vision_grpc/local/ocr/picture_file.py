"""What the decoder gets of an image file, and what happened to the rest."""

from typing import NamedTuple

from vision_grpc.local.ocr.engine import UnreadableImageError


class PictureFile(NamedTuple):
    """A JPEG or PNG with nothing but its picture: no metadata that a decoder could stumble over."""

    content: bytes
    size: tuple[int, int]
    exif: bytes
    xmp: bytes
    complete: bool
    """Whether all of the picture is there, as far as is known before it is decoded."""
    oddities: list[str]
    """What is wrong with the file though its picture can be read, in words that follow `although`."""


def check_sizes_agree(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Pass two sizes that a file states for its picture if they are the same.

    Raises:
        UnreadableImageError: they are not. Decoders differ in which of them they believe.
    """
    if one != other:
        sizes = f"{one[0]} x {one[1]} pixels, another {other[0]} x {other[1]}"
        message = f"one header of the file says {sizes}: export it again"
        raise UnreadableImageError(message)
