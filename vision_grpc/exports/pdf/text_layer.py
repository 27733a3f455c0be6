"""The words of a page as OCRmyPDF's tree, from which its renderer makes text that is not seen.

The renderer knows upright boxes and the slope of a line. What it needs for a line that lies at any angle is worked out
here: each line and word gets a box of its length and height, as if it were cut out and laid flat.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import atan2, cos, pi, sin, tan
from typing import NamedTuple, Protocol

from ocrmypdf.models.ocr_element import Baseline, BoundingBox, OcrClass, OcrElement

from vision_grpc.exports.pdf.words import readable
from vision_grpc.results import ImageResult
from vision_grpc.results.layout import Line

Point = tuple[float, float]
Place = Callable[[int, int], Point]
"""Where a point of a box lies on the page, counted from its upper left corner."""

# The ascent and the descent of the renderer's font as parts of what is above and below the baseline: text that is
# marked in a viewer is then as high as the box of its line.
_ASCENT, _DESCENT = 1.069, 0.293
_SIZE = 1 / (_ASCENT + _DESCENT)
_QUARTER = pi / 2
_CORNERS = 4


def page_tree(result: ImageResult, size: Point, place: Place, dpi: float | None) -> OcrElement:
    """Return the words of a result for a page of this size, in units of which `dpi` are an inch, if that is known.

    Lines and words without a place are left out.
    """
    wide, high = size

    def place_inside(x: int, y: int) -> Point:
        # Numbers of any size may come, while a PDF holds those of a page.
        on_x, on_y = place(x, y)
        return min(max(on_x, 0.0), wide), min(max(on_y, 0.0), high)

    return OcrElement(
        OcrClass.PAGE,
        bbox=BoundingBox(0, 0, wide, high),
        dpi=dpi,
        children=[made for line in result.lines() if (made := _line(line, place_inside)) is not None],
    )


class _Placed(Protocol):
    @property
    def polygon(self) -> Sequence[tuple[int, int]]: ...


class _Word(NamedTuple):
    text: str
    corners: Sequence[Point]


class _Frame(NamedTuple):
    """Coordinates along a line and across it."""

    angle: float
    """How far the line is turned, clockwise as the page is seen."""

    def along(self, point: Point) -> float:
        return point[0] * cos(self.angle) + point[1] * sin(self.angle)

    def across(self, point: Point) -> float:
        return point[1] * cos(self.angle) - point[0] * sin(self.angle)

    def back(self, along: float, across: float) -> Point:
        return (
            along * cos(self.angle) - across * sin(self.angle),
            along * sin(self.angle) + across * cos(self.angle),
        )


def _line(line: Line, place: Place) -> OcrElement | None:
    words = [
        _Word(text, corners)
        for word in line.words
        if (text := readable(word.text)) and (corners := _corners(word, place))
    ]
    if not words:
        return None
    corners = _corners(line, place)
    frame = _Frame(_angle_of(corners or words[0].corners))
    if not _height(corners, frame):
        corners = [corner for word in words for corner in word.corners]
    if not (height := _height(corners, frame)):
        return None
    return _made(words, frame, max(map(frame.across, corners)), height)


def _made(words: Sequence[_Word], frame: _Frame, bottom: float, height: float) -> OcrElement:
    size = height * _SIZE
    below = size * _DESCENT
    baseline = bottom - below
    # The quarters are turned by the renderer exactly, the rest is the slope of the baseline.
    quarters = round(frame.angle / _QUARTER)
    flat = _Frame(quarters * _QUARTER)
    # In the order of their places, also where they are read from right to left: the renderer puts a blank after each
    # word that has another one behind it.
    spans = sorted((_span(map(frame.along, word.corners)), word.text) for word in words)
    start, end = spans[0][0][0], max(last for (_, last), _ in spans)
    begin = frame.back(start, baseline)
    left, foot = flat.along(begin), flat.across(begin) + below
    # A box that is wider than it is high is taken for a line in any case.
    box = _box(flat, left, foot - below - size, left + max(end - start, size + below), foot)
    return OcrElement(
        OcrClass.LINE,
        bbox=box,
        baseline=Baseline(tan(frame.angle - flat.angle), -below),
        textangle=-90.0 * quarters,
        children=[_word(text, flat, frame.back(first, baseline), last - first) for (first, last), text in spans],
    )


def _word(text: str, flat: _Frame, begin: Point, length: float) -> OcrElement:
    left, foot = flat.along(begin), flat.across(begin)
    return OcrElement(OcrClass.WORD, bbox=_box(flat, left, foot, left + length, foot), text=text)


def _box(flat: _Frame, left: float, top: float, right: float, bottom: float) -> BoundingBox:
    """Return the box on the page of one in a frame that is turned by quarters."""
    (x, y), (other_x, other_y) = flat.back(left, top), flat.back(right, bottom)
    return BoundingBox(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))


def _corners(placed: _Placed, place: Place) -> list[Point]:
    return [place(x, y) for x, y in placed.polygon]


def _height(corners: Iterable[Point], frame: _Frame) -> float:
    low, high = _span(map(frame.across, corners))
    return high - low


def _span(values: Iterator[float]) -> Point:
    every = [*values]
    return (min(every), max(every)) if every else (0.0, 0.0)


def _angle_of(corners: Sequence[Point]) -> float:
    """Return how far text is turned, by its four corners, the first of which is above its beginning.

    They are taken in either direction: the one before last is always across from the first.
    """
    if len(corners) != _CORNERS:
        return 0.0
    first, second, third, fourth = corners
    area = (third[0] - first[0]) * (fourth[1] - second[1]) - (third[1] - first[1]) * (fourth[0] - second[0])
    if area < 0:
        second, fourth = fourth, second
    x, y = second[0] - first[0] + third[0] - fourth[0], second[1] - first[1] + third[1] - fourth[1]
    return atan2(y, x)
