"""Pictures made ready for Tesseract: grey, straight and large enough, with the places of their points on the page.

The page is the upright picture of the file. These gained nothing, measured on scans, receipts, photographs and pages
of 72 to 150 dpi: a background that is divided out, a white border, other thresholds than Tesseract's own.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil, cos, floor, radians, sin, sqrt, tan
from statistics import median
from typing import NamedTuple

from PIL import Image, ImageChops, ImageFilter, ImageMath

from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.layout import Box

# Tesseract keeps coordinates in 16 bits and refuses longer sides.
LONGEST_SIDE = 32_767
# The resolution at which Tesseract learned its letters. Without one it takes 70 dpi, and misses cells of tables.
DPI = 300
# What it must at least be told to find all of the lines of large letters.
ENOUGH_DPI = 200
_LEAST_DPI = 100
# The longer side of A4.
_PAGE_INCHES = 11.7

# In lines that are less high Tesseract reads more letters wrongly; other heights than this one gain nothing.
_LEAST_LINE_PX, _WANTED_LINE_PX = 22, 32
_MOST_ENLARGED, _WORTH_IT = 4.0, 1.1
_MOST_PIXELS = 25_000_000
# A pixel has a colour if two of its channels differ by this much; less is noise of JPEG, or yellowed paper.
_COLOUR = 32
# A word in colour on a large page has more than this part of its pixels.
_STRAY = 1e-4

_LIGHT_SIDE = 200
# The light of the darkest places over that of the brightest ones. Measured: shadows of hands 0.3 to 0.6, paper without
# them 0.8 and more, photographs in print less than 0.1.
_BLACK, _SHADED = 0.2, 0.7

_SKEW_SIDE, _SKEW_COLUMNS = 800, 64
_MOST_SKEW, _LEAST_SKEW = 15.0, 0.5
# How much sharper lines must be at the angle that is found than as they are, and than at the usual angle. Measured:
# at least 2.7 and 11 times on pages that were skewed by 0.6 to 14 degrees; at most 4 times the usual if no lines are
# near to level.
_SHARPER, _SHARP = 1.5, 6.0

_TRANSPOSES = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)


class Pose(NamedTuple):
    """What is done to a page, in this order."""

    quarters: int = 0
    """By how many quarters it is turned against the clock."""
    skew: float = 0.0
    """By how many degrees its lines fall to the right; they are made level."""
    scale: float = 1.0


class _Affine(NamedTuple):
    """A map of points: x becomes a * x + b * y + c, y becomes d * x + e * y + f. Pillow takes it as it is."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def after(self, first: "_Affine") -> "_Affine":
        c, f = self.at(first.c, first.f)
        return _Affine(
            self.a * first.a + self.b * first.d,
            self.a * first.b + self.b * first.e,
            c,
            self.d * first.a + self.e * first.d,
            self.d * first.b + self.e * first.e,
            f,
        )


