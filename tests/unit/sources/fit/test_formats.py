"""All formats and modes give the same picture, upright; what is not one of them is named."""

import io
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageStat, PngImagePlugin

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.pictures.orientation import turn
from vision_grpc.results import ImageError
from vision_grpc.sources.fit import Fitted, fit
from vision_grpc.sources.fit.webp_size import read_webp_size

pillow_heif.register_heif_opener()

ORIENTATION = 0x0112
# Orientations are mirrorings, which undo themselves, but for two quarters of a turn.
UNDONE_BY = {6: 8, 8: 6}


def page() -> Image.Image:
    """Return grey shapes of which no side is like another."""
    picture = Image.new("L", (240, 160), 255)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 120, 40), fill=0)
    draw.rectangle((20, 60, 60, 140), fill=120)
    draw.ellipse((150, 90, 220, 150), fill=40)
    return picture


def save(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - whatever Pillow takes
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def fitted(content: bytes, limits: Limits | None = None) -> Fitted:
    result = fit(content, limits or Limits())
    assert isinstance(result, Fitted), result
    return result


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    assert picture.format in {"JPEG", "PNG"}
    assert picture.mode in {"1", "L", "P", "RGB"}
    return picture.convert("L")


def distance(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return ImageStat.Stat(ImageChops.difference(one, other)).mean[0]


def in_mode(mode: str) -> Image.Image:
    grey = page()
    if mode in {"I", "I;16"}:
        return grey.convert("I").point(lambda value: value * 257).convert(mode)
    if mode == "LAB":
        rgb, lab_space = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(grey.convert("RGB"), rgb, lab_space, outputMode="LAB")
        assert lab is not None
        return lab
    if mode == "P":
        return grey.quantize(256)
    return grey.convert("RGB").convert(mode) if mode not in {"F", "L", "LA", "1"} else grey.convert(mode)


MODES_OF = {
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F", "LAB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("L", "RGB", "RGBA"),
    "AVIF": ("L", "RGB", "RGBA"),
    "HEIF": ("L", "RGB", "RGBA"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA", "I;16"),
    "PPM": ("1", "L", "RGB", "I;16"),
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES_OF.items() for mode in modes])
def test_each_mode_of_each_format_is_the_same_picture(kind: str, mode: str) -> None:
    content = fitted(save(in_mode(mode), kind)).content
    expected = page().convert("1").convert("L") if mode == "1" else page()
    assert distance(opened(content), expected) < 2


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "zstd"])
def test_compressed_tiff(compression: str) -> None:
    picture = page().convert("1") if compression == "group4" else page()
    assert distance(opened(fitted(save(picture, "TIFF", compression=compression)).content), picture.convert("L")) < 2


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGB"])
def test_a_jpeg_of_any_colours_is_encoded_anew(mode: str) -> None:
    content = save(in_mode(mode), "JPEG", quality=100, subsampling=0)
    smaller = fitted(content, Limits(content_bytes=len(content) - 1000))
    assert smaller.change.format == "JPEG"
    assert distance(opened(smaller.content), page()) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF", "PNG", "JPEG"])
def test_the_picture_is_turned_upright(kind: str, orientation: int) -> None:
    stored = turn(page(), UNDONE_BY.get(orientation, orientation))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = save(stored, kind, exif=exif if kind == "TIFF" else exif.tobytes(), **lossless)
    limits = Limits(pixels=240 * 160 // 4)
    result = fitted(content, limits)
    assert result.change.origin.size == stored.size
    assert result.change.origin.orientation == orientation
    assert result.change.size == (120, 80)
    # Nothing turns it a second time.
    assert Image.open(io.BytesIO(result.content)).getexif().get(ORIENTATION) is None
    assert distance(opened(result.content), page().resize((120, 80), Image.Resampling.LANCZOS)) < 4


def test_a_heic_is_turned_by_its_decoder_alone() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    result = fitted(save(turn(page(), 8), "HEIF", exif=exif.tobytes(), quality=95))
    assert result.change.origin.orientation == 1
    assert distance(opened(result.content), page()) < 4


@pytest.mark.parametrize("most", [200, 1_000, 4_000, 65_535])
def test_grey_of_more_bits_keeps_its_shades(most: int) -> None:
    deep = page().convert("I").point(lambda value: value * (most / 255)).convert("I;16")
    bits = next(bits for bits in (8, 10, 12, 14, 16) if most < 2**bits)
    shown = opened(fitted(save(deep, "TIFF")).content)
    assert shown.getextrema()[1] == pytest.approx(most >> (bits - 8), abs=2)


@pytest.mark.parametrize(("start", "span"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 6.0), (1e6, 1e7)])
def test_fractions_of_any_range_keep_their_shades(start: float, span: float) -> None:
    deep = page().convert("F").point(lambda value: value * (span / 255) + start)
    assert distance(opened(fitted(save(deep, "TIFF")).content), page()) < 2


