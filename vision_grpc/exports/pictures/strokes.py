"""Smooth lines on a picture that are seen on light and on dark ground. Pillow itself draws them with steps."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, copysign, floor, hypot

from PIL import Image, ImageDraw

_Point = tuple[float, float]
_Colour = tuple[int, int, int]

# On dark ground, a line has a pale one around it.
_CASING = (255, 255, 255, 170)
_DARK = 110
# The ground is looked at in a picture of so few pixels a side.
_GROUND = 96

_FINER = 4
"""So many times finer is a slanted line drawn before it is made smooth, in parts that are no longer than this."""
_LONGEST = 256

# Far outside of the picture, where a damaged answer may have its boxes, nothing is drawn.
_FAR = 16


class Strokes:
    """Draws on a picture in RGB."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        # On RGB, this mode blends colours that are not opaque.
        self._draw = ImageDraw.Draw(image, "RGBA")
        self._few = min(image.width, _GROUND), min(image.height, _GROUND)
        ground = image.resize(self._few, Image.Resampling.BOX, reducing_gap=2.0)  # pyright: ignore[reportUnknownMemberType] # numpy's
        self._shades = ground.convert("L").tobytes()

    def fill(self, corners: Sequence[_Point], colour: tuple[int, int, int, int]) -> None:
        """Cover a polygon with a colour, the fourth number of which says how much."""
        within = [self._within(corner) for corner in corners]
        if len(within) > 1:
            self._draw.polygon(within, fill=colour)

    def outline(self, corners: Sequence[_Point], width: float, colour: _Colour, *, outside: float = 0.0) -> None:
        """Draw the sides of a polygon, or so far outside of them."""
        if not corners:
            return
        grown = [self._within(corner) for corner in _grown(corners, outside)]
        sides = [*pairwise([*grown, grown[0]])]
        if self._is_dark(grown):
            for start, end in sides:
                self._line(start, end, width + max(2.0, width * 0.75), _CASING)
        for start, end in sides:
            self._line(start, end, width, (*colour, 255))

    def _is_dark(self, corners: Sequence[_Point]) -> bool:
        shades = [self._shade(x, y) for x, y in corners]
        return sum(shades) < _DARK * len(shades)

    def _shade(self, x: float, y: float) -> int:
        """Return how light the picture is around a point, of 255."""
        (wide, high), (columns, rows) = self._image.size, self._few
        column = min(max(int(x / wide * columns), 0), columns - 1)
        row = min(max(int(y / high * rows), 0), rows - 1)
        return self._shades[row * columns + column]

    def _line(self, start: _Point, end: _Point, width: float, colour: tuple[int, int, int, int]) -> None:
        half = width / 2
        (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        if left == right or top == bottom:
            self._upright((left - half, top - half, right + half, bottom + half), colour)
            return
        for first, last in _parts(start, end):
            self._slanted(first, last, half, colour)

    def _upright(self, box: tuple[float, float, float, float], colour: tuple[int, int, int, int]) -> None:
        # `round` would take halves to even numbers, and make some lines twice as wide as others.
        left, top, right, bottom = (floor(side + 0.5) for side in box)
        # Pillow counts the last pixel in.
        self._draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), fill=colour)

    def _slanted(self, start: _Point, end: _Point, half: float, colour: tuple[int, int, int, int]) -> None:
        xs, ys = zip(start, end, strict=True)
        left, top = floor(min(xs) - half), floor(min(ys) - half)
        size = ceil(max(xs) + half) - left, ceil(max(ys) + half) - top
        fine = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
        draw = ImageDraw.Draw(fine)
        first, last = (((x - left) * _FINER, (y - top) * _FINER) for x, y in (start, end))
        draw.polygon(_quad(first, last, half * _FINER), fill=colour[3])
        self._image.paste(colour[:3], (left, top), fine.reduce(_FINER))

    def _within(self, point: _Point) -> _Point:
        x, y = point
        wide, high = self._image.size
        return min(max(x, -_FAR), wide + _FAR), min(max(y, -_FAR), high + _FAR)


def _grown(corners: Sequence[_Point], outside: float) -> Iterator[_Point]:
    """Yield the corners so far away from the middle, in both directions."""
    middle_x, middle_y = (sum(values) / len(corners) for values in zip(*corners, strict=True))
    for x, y in corners:
        yield x + copysign(outside, x - middle_x), y + copysign(outside, y - middle_y)


def _parts(start: _Point, end: _Point) -> Iterator[tuple[_Point, _Point]]:
    count = ceil(hypot(end[0] - start[0], end[1] - start[1]) / _LONGEST)
    steps = [number / count for number in range(count + 1)]
    points = [tuple(a + (b - a) * step for a, b in zip(start, end, strict=True)) for step in steps]
    for first, last in pairwise(points):
        yield (first[0], first[1]), (last[0], last[1])


def _quad(start: _Point, end: _Point, half: float) -> list[_Point]:
    """Return the corners of a line that is so wide."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    right, down = ((end[0] - start[0]) / length * half, (end[1] - start[1]) / length * half)
    return [
        (start[0] + down, start[1] - right),
        (end[0] + down, end[1] - right),
        (end[0] - down, end[1] + right),
        (start[0] - down, start[1] + right),
    ]