class Prepared:
    """A page in a pose."""

    def __init__(self, page: Image.Image, pose: Pose) -> None:
        self.pose = pose
        self.page_size = page.size
        transpose = _TRANSPOSES[pose.quarters]
        turned = page if transpose is None else page.transpose(transpose)
        # All maps go from what is made to what it is made of.
        unskew, straight_size = _unskew(turned.size, pose.skew)
        size = (max(1, round(straight_size[0] * pose.scale)), max(1, round(straight_size[1] * pose.scale)))
        unscale = _Affine(straight_size[0] / size[0], 0, 0, 0, straight_size[1] / size[1], 0)
        if pose.skew:
            self.image = turned.transform(
                size,
                Image.Transform.AFFINE,
                unskew.after(unscale),
                Image.Resampling.BICUBIC,
                fillcolor=ground_of(turned),
            )
        else:
            self.image = turned if size == turned.size else turned.resize(size, Image.Resampling.BICUBIC)
        self._to_page = _unturn(page.size, pose.quarters).after(unskew).after(unscale)

    def on_page(self, box: Box) -> list[tuple[int, int]]:
        """Return the corners of a box as points of the page, rounded outwards.

        They run against the clock from the corner that is the upper left one for whoever reads the text.
        """
        middle = self._to_page.at((box.left + box.right) / 2, (box.top + box.bottom) / 2)
        corners: list[tuple[int, int]] = []
        for corner in box.corners():
            x, y = (
                min(max(_away(value, centre), 0), side)
                for value, centre, side in zip(self._to_page.at(*corner), middle, self.page_size, strict=True)
            )
            corners.append((x, y))
        return corners

    def extent(self, box: Box) -> tuple[int, int, int, int]:
        """Return the upright rectangle around a box on the page: left, top, right and bottom."""
        xs, ys = zip(*self.on_page(box), strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def bitmap_of(image: Image.Image) -> Bitmap:
    """Return the pixels of a picture as Tesseract takes them."""
    return Bitmap(image.width, image.height, len(image.getbands()), image.tobytes())


def picture_of(bitmap: Bitmap) -> Image.Image:
    """Return the picture as it is."""
    return Image.frombytes("L" if bitmap.channels == 1 else "RGB", (bitmap.width, bitmap.height), bitmap.pixels)


def page_of(bitmap: Bitmap) -> Image.Image:
    """Return the picture, in grey unless it has colours.

    Tesseract reads grey in three quarters of the time. Colours stay where there are any, because text and background
    may differ only in hue.
    """
    picture = picture_of(bitmap)
    return picture.convert("L") if picture.mode == "RGB" and not _has_colours(picture) else picture


def level(page: Image.Image, pose: Pose) -> Pose:
    """Return the pose in which the lines of the page are level: that of the page if they are, or if it has no lines."""
    transpose = _TRANSPOSES[pose.quarters]
    strips, width = _strips(page if transpose is None else page.transpose(transpose))
    sharpness: dict[float, float] = {}

    def at(angle: float) -> float:
        if angle not in sharpness:
            sharpness[angle] = _sharpness(strips, width, angle)
        return sharpness[angle]

    step = 0.5
    angles = [step * count for count in range(round(-_MOST_SKEW / step), round(_MOST_SKEW / step) + 1)]
    best = max(angles, key=at)
    usual = median(map(at, angles))
    while step > 1 / 16:
        step /= 2
        best = max((best - step, best, best + step), key=at)
    found = abs(best) >= _LEAST_SKEW and at(best) > _SHARPER * at(0) and at(best) > _SHARP * usual
    fits = max(_unskew(page.size, best)[1]) <= LONGEST_SIDE
    return pose._replace(skew=best if found and fits else 0.0)


def in_even_light(page: Image.Image) -> Image.Image | None:
    """Return the page in grey as if no shadow were on it, None if there seems to be none.

    Tesseract looks for one threshold between ink and paper, and takes what lies in a deep shadow for ink.
    """
    grey = page.convert("L")
    small = grey.reduce(max(1, round(max(grey.size) / _LIGHT_SIDE)))
    # Letters are thinner than this filter is wide, and darker than paper.
    light = small.filter(ImageFilter.MaxFilter(9)).filter(ImageFilter.BoxBlur(4))
    dark, bright = (_part(light.histogram(), part) for part in (0.05, 0.95))
    # What is nearly black is a thing, not paper in a shadow.
    if not _BLACK * bright < dark < _SHADED * bright:
        return None
    light = light.resize(grey.size, Image.Resampling.BILINEAR)
    even: Image.Image = ImageMath.lambda_eval(
        lambda sight: sight["convert"](sight["min"](sight["grey"] * 255 / sight["max"](sight["light"], 1), 255), "L"),
        grey=grey,
        light=light,
    )
    return even


def likely_dpi(prepared: Prepared) -> list[int]:
    """Return the resolutions at which to look for lines of text, one after the other until there are some.

    Told 300 dpi, Tesseract takes letters of less than 11 pixels for dirt. Told 100 dpi, it finds the lines of letters
    of any size, but cuts those of 24 pixels and more into pieces.
    """
    dpi = round(max(prepared.image.size) / _PAGE_INCHES)
    return sorted({min(max(dpi, _LEAST_DPI), DPI), _LEAST_DPI}, reverse=True)


def larger(page: Image.Image, prepared: Prepared, heights: Sequence[int]) -> Prepared:
    """Return the page with lines of text that are large enough; the same object if they are, or if there are none."""
    if not heights or (line := median(heights)) >= _LEAST_LINE_PX:
        return prepared
    pose, (width, height) = prepared.pose, prepared.image.size
    factor = min(
        _WANTED_LINE_PX / max(line, 1),
        _MOST_ENLARGED / pose.scale,
        sqrt(_MOST_PIXELS / (width * height)),
        LONGEST_SIDE / max(width, height),
    )
    return Prepared(page, pose._replace(scale=pose.scale * factor)) if factor > _WORTH_IT else prepared


def _away(value: float, centre: float) -> int:
    return floor(value) if value < centre else ceil(value)


def _unturn(size: tuple[int, int], quarters: int) -> _Affine:
    width, height = size
    return (
        _Affine(1, 0, 0, 0, 1, 0),
        _Affine(0, -1, width, 1, 0, 0),
        _Affine(-1, 0, width, 0, -1, height),
        _Affine(0, 1, 0, -1, 0, height),
    )[quarters]


def _unskew(size: tuple[int, int], skew: float) -> tuple[_Affine, tuple[int, int]]:
    """Return the map from a picture with level lines to one with skewed lines, and the size of the first."""
    width, height = size
    if not skew:
        return _Affine(1, 0, 0, 0, 1, 0), size
    c, s = cos(radians(skew)), sin(radians(skew))
    wide, high = ceil(width * c + height * abs(s)), ceil(width * abs(s) + height * c)
    turn = _Affine(c, -s, width / 2, s, c, height / 2)
    return turn.after(_Affine(1, 0, -wide / 2, 0, 1, -high / 2)), (wide, high)


def ground_of(image: Image.Image) -> tuple[int, ...]:
    """Return the colour that most of a picture has about, for the corners that appear when it is turned."""
    counts = image.histogram()
    return tuple(_part(counts[start : start + 256], 0.5) for start in range(0, len(counts), 256))


def _part(counts: Sequence[int], part: float) -> int:
    """Return the value below which this part of all is, from how often there is each."""
    return bisect_left(list(accumulate(counts)), part * sum(counts))


def _has_colours(picture: Image.Image) -> bool:
    red, green, blue = picture.split()
    most = picture.width * picture.height * _STRAY
    return any(
        sum(ImageChops.difference(one, other).histogram()[_COLOUR:]) > most
        for one, other in ((red, green), (green, blue), (red, blue))
    )


def _strips(picture: Image.Image) -> tuple[Image.Image, float]:
    """Return the ink of a small copy, as columns that are the means of upright strips, and the width of a strip."""
    grey = picture.convert("L")
    small = grey.reduce(max(1, max(grey.size) // _SKEW_SIDE))
    small.thumbnail((_SKEW_SIDE, _SKEW_SIDE), Image.Resampling.BOX)
    # Text is lighter or darker than what is around it, whatever the light.
    ink = ImageChops.difference(small, small.filter(ImageFilter.BoxBlur(10)))
    columns = min(_SKEW_COLUMNS, small.width)
    return ink.resize((columns, small.height), Image.Resampling.BOX), small.width / columns


def _sharpness(strips: Image.Image, width: float, angle: float) -> float:
    """Return how much neighbouring rows differ if lines fall by this angle."""
    fall = tan(radians(angle)) * width
    shift = _Affine(1, 0, 0, fall, 1, -fall * strips.width / 2)
    rows = strips.transform(strips.size, Image.Transform.AFFINE, shift, Image.Resampling.NEAREST)
    means = rows.resize((1, rows.height), Image.Resampling.BOX).tobytes()
    return sum((one - other) ** 2 for one, other in pairwise(means))