def test_numbers_that_are_none_do_no_harm() -> None:
    deep = page().convert("F")
    deep.putpixel((0, 0), float("nan"))
    deep.putpixel((1, 0), float("inf"))
    fitted(save(deep, "TIFF"))


@pytest.mark.parametrize(("mode", "value"), [("I", -5), ("I", 70_000), ("F", -1.0), ("F", 1e6)])
def test_an_empty_page_of_numbers_out_of_the_usual_range(mode: str, value: float) -> None:
    least, most = opened(fitted(save(Image.new(mode, (30, 20), value), "TIFF")).content).getextrema()
    assert least == most


@pytest.mark.parametrize("pixels", [10**6, 300])
def test_grey_that_is_multiplied_by_its_alpha(pixels: int) -> None:
    content = save(Image.new("LA", (30, 20), (0, 255)), "TIFF")
    # The tag ExtraSamples: 2 is an alpha by itself, 1 one that is multiplied.
    multiplied = content.replace(struct.pack("<HHIHxx", 338, 3, 1, 2), struct.pack("<HHIHxx", 338, 3, 1, 1))
    assert multiplied != content
    shown = opened(fitted(multiplied, Limits(pixels=pixels)).content)
    assert shown.convert("L").getextrema() == (0, 0)


def test_16_bits_that_count_from_white() -> None:
    inverted = ImageChops.invert(page()).convert("I").point(lambda value: value * 257).convert("I;16")
    assert distance(opened(fitted(save(inverted, "TIFF", tiffinfo={262: 0})).content), page()) < 2


@pytest.mark.parametrize(("ink", "ground"), [("black", 255), ("white", 0)])
def test_what_is_transparent_is_laid_on_a_ground_on_which_the_ink_can_be_read(ink: str, ground: int) -> None:
    picture = Image.new("RGBA", (200, 60), (128, 128, 128, 0))
    draw = ImageDraw.Draw(picture)
    for left in range(10, 190, 12):
        draw.rectangle((left, 20, left + 3, 40), fill=ink)
    shown = opened(fitted(save(picture, "WEBP", lossless=True)).content)
    assert shown.getpixel((0, 0)) == ground


def test_a_palette_with_a_transparent_colour() -> None:
    picture = page().convert("P")
    shown = opened(fitted(save(picture, "GIF", transparency=0)).content)
    assert shown.getpixel((0, 0)) == 255


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "TIFF"])
def test_the_first_of_several_pictures_is_taken_and_said(kind: str) -> None:
    others = [Image.new("L", page().size, shade) for shade in (0, 90)]
    change = fitted(save(page(), kind, save_all=True, append_images=others)).change
    assert change.origin.frames == change.to_dict()["frames"] == 3
    assert "240 x 160, the first of 3 pictures, " in str(change)


TRUNCATED = ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PPM"]


@pytest.mark.parametrize("kind", TRUNCATED)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_cut_file_is_an_error_and_no_half_of_a_page(kind: str, part: float) -> None:
    content = save(Image.effect_noise((200, 200), 60), kind)
    result = fit(content[: int(len(content) * part)], Limits(content_bytes=500))
    assert isinstance(result, ImageError)
    assert result.code is Code.INVALID_ARGUMENT
    assert not result.retryable
    assert "truncated or damaged" in result.message


