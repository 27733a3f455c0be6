import io
import struct
import zlib
from unittest.mock import Mock

import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from vision_grpc.contract.image_header import UnreadableImageError
from vision_grpc.local.ocr.bitmap import Bitmap, decode

ORIENTATION = 0x0112
_CONTRADICTION = "one header of the file says 100 x 100 pixels, another "


def save(image: Image.Image, kind: str = "PNG", orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks) + chunk(b"IEND", b"")


def png_header(width: int, height: int, *, bits: int = 8, colours: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)


def test_colours_stay_and_grey_is_one_channel() -> None:
    assert decode(save(Image.new("RGB", (2, 1), (1, 2, 3)))) == Bitmap(2, 1, 3, bytes([1, 2, 3, 1, 2, 3]))
    assert decode(save(Image.new("L", (2, 1), 7))) == Bitmap(2, 1, 1, bytes([7, 7]))
    assert decode(save(Image.new("1", (2, 1), 1))) == Bitmap(2, 1, 1, bytes([255, 255]))
    palette = Image.new("RGB", (2, 1), (1, 2, 3)).quantize()
    assert decode(save(palette)) == Bitmap(2, 1, 3, bytes([1, 2, 3, 1, 2, 3]))


def test_behind_transparent_pixels_is_white_paper() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    assert decode(save(image)).pixels == bytes([255, 255, 255, 0, 0, 0])


def test_sixteen_bits_of_grey_become_eight() -> None:
    rows = b"\0" + struct.pack(">3H", 0, 0x8000, 0xFFFF)
    png = png_of(png_header(3, 1, bits=16), (b"IDAT", zlib.compress(rows)))
    assert decode(png) == Bitmap(3, 1, 1, bytes([0, 128, 255]))


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, "ab cd ef"),
        (2, "ba dc fe"),
        (3, "fe dc ba"),
        (4, "ef cd ab"),
        (5, "ace bdf"),
        (6, "eca fdb"),
        (7, "fdb eca"),
        (8, "bdf ace"),
    ],
)
def test_exif_orientation_is_applied(orientation: int, upright: str) -> None:
    rows = upright.split()
    bitmap = decode(save(Image.frombytes("L", (2, 3), b"abcdef"), orientation=orientation))
    assert bitmap == Bitmap(len(rows[0]), len(rows), 1, "".join(rows).encode())


def test_damaged_exif_leaves_the_picture_as_it_is() -> None:
    # Lost its TIFF header, but not its check sum.
    png = save(Image.frombytes("L", (2, 1), b"ab"), orientation=3)
    start = png.index(b"eXIf") - 4
    (length,) = struct.unpack_from(">I", png, start)
    damaged = png[:start] + chunk(b"eXIf", bytes(length)) + png[start + 12 + length :]
    assert decode(png).pixels == b"ba"
    assert decode(damaged).pixels == b"ab"


def test_a_palette_that_is_missing_is_damage() -> None:
    with pytest.raises(UnreadableImageError, match="truncated or damaged"):
        decode(png_of(png_header(2, 1, colours=3), (b"IDAT", zlib.compress(bytes(3)))))


_SECOND_SIDES = pytest.mark.parametrize(
    ("side", "told"),
    [(50, _CONTRADICTION), (9_000, _CONTRADICTION), (60_000, "truncated or damaged")],
)


@_SECOND_SIDES
def test_a_png_whose_headers_contradict_each_other_is_not_decoded(
    side: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Mock()
    monkeypatch.setattr(PngImageFile, "load", load)
    with pytest.raises(UnreadableImageError, match=told):
        decode(png_of(png_header(100, 100), png_header(side, side), (b"IDAT", b"")))
    load.assert_not_called()


@_SECOND_SIDES
def test_a_jpeg_whose_headers_contradict_each_other_is_not_decoded(
    side: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Mock()
    monkeypatch.setattr(JpegImageFile, "load", load)
    whole = save(Image.new("L", (100, 100)), "JPEG")
    start = whole.index(b"\xff\xc0")
    end = start + 2 + struct.unpack_from(">H", whole, start + 2)[0]
    frame = bytearray(whole[start:end])
    struct.pack_into(">HH", frame, 5, side, side)
    with pytest.raises(UnreadableImageError, match=told):
        decode(whole[:end] + frame + whole[end:])
    load.assert_not_called()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_cut_file_is_refused_wherever_it_is_cut(kind: str) -> None:
    whole = save(Image.effect_noise((40, 40), 60), kind)
    # Without its last chunk, 12 bytes, a PNG still has all its pixels.
    end = len(whole) - (12 + 5 if kind == "PNG" else 1)
    for length in range(0, end, 7):
        with pytest.raises(UnreadableImageError, match="truncated or damaged"):
            decode(whole[:length])
