"""The picture of a JPEG file, found in the way libjpeg finds it."""

import struct
from typing import NamedTuple

from vision_grpc.contract import jpeg
from vision_grpc.local.ocr.engine import UnreadableImageError, damaged
from vision_grpc.local.ocr.picture_file import PictureFile, check_sizes_agree

# A byte of precision, then height and width, and the number of components (colours).
_FRAME = struct.Struct(">BHHB")
_SAMPLING = struct.Struct(">xBx")  # For each component, after their number.
_TABLES = frozenset({jpeg.DHT, jpeg.DAC, jpeg.DQT, jpeg.DRI})
# How much libjpeg wants of these two, which decide about colours.
_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE, _ADOBE_BYTES = b"Adobe", 12
_END = b"\xff\xd9"
# ITU-T T.81, table B.1, and T.87 for the last. Pillow's libjpeg has baseline, extended and progressive Huffman coding
# (SOF0-SOF2) and their arithmetic twins (SOF9, SOF10), all with 8 bits.
_DECODED = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_JPEG_LS = 0xF7
_BITS = 8
_COMPONENTS = frozenset({1, 3, 4})
# Each scan costs a look at every block, however few bytes it has. Measured: up to 12 ms for 20 Mpixel, so that a file
# of 1 MB could cost five minutes. Encoders write 10 scans or so.
_MOST_SCANS = 100
_MOST_SCANNED_PIXELS = _MOST_SCANS * 20_000_000


def open_jpeg(content: bytes) -> PictureFile:
    """Return a JPEG of the frame, tables and scans of the file.

    Raises:
        UnreadableImageError: there is no picture in it, or it is compressed in a way that is not supported.
    """
    kept = [jpeg.SIGNATURE]
    exif = xmp = b""
    size: tuple[int, int] | None = None
    oddities: list[str] = []
    for code, start, end, regular in jpeg.segments(content):
        if not regular and not oddities:
            oddities.append("there are bytes between its segments that do not belong there")
        body = content[start:end]
        if code in jpeg.FRAMES or code == _JPEG_LS:
            found = _read_frame(code, body)
            check_sizes_agree(size or found, found)
            if size is not None:
                continue
            size = found
        elif code == jpeg.SOS:
            if size is None or end == len(content):
                break
            _check_scans(content, end, size)
            stop = _find_end(content, end, oddities)
            scans = (content[end:], _END) if stop is None else (content[end:stop],)
            picture = b"".join((*kept, _segment(code, body), *scans))
            return PictureFile(picture, size, exif, xmp, complete=stop is not None, oddities=oddities)
        elif code == jpeg.APP1:
            # The first is that of the file, the next ones may belong to parts of it.
            exif = exif or (body if body.startswith(jpeg.EXIF) else b"")
            xmp = xmp or (body if body.startswith(jpeg.XMP) else b"")
            continue
        elif code not in _TABLES and not _decides_on_colours(code, body):
            continue
        kept.append(_segment(code, body))
    raise damaged()


class _Frame(NamedTuple):
    bits: int
    height: int
    width: int
    components: int


def _read_frame(code: int, body: bytes) -> tuple[int, int]:
    if len(body) < _FRAME.size:
        raise damaged()
    frame = _Frame(*_FRAME.unpack_from(body))
    if kind := _name_undecoded(code, frame, body[_FRAME.size :]):
        message = (
            f"the file is {kind}, a kind that is not supported here: save it as an ordinary JPEG of 8 bits, or as PNG"
        )
        raise UnreadableImageError(message)
    return frame.width, frame.height


def _name_undecoded(code: int, frame: _Frame, components: bytes) -> str | None:
    """Return what a JPEG is that Pillow and its libjpeg do not decode, None for one that they do."""
    kinds = {
        "a JPEG-LS": code == _JPEG_LS,
        "a lossless JPEG": code in _LOSSLESS,
        "a hierarchical JPEG": code not in _DECODED,
        f"a JPEG with {frame.bits} bits a colour": frame.bits != _BITS,
        f"a JPEG with {frame.components} colours": frame.components not in _COMPONENTS,
        "a JPEG that states its height behind the picture (DNL)": frame.height == 0,
        "a JPEG with colours of uneven sampling": _is_unevenly_sampled(components[: _SAMPLING.size * frame.components]),
    }
    return next((kind for kind, applies in kinds.items() if applies), None)


def _is_unevenly_sampled(components: bytes) -> bool:
    """Return whether the finest resolution is not a multiple of some other colour's."""
    factors = [sampling for (sampling,) in _SAMPLING.iter_unpack(components[: len(components) // 3 * 3])]
    directions = [factor >> 4 for factor in factors], [factor & 0xF for factor in factors]
    return any(factor and max(direction) % factor for direction in directions for factor in direction)


def _check_scans(content: bytes, start: int, size: tuple[int, int]) -> None:
    width, height = size
    most = max(_MOST_SCANS, _MOST_SCANNED_PIXELS // max(1, width * height))
    scans = 1 + sum(code == jpeg.SOS for code, _ in jpeg.markers_in_scans(content, start))
    if scans > most:
        message = (
            f"the file is a JPEG of {scans:,} scans, the limit for {width} x {height} pixels is {most:,}: save it as "
            "an ordinary JPEG, or as PNG"
        )
        raise UnreadableImageError(message)


def _decides_on_colours(code: int, body: bytes) -> bool:
    if code == jpeg.APP0:
        return body.startswith(_JFIF) and len(body) >= _JFIF_BYTES
    return code == jpeg.APP14 and body.startswith(_ADOBE) and len(body) >= _ADOBE_BYTES


def _segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def _find_end(content: bytes, start: int, oddities: list[str]) -> int | None:
    """Return the offset behind the end marker of the picture whose scans begin at `start`, None if it has none."""
    end = jpeg.find_end(content, start)
    if end is None:
        oddities.append("its end is missing")
    # More pictures may follow, such as those of an MPO; they are not part of this one.
    elif (left := len(content) - end) and not content.startswith(jpeg.SIGNATURE, end):
        oddities.append(f"{left:,} bytes follow its end")
    return end