def png_of(wide: int, high: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


GIF_OF_60000 = b"GIF89a\x60\xea\x60\xea\x80\0\0" + bytes(6) + b",\0\0\0\0\x60\xea\x60\xea\0\x02\0;"


@pytest.mark.parametrize("content", [png_of(60_000, 60_000), b"P5 60000 60000 255\n" + bytes(99), GIF_OF_60000])
def test_a_header_of_too_many_pixels_is_not_decoded(content: bytes) -> None:
    result = fit(content)
    assert isinstance(result, ImageError)
    assert "60000 x 60000 = 3,600,000,000 pixels" in result.message
    assert "268,435,456" in result.message


def webp_of(wide: int, high: int) -> bytes:
    content = bytearray(save(page(), "WEBP", exif=b"Exif\0\0MM\0*", quality=10))
    assert content[12:16] == b"VP8X"
    content[24:30] = (wide - 1).to_bytes(3, "little") + (high - 1).to_bytes(3, "little")
    return bytes(content)


def gif_of(screen: tuple[int, int], frame: tuple[int, int], disposal: int = 0) -> bytes:
    control = b"!\xf9\4" + bytes([disposal << 2, 0, 0, 0]) + b"\0"
    image = b",\0\0\0\0" + struct.pack("<HH", *frame) + b"\0\2\2\x44\1\0"
    return b"GIF89a" + struct.pack("<HH", *screen) + b"\x80\0\0" + bytes(6) + control + image + b";"


@pytest.mark.parametrize(
    "content",
    [
        webp_of(16_384, 16_385),  # Just more than is decoded.
        webp_of(20_000, 20_000),  # Less than twice as many, at which Pillow only warns.
        webp_of(2**24, 2**24),
        webp_of(2**24, 17),
        gif_of((4, 4), (65_535, 65_535)),
        gif_of((4, 4), (65_535, 65_535), disposal=2),
        gif_of((65_535, 65_535), (4, 4)),
    ],
)
def test_too_many_pixels_are_an_error_of_the_image(content: bytes) -> None:
    result = fit(content)
    assert isinstance(result, ImageError)
    assert "too many to be decoded (at most 268,435,456)" in result.message


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0MM\0*"}])
@pytest.mark.parametrize("size", [(1, 1), (300, 20), (20, 16_383)])
def test_the_size_of_a_webp_is_read_without_its_decoder(size: tuple[int, int], options: dict[str, Any]) -> None:
    content = save(Image.new("RGB", size), "WEBP", **options)
    assert read_webp_size(content) == size
    assert read_webp_size(content[:25]) is None


def test_pillows_own_bound_is_neither_met_nor_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    for kind in ("WEBP", "TIFF", "BMP", "GIF"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted(save(page(), kind))
    assert Image.MAX_IMAGE_PIXELS == 1_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "the file is an SVG, which cannot be fitted"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"8BPS\0\1", "a Photoshop file (PSD)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "a PostScript file"),
        (b"%PDF-1.7", "open_pdf"),
        (b"PK\3\4\x14\0", "a ZIP"),
        (b"dear diary", "the file is no image"),
        (b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "decode"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI", "an Apple PNG"),
        (b"II*\0\xff\xff\xff\xff", "truncated or damaged"),
        (b"RIFF....WEBPVP8 ", "truncated or damaged"),
    ],
)
def test_what_cannot_be_fitted_is_named(content: bytes, message: str) -> None:
    result = fit(content)
    assert isinstance(result, ImageError)
    assert message in result.message


def test_damaged_metadata_do_no_harm() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(range(256))
    for kind in ("WEBP", "AVIF"):
        assert distance(opened(fitted(save(page(), kind, exif=exif)).content), page()) < 4
    profile = PngImagePlugin.PngInfo()
    profile.add(b"eXIf", exif[6:])
    fitted(save(page(), "PNG", pnginfo=profile), Limits(pixels=1000))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = save(page(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    result = fit(content)
    assert isinstance(result, ImageError)
    assert "pillow-heif is not installed: pip install 'vision-grpc[images]'" in result.message


def test_several_threads_give_what_one_gives() -> None:
    contents = [save(page(), kind) for kind in ("TIFF", "WEBP", "BMP", "GIF", "AVIF")] * 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(fit, contents)) == [fit(content) for content in contents]
