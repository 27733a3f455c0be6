"""A JPEG's picture without the rest of its file."""

import struct

from vision_grpc.contract import jpeg
from vision_grpc.pictures.orientation import orientation_in
from vision_grpc.results.pixels import UPRIGHT

_TABLES = frozenset({jpeg.DHT, jpeg.DAC, jpeg.DQT, jpeg.DRI})
# They decide about the colours.
_JFIF, _ADOBE = jpeg.APP0, jpeg.APP14
_KEPT = frozenset({*jpeg.FRAMES, *_TABLES, _JFIF, _ADOBE, jpeg.SOS})
# EXIF 2.32: big-endian TIFF with a directory of one entry, tag 0x0112, one number of 16 bits, and no further directory.
_ORIENTATION = struct.Struct(">2sHIHHHIHxxI")


def strip_jpeg(content: bytes) -> bytes | None:
    """Return a JPEG of the same picture and orientation, None if it cannot be shorter or the file is unusual.

    Previews, further pictures, profiles and metadata are left out; they may be most of a photo's file.
    """
    if not content.startswith(jpeg.SIGNATURE):
        return None
    parts = [jpeg.SIGNATURE, b""]
    for number, segment in enumerate(jpeg.segments(content)):
        if not segment.regular or number >= jpeg.MOST_LOOKED_AT or segment.code == jpeg.EOI:
            return None
        if segment.code not in _KEPT:
            continue
        parts.append(_segment(segment.code, content[segment.body : segment.end]))
        if segment.code == jpeg.SOS:
            end = jpeg.find_end(content, segment.end)
            if end is None:
                return None
            orientation = orientation_in(content)
            if orientation != UPRIGHT:
                parts[1] = _exif(orientation)
            bare = b"".join((*parts, content[segment.end : end]))
            return bare if len(bare) < len(content) else None
    return None


def _exif(orientation: int) -> bytes:
    directory = _ORIENTATION.pack(b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0)
    return _segment(jpeg.APP1, b"Exif\0\0" + directory)


def _segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body
