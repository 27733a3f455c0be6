"""Which side of a picture is up, as its file says."""

import re
from itertools import islice

from PIL import ExifTags, Image

from vision_grpc.contract import jpeg, png

_UPRIGHT = 1

# EXIF 2.32, tag 0x0112: which sides of the upright picture the first row and column of the file are.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


def turn(picture: Image.Image, orientation: int) -> Image.Image:
    """Return a picture turned and mirrored so that it is upright."""
    how = _TURNS.get(orientation)
    return picture if how is None else picture.transpose(how)


def orientation_of(exif: bytes, xmp: bytes) -> int:
    """Return the orientation from 1 to 8 that metadata state; 1, which is upright, when they state nothing valid."""
    parsed = Image.Exif()
    try:
        parsed.load(exif)
        stated = parsed.get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - damaged data make Pillow raise errors of many kinds; the picture is not touched
        stated = None
    if stated is None and (found := _IN_XMP.search(xmp)):
        return int(found[1])
    return int(stated) if stated in _TURNS else _UPRIGHT


def orientation_in(content: bytes) -> int:
    """Return the orientation of a JPEG or PNG file, which is not decoded for that."""
    metadata = _metadata_of_png(content) if content.startswith(png.SIGNATURE) else _metadata_of_jpeg(content)
    return orientation_of(*metadata) if any(metadata) else _UPRIGHT


def _metadata_of_jpeg(content: bytes) -> tuple[bytes, bytes]:
    # The first are those of the file, the next ones may belong to parts of it.
    exif = xmp = b""
    for segment in islice(jpeg.segments(content), jpeg.MOST_LOOKED_AT):
        if segment.code == jpeg.APP1:
            body = content[segment.body : segment.end]
            exif = exif or (body if body.startswith(jpeg.EXIF) else b"")
            xmp = xmp or (body if body.startswith(jpeg.XMP) else b"")
    return exif, xmp


def _metadata_of_png(content: bytes) -> tuple[bytes, bytes]:
    exif = xmp = b""
    for chunk in islice(png.chunks(content), png.MOST_LOOKED_AT):
        if chunk.kind == b"eXIf":
            exif = exif or chunk.data(content)
        elif chunk.kind == b"iTXt" and content.startswith(png.XMP, chunk.start):
            xmp = xmp or chunk.data(content)
        elif chunk.kind == b"IEND":
            break
    return exif, xmp
