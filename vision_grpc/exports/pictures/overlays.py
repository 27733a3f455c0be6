"""Pictures with the boxes of what was read drawn over them."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from math import inf
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vision_grpc.exports.pictures.confidence import BANDS, UNKNOWN, Band, band_of
from vision_grpc.exports.pictures.finding import Missing, Picture
from vision_grpc.exports.pictures.strokes import Strokes

if TYPE_CHECKING:
    from vision_grpc.results import ImageResult
    from vision_grpc.results.layout import Block, Line, Word

Level: TypeAlias = Literal["words", "lines", "blocks", "all"]
Format: TypeAlias = Literal["PNG", "JPEG", "WebP"]

_LEVELS: Sequence[Level] = ("words", "lines", "blocks")
# The width of the lines around words, in parts of the picture's longer side: two pixels of 1,500. Of small letters on a
# large page, in parts of the words' height.
_FINEST = 1 / 750
_FINEST_OF_WORDS = 1 / 15
# How wide the lines are, and how far outside of the box, in times of that: no letter is hidden, and the box of a line
# is not upon those of its words.
_TIMES = {"words": 1.0, "lines": 1.0, "blocks": 2.5}
_OUTSIDE = {"words": 0.5, "lines": 2.0, "blocks": 4.75}
_FILLED = 44
"""How much of a word's colour covers it, of 255."""

# What libjpeg and libwebp can write.
_LONGEST_SIDE: Mapping[Format, int] = {"JPEG": 65_500, "WebP": 16_383}
_QUALITY = 92


class Shape(NamedTuple):
    """A box to draw."""

    level: Level
    corners: Sequence[tuple[int, int]]
    band: Band


def overlay(result: "ImageResult", picture: Picture, *, level: Level = "all", legend: bool = False) -> Image.Image:
    """Return the picture of a result, upright and in RGB, with boxes in the colour of their confidence.

    The picture is one by `Pictures.find`. Words are filled lightly, blocks have thick lines. With `legend` the picture
    gets a strip below it that says what the colours mean.

    Raises:
        ProtocolError: the answer is damaged.
    """
    image = picture.upright().convert("RGB")
    wide, high = picture.upright_size
    across, down = image.width / wide, image.height / high
    of_picture = max(1.0, max(image.size) * _FINEST)
    finest = max(1.0, min(of_picture, _height_of_words(result) * down * _FINEST_OF_WORDS))
    strokes = Strokes(image)
    bands: set[Band] = set()
    for shape in _shapes(result, _LEVELS if level == "all" else [level]):
        bands.add(shape.band)
        upright = (picture.to_upright(*corner) for corner in shape.corners)
        corners = [(x * across, y * down) for x, y in upright]
        if shape.level == "words":
            strokes.fill(corners, (*shape.band.colour, _FILLED))
        width, outside = finest * _TIMES[shape.level], finest * _OUTSIDE[shape.level]
        strokes.outline(corners, width, shape.band.colour, outside=outside)
    if not legend:
        return image
    return _with_legend(image, of_picture, [UNKNOWN] if bands == {UNKNOWN} else BANDS)


def encode(image: Image.Image, form: Format, *, made_by: str) -> bytes | Missing:
    """Return a picture as the content of a file, a PNG of which says what it was made by; or why there is none."""
    if max(image.size) > (longest := _LONGEST_SIDE.get(form, max(image.size))):
        return Missing(f"has {image.width} x {image.height} pixels, and a {form} at most {longest:,} a side: use PNG")
    says = PngInfo()
    says.add_text("Software", made_by)
    content = BytesIO()
    image.save(content, form, quality=_QUALITY, pnginfo=says)
    return content.getvalue()


def _height_of_words(result: "ImageResult") -> float:
    """Return how high most words are, in pixels of the boxes; infinity where there are none."""
    # The shorter side: text may stand upright.
    heights = [min(word.box.width, word.box.height) for word in result.words() if word.polygon]
    return median(heights) if heights else inf


def _shapes(result: "ImageResult", levels: Sequence[Level]) -> Iterator[Shape]:
    """Yield the boxes, the larger ones later: they are drawn over the smaller ones."""
    areas: dict[Level, Iterator[Word] | Iterator[Line] | Iterator[Block]] = {
        "words": result.words(),
        "lines": result.lines(),
        "blocks": result.blocks(),
    }
    for level in levels:
        for area in areas[level]:
            if corners := area.polygon:
                yield Shape(level, corners, band_of(area.confidence))


def _with_legend(image: Image.Image, finest: float, bands: Sequence[Band]) -> Image.Image:
    from PIL import ImageDraw, ImageFont

    size = max(11, round(finest * 12))
    font = ImageFont.load_default(size)
    strip = Image.new("RGB", (image.width, round(size * 2.2)), (250, 249, 246))
    draw = ImageDraw.Draw(strip)
    left = size
    for band, upper in zip(bands, (1.0, *(band.least for band in bands)), strict=False):
        box = (left, round(size * 0.7), left + size, round(size * 1.5))
        draw.rectangle(box, fill=band.colour)
        says = band.name if band is UNKNOWN else f"{band.name}: {band.least:.0%} to {upper:.0%}"
        draw.text((left + size * 1.5, strip.height / 2), says, fill=(40, 38, 34), font=font, anchor="lm")
        left += round(size * 3 + draw.textlength(says, font=font))
    both = Image.new("RGB", (image.width, image.height + strip.height))
    both.paste(image)
    both.paste(strip, (0, image.height))
    return both
