import io
import struct
import zlib
from unittest.mock import Mock

import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from vision_grpc.local.ocr.bitmap import Bitmap, decode
from vision_grpc.local.ocr.engine import UnreadableImageError

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
    [(50, _CONTRADICTION), (9_000, _CONTRADICTION), (60_000, _CONTRADICTION)],
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


def test_a_jpeg_cut_in_its_header_is_refused_and_one_cut_later_is_read_as_far_as_it_goes() -> None:
    whole = save(Image.linear_gradient("L").resize((40, 400)), "JPEG")
    start = whole.index(b"\xff\xda") + 10
    for length in range(0, start, 7):
        with pytest.raises(UnreadableImageError, match=r"truncated or damaged|no image"):
            decode(whole[:length])
    read = [decode(whole[:length]) for length in range(start + 1, len(whole), 7)]
    assert not any(bitmap.complete for bitmap in read)
    assert {len(bitmap.pixels) for bitmap in read} == {40 * 400}
    assert read[-1].pixels[: 40 * 380] == decode(whole).pixels[: 40 * 380]


@pytest.mark.parametrize(
    ("image", "blank"),
    [
        (Image.linear_gradient("L").resize((40, 40)), b"\xff"),
        (Image.linear_gradient("L").resize((40, 40)).convert("RGB"), b"\xff\xff\xff"),
        (Image.linear_gradient("L").resize((40, 40)).convert("P"), b"\0\0\0"),
    ],
)
def test_a_cut_png_has_the_rows_that_are_left(image: Image.Image, blank: bytes) -> None:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    whole, row = decode(buffer.getvalue()), 40 * len(blank)
    start = buffer.getvalue().index(b"IDAT") + 4
    for length in range(0, start + 40, 7):
        with pytest.raises(UnreadableImageError, match=r"truncated or damaged|no image|changed on the way"):
            decode(buffer.getvalue()[:length])
    cut = decode(buffer.getvalue()[: len(buffer.getvalue()) * 2 // 3])
    assert not cut.complete
    assert cut.pixels[: 20 * row] == whole.pixels[: 20 * row]
    assert cut.pixels[35 * row :] == blank * (5 * 40)


def test_pixel_data_that_are_damaged_in_the_middle_are_read_up_to_there() -> None:
    grey = Image.linear_gradient("L").resize((100, 200))
    png = bytearray(save(grey))
    start, end = png.index(b"IDAT") + 4, png.index(b"IEND") - 8
    png[(start + end) // 2 : end] = b"\xff" * (end - (start + end) // 2)
    damaged = decode(bytes(png))
    assert not damaged.complete
    assert damaged.pixels[:2000] == grey.tobytes()[:2000]


def test_an_interlaced_png_that_is_cut_is_read() -> None:
    rows = b"".join(b"\0" + bytes([7] * columns) for columns, rows in ((1, 1), (1, 1), (2, 1)) for _ in range(rows))
    header = (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1))
    cut = decode(png_of(header, (b"IDAT", zlib.compress(rows)[:-6])))
    assert (cut.width, cut.height, cut.complete) == (8, 8, False)
    assert cut.pixels[:1] == b"\7"
    assert cut.missing is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_where_rows_are_missing_is_told_of_the_upright_picture(kind: str) -> None:
    noise = Image.effect_noise((64, 96), 60)
    for orientation in range(1, 9):
        whole = save(noise, kind, orientation)
        assert decode(whole).missing is None
        cut = decode(whole[: len(whole) // 2])
        assert cut.missing is not None
        width, height = (64, 96) if orientation < 5 else (96, 64)
        assert (cut.width, cut.height) == (width, height)
        left, top, right, bottom = cut.missing
        assert (right - left) * (bottom - top) in range(64 * 30, 64 * 66, 64)
        picture = Image.frombytes("L", (width, height), cut.pixels)
        assert picture.crop(cut.missing).getextrema() == (255, 255)
        blank = {1: "bottom", 2: "bottom", 3: "top", 4: "top", 5: "right", 6: "left", 7: "left", 8: "right"}[
            orientation
        ]
        edges = {"bottom": top, "top": height - bottom, "right": left, "left": width - right}
        assert [name for name, kept in edges.items() if kept] == [blank]
