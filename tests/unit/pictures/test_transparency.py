"""Depths of colour and transparency, against what the PNG specification says of them; and grounds."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw, ImageFont

from vision_grpc.contract.png import SIGNATURE, encode_chunk
from vision_grpc.local.ocr.bitmap import decode
from vision_grpc.pictures.transparency import lay_on_ground

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CLEAR = (0, 0, 0, 0)


def pack(samples: list[int], bits: int) -> bytes:
    number = 0
    for sample in samples:
        number = number << bits | sample
    unused = -len(samples) * bits % 8
    return (number << unused).to_bytes((len(samples) * bits + unused) // 8, "big")


def png(colours: int, bits: int, samples: list[int], width: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, 1, bits, colours, 0, 0, 0)
    pixels = zlib.compress(b"\0" + pack(samples, bits))
    return b"".join((SIGNATURE, encode_chunk(b"IHDR", header), *chunks, encode_chunk(b"IDAT", pixels)))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_of_every_depth_is_scaled(bits: int) -> None:
    most = (1 << bits) - 1
    samples = sorted({0, most // 4, most // 2, most - most // 3, most})
    expected = bytes(sample >> 8 if bits == 16 else sample * 255 // most for sample in samples)
    bitmap = decode(png(GREY, bits, samples, len(samples)))
    assert (bitmap.channels, bitmap.pixels) == (1, expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_grey_that_stands_for_transparent_is_white(bits: int) -> None:
    most = (1 << bits) - 1
    # A neighbour that differs in its low bits alone is not transparent.
    samples = [0, 1] if bits == 1 else [most // 2, most // 2 + 1, most // 4, most]
    key = encode_chunk(b"tRNS", struct.pack(">H", samples[0]))
    shades = [sample >> 8 if bits == 16 else sample * 255 // most for sample in samples]
    bitmap = decode(png(GREY, bits, samples, len(samples), key))
    assert list(bitmap.pixels) == [
        shade for index, shade in enumerate(shades) for shade in [shade if index else 255] * 3
    ]


@pytest.mark.parametrize("bits", [8, 16])
def test_the_colour_that_stands_for_transparent_is_white(bits: int) -> None:
    one, other, third = ([value << bits - 8 for value in colour] for colour in ((9, 200, 30), (9, 200, 31), (0, 0, 0)))
    key = encode_chunk(b"tRNS", struct.pack(">3H", *one))
    bitmap = decode(png(RGB, bits, [*one, *other, *third], 3, key))
    assert bitmap.pixels == bytes((255, 255, 255, 9, 200, 31, 0, 0, 0))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_every_depth_have_their_alphas(bits: int) -> None:
    colours = encode_chunk(b"PLTE", bytes((10, 20, 30, 40, 50, 60)))
    assert decode(png(PALETTE, bits, [0, 1], 2, colours)).pixels == bytes((10, 20, 30, 40, 50, 60))
    clear = decode(png(PALETTE, bits, [0, 1], 2, colours, encode_chunk(b"tRNS", b"\0")))
    assert clear.pixels == bytes((255, 255, 255, 40, 50, 60))
    half = decode(png(PALETTE, bits, [0, 1], 2, colours, encode_chunk(b"tRNS", b"\xff\x80" + bytes(300))))
    assert half.pixels == pytest.approx(bytes((10, 20, 30, 147, 152, 157)), abs=1)


@pytest.mark.parametrize("bits", [8, 16])
def test_alphas_of_every_depth(bits: int) -> None:
    most = (1 << bits) - 1
    assert decode(png(GREY_ALPHA, bits, [0, 0, 0, most], 2)).pixels == bytes((255, 255, 255, 0, 0, 0))
    rgba = decode(png(RGBA, bits, [0, 0, 0, 0, most, 0, 0, most, 0, 0, 0, most], 3))
    assert rgba.pixels == bytes((255, 255, 255, 255, 0, 0, 0, 0, 0))


def layer(size: tuple[int, int] = (400, 120)) -> Image.Image:
    return Image.new("RGBA", size, CLEAR)


def write(picture: Image.Image, ink: tuple[int, ...], *, y: int = 10, outline: tuple[int, ...] | None = None) -> None:
    font = ImageFont.load_default(36)
    width = 0 if outline is None else 3
    ImageDraw.Draw(picture).text((20, y), "Harbour wall", font=font, fill=ink, stroke_width=width, stroke_fill=outline)


def ground_of(picture: Image.Image) -> tuple[int, ...]:
    assert picture.getpixel((1, 1))[3] == 0  # type: ignore[index]
    shown = lay_on_ground(picture).getpixel((1, 1))
    assert isinstance(shown, tuple)
    return shown


WHITE, BLACK, MAGENTA = (255, 255, 255), (0, 0, 0), (255, 0, 255)


@pytest.mark.parametrize(
    ("inks", "ground"),
    [
        ([(0, 0, 0, 255)], WHITE),
        ([(255, 255, 255, 255)], BLACK),
        ([(255, 255, 255, 90)], BLACK),
        ([(0, 0, 0, 90)], WHITE),
        ([(255, 240, 100, 255)], BLACK),
        ([(128, 128, 128, 255)], WHITE),
        ([(200, 0, 0, 255)], WHITE),
        ([(255, 255, 255, 255), (200, 200, 255, 255)], BLACK),
        ([(255, 255, 255, 255), (0, 0, 0, 255)], MAGENTA),
        ([(255, 255, 255, 255), (128, 128, 128, 255)], BLACK),
    ],
)
def test_text_stands_on_what_it_can_be_read_on(inks: list[tuple[int, ...]], ground: tuple[int, ...]) -> None:
    picture = layer()
    for number, ink in enumerate(inks):
        write(picture, ink, y=10 + 55 * number)
    assert ground_of(picture) == ground


def test_letters_with_an_outline_stand_on_its_colour() -> None:
    for ink, outline in (((0, 0, 0, 255), WHITE), ((255, 255, 255, 255), BLACK)):
        picture = layer()
        write(picture, ink, outline=(*outline, 255))
        assert ground_of(picture) == outline


@pytest.mark.parametrize(("paper", "ink"), [(WHITE, BLACK), (BLACK, WHITE), ((230, 230, 230), BLACK)])
@pytest.mark.parametrize("margin", [10, 60, 200])
def test_a_card_is_continued_by_its_ground(paper: tuple[int, ...], ink: tuple[int, ...], margin: int) -> None:
    card = Image.new("RGBA", (400, 200), (*paper, 255))
    write(card, (*ink, 255), y=70)
    picture = layer((400 + 2 * margin, 200 + 2 * margin))
    picture.paste(card, (margin, margin))
    assert ground_of(picture) == paper


def test_what_is_under_transparent_pixels_does_not_matter() -> None:
    picture = layer()
    picture.paste((255, 0, 0, 0), (0, 0, *picture.size))
    write(picture, (255, 255, 255, 255))
    assert ground_of(picture) == BLACK


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (33, 47)])
@pytest.mark.parametrize("alpha", [0, 1, 128, 254])
def test_a_picture_of_one_colour_lies_on_white(size: tuple[int, int], alpha: int) -> None:
    shown = lay_on_ground(Image.new("RGBA", size, (255, 255, 255, alpha)))
    assert shown.getcolors() == [(size[0] * size[1], WHITE)]


def test_an_opaque_picture_stays_as_it_is() -> None:
    opaque = Image.radial_gradient("L").convert("RGBA")
    assert lay_on_ground(opaque).tobytes() == opaque.convert("RGB").tobytes()


def test_the_ground_is_chosen_after_decoding() -> None:
    picture = layer()
    write(picture, (255, 255, 255, 255))
    for mode in ("RGBA", "LA", "P"):
        file = io.BytesIO()
        picture.convert(mode).save(file, "PNG")
        assert decode(file.getvalue()).pixels[:3] == bytes(BLACK)
