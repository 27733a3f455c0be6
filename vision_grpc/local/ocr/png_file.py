"""The picture of a PNG file: the chunks that make it, without the others and their faults."""

import struct
import zlib
from collections.abc import Iterator
from math import ceil
from typing import NamedTuple, Self

from vision_grpc.contract import png
from vision_grpc.local.ocr.engine import damaged
from vision_grpc.local.ocr.picture_file import PictureFile, check_sizes_agree

_HEADER = struct.Struct(">IIBBBBB")
_GREY, _RGB, _PALETTE = 0, 2, 3
_DEEP = 16
# Bits of a sample, and samples of a pixel by colour type (PNG specification, table 11.1).
_BITS = frozenset({1, 2, 4, 8, _DEEP})
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
_MOST_COLOURS = 256
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_USED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf"})
# Data lengths of chunks that decoders refuse a file for when they are shorter.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4}
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
# The passes of an interlaced PNG: first column, first row, and the steps (specification, 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE_BYTES = 4096


class _Header(NamedTuple):
    width: int
    height: int
    bits: int
    colours: int
    compression: int
    filters: int
    interlaced: int

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < _HEADER.size:
            raise damaged()
        header = cls(*_HEADER.unpack_from(data))
        if not header.width or not header.height or header.bits not in _BITS or header.colours not in _SAMPLES:
            raise damaged()
        return header

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield how many rows follow each other, and how many bytes each has without its filter."""
        for left, top, across, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            columns = (self.width - left + across - 1) // across
            rows = (self.height - top + down - 1) // down
            if columns > 0 and rows > 0:
                yield rows, (columns * _SAMPLES[self.colours] * self.bits + 7) // 8


def open_png(content: bytes) -> PictureFile:
    """Return a PNG of nothing but the header, palette, transparency and pixels of the file.

    Raises:
        UnreadableImageError: one of them is missing.
    """
    first: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    oddities: list[str] = []
    for chunk in png.chunks(content):
        data = chunk.data(content)
        if chunk.kind == b"IDAT":
            pixels.append(data)
        elif chunk.kind == b"IHDR" and chunk.kind in first:
            check_sizes_agree(_Header.read(first[chunk.kind])[:2], _Header.read(data)[:2])
        elif chunk.kind in _USED or data.startswith(png.XMP):
            first.setdefault(chunk.kind, data)
        _note(oddities, chunk, content)
        if chunk.kind == b"IEND":
            break
    else:
        oddities.append("its end is missing")
    header = _Header.read(first.get(b"IHDR", b""))
    palette = first.get(b"PLTE", b"")[: 3 * _MOST_COLOURS]
    if not pixels or (header.colours == _PALETTE and len(palette) < len("RGB")):
        raise damaged()
    parts = [(b"IHDR", _HEADER.pack(*header))]
    if header.colours == _PALETTE:
        parts.append((b"PLTE", palette[: len(palette) // 3 * 3]))
    if key := _read_transparency(header, first.get(b"tRNS", b"")):
        parts.append((b"tRNS", key))
    parts += ((b"IDAT", b"".join(pixels)), (b"IEND", b""))
    return PictureFile(
        _encode(parts),
        size=header[:2],
        exif=first.get(b"eXIf", b""),
        xmp=first.get(b"iTXt", b""),
        complete=True,
        oddities=list(dict.fromkeys(oddities)),
    )


def complete_png(content: bytes) -> tuple[bytes, int] | None:
    """Return a PNG by `open_png` with the rows that its pixel data give and blank ones for the rest, and their number.

    Of an interlaced picture, in which nothing is missing in one place, all rows count. None is returned if there is
    not even one row.
    """
    by_kind = {chunk.kind: chunk.data(content) for chunk in png.chunks(content)}
    header = _Header.read(by_kind[b"IHDR"])
    # Of a fault in the middle zlib tells only that it is there, so the pieces before it must be small.
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    squeeze = zlib.compressobj(1)
    out: list[bytes] = []
    total = sum(rows * (length + 1) for rows, length in header.rows())
    got = 0
    packed = memoryview(by_kind[b"IDAT"])[2:]  # Behind zlib's own header.
    try:
        while got < total and len(packed) > 0 and not inflate.eof:
            piece = inflate.decompress(packed[:_PIECE_BYTES], total - got)
            got += len(piece)
            out.append(squeeze.compress(piece))
            packed = packed[_PIECE_BYTES:]
    except zlib.error:
        pass
    if got <= next(header.rows())[1]:
        return None
    out += (squeeze.compress(blank) for blank in _blank_rows(header, got))
    out.append(squeeze.flush())
    by_kind[b"IDAT"] = b"".join(out)
    length = next(header.rows())[1]
    return _encode(list(by_kind.items())), header.height if header.interlaced else ceil(got / (length + 1))


def _blank_rows(header: _Header, got: int) -> Iterator[bytes]:
    """Yield what follows the first `got` bytes: white, or transparent where pixels have an alpha, or colour 0."""
    fill = b"\xff" if header.colours in {_GREY, _RGB} else b"\0"
    for rows, length in header.rows():
        row = b"\0" + fill * length
        total = rows * len(row)
        here = min(got, total)
        got -= here
        # One by one, rows of a pixel would take seconds and gigabytes.
        some = row * (_PIECE_BYTES // len(row) + 2)
        piece_bytes = len(some) - len(row)
        for start in range(here, total, piece_bytes):
            at = start % len(row)
            yield some[at : at + min(piece_bytes, total - start)]


def _read_transparency(header: _Header, data: bytes) -> bytes:
    """Return the transparency as Pillow compares it with its pixels, empty if the picture has none."""
    if header.colours == _PALETTE:
        return data[:_MOST_COLOURS]
    samples = _SAMPLES[header.colours]
    if header.colours not in {_GREY, _RGB} or len(data) < 2 * samples:
        return b""
    key = struct.unpack_from(f">{samples}H", data)
    most = (1 << header.bits) - 1
    if header.bits == _DEEP and header.colours == _RGB:  # Pillow keeps the high byte of each colour.
        key = tuple(value >> 8 for value in key)
    elif header.bits < _DEEP:  # Pillow spreads fewer bits over the whole byte.
        key = tuple((value & most) * 255 // most for value in key)
    return struct.pack(f">{samples}H", *key)


def _note(oddities: list[str], chunk: png.Chunk, content: bytes) -> None:
    name = chunk.kind.decode("latin-1")
    if chunk.end > len(content):
        return  # That the end is missing says it all.
    if not chunk.is_intact(content):
        oddities.append(f"the checksum of {name!r} is wrong")
    if chunk.end - chunk.start < _LENGTHS.get(chunk.kind, 0):
        oddities.append(f"{name!r} is too short")
    if chunk.kind in _ANIMATION:
        oddities.append("it is animated, and only its still picture is read")
    elif chunk.kind[:1].isupper() and chunk.kind not in _CRITICAL:
        oddities.append(f"{name!r} is unknown")
    if chunk.kind == b"IEND" and (left := len(content) - chunk.end - 4) > 0:
        oddities.append(f"{left:,} bytes follow its end")


def _encode(parts: list[tuple[bytes, bytes]]) -> bytes:
    return png.SIGNATURE + b"".join(png.encode_chunk(kind, data) for kind, data in parts)
