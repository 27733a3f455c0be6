"""Pages of results as document formats write them: each area has a place, and nothing is outside what XML can hold."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from vision_grpc import messages
from vision_grpc.exports.documents import pages_of
from vision_grpc.exports.results import each_with_answer
from vision_grpc.exports.xml.escaping import escape, is_plain
from vision_grpc.results.each import Results
from vision_grpc.results.layout import Block, Line, Page, Word

_PAGE_OF_DOCUMENT = re.compile(r"#page=([1-9][0-9]{0,8})\Z")
# The lexical form of xsd:language, which all tags of BCP 47 have.
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
# The blocks of Unicode that have letters from right to left: what has none needs no closer look.
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
_DIRECTIONS = {"L": "ltr", "R": "rtl", "AL": "rtl"}
_CORNERS = 4
_FEWEST_POINTS = 3
_NO_LENGTH = 2**31
_NO_PAGE = Page(messages.Page())


class Place(NamedTuple):
    """The box around an area in pixels, never negative."""

    left: int
    top: int
    right: int
    bottom: int
    points: Sequence[tuple[int, int]] | None = None
    """The corners of its polygon, where that is not the box."""


class PlacedWord(NamedTuple):
    """A word that has a text."""

    text: str
    """Escaped for XML."""

    place: Place
    confidence: float | None
    """From 0 to 1."""

    language: str
    """A tag of BCP 47, or empty."""

    direction: str
    """`rtl`, or in a line from right to left `ltr`; else empty."""


class PlacedLine(NamedTuple):
    """A line, and its words that have a text."""

    words: Sequence[PlacedWord]
    place: Place
    confidence: float | None
    """From 0 to 1; None also for 0, which is what is read where the service gives none."""

    is_right_to_left: bool


class PlacedBlock(NamedTuple):
    """A block and its lines."""

    lines: Sequence[PlacedLine]
    place: Place
    language: str
    """That of most of its words, or empty."""


class PlacedPage(NamedTuple):
    """A page and its blocks."""

    blocks: Sequence[PlacedBlock]
    width: int
    height: int
    key: str
    """The key of the result, and which page it is where the result has several."""

    number: int
    """Counted from 0 in what is written; pages of a document keep their numbers, so that gaps are seen."""

    languages: Sequence[str]
    """Those of its words, the commonest first."""

    dpi: float | None
    """The resolution that it was rendered at, if it is known."""


def placed_pages(results: Results) -> Iterator[PlacedPage]:
    """Yield the pages of results that were read; an image without a page has an empty one.

    What has no polygon is placed around what is in it, else where the area is that it is in. A page without a size
    has that of its picture, else the smallest that holds its areas.
    """
    number = -1
    for result in each_with_answer(results):
        for alone in pages_of(result):
            own = _PAGE_OF_DOCUMENT.search(alone.key)
            number = max(number + 1, int(own[1]) - 1 if own else 0)
            page = next(iter(alone.pages), _NO_PAGE)
            yield _placed_page(page, alone.key, number, alone.fitted or {})


def _placed_page(page: Page, key: str, number: int, fitted: Mapping[str, object]) -> PlacedPage:
    size = page.width, page.height
    if min(size) <= 0:
        size = _length(fitted.get("width")), _length(fitted.get("height"))
    if min(size) <= 0:
        around = _around(chain.from_iterable(map(_polygons, page.blocks)))
        size = (around.right, around.bottom) if around else (0, 0)
    whole = Place(0, 0, *size)
    languages: Counter[str] = Counter()
    blocks = [_placed_block(block, whole, languages) for block in page.blocks]
    ordered = [language for language, _ in languages.most_common()]
    return PlacedPage(blocks, *size, key, number, ordered, _resolution(fitted.get("dpi")))


def _length(value: object) -> int:
    """Return a length in pixels, 0 for what is none."""
    return value if type(value) is int and 0 < value < _NO_LENGTH else 0


def _resolution(value: object) -> float | None:
    return value if isinstance(value, int | float) and 1 < value < _NO_LENGTH else None


def _placed_block(block: Block, whole: Place, page_languages: Counter[str]) -> PlacedBlock:
    place = _place(block.message.bounding_box) or _around(_polygons(block)) or whole
    languages: Counter[str] = Counter()
    lines = [_placed_line(line, place, languages) for line in block.lines]
    page_languages.update(languages)
    return PlacedBlock(lines, place, max(languages, key=languages.__getitem__, default=""))


def _placed_line(line: Line, block: Place, languages: Counter[str]) -> PlacedLine:
    place = _place(line.message.bounding_box) or _around(word.bounding_box for word in line.message.words) or block
    words = [word for word in line.words if word.text]
    texts = [word.text for word in words]
    # Looking at a line at once costs less than looking at each word.
    text = " ".join(texts)
    directions = [*map(_direction, texts)] if _RIGHT_TO_LEFT.search(text) else [""] * len(texts)
    is_right_to_left = next(filter(None, directions), "") == "rtl"
    if not is_right_to_left:
        directions = ["rtl" if direction == "rtl" else "" for direction in directions]
    if not is_plain(text):
        texts = [*map(escape, texts)]
    tags = [*map(_language, words)]
    languages.update(filter(None, tags))
    placed = [
        PlacedWord(text, _place(word.message.bounding_box) or place, word.confidence, tag, direction)
        for word, text, tag, direction in zip(words, texts, tags, directions, strict=True)
    ]
    return PlacedLine(placed, place, line.confidence or None, is_right_to_left)


def _direction(text: str) -> str:
    """Return the direction of the first strong character (UAX 9, rule P2), empty if there is none."""
    return next(filter(None, (_DIRECTIONS.get(unicodedata.bidirectional(each)) for each in text)), "")


def _language(word: Word) -> str:
    """Return the tag of the surest language of a word, empty if there is none."""
    detected = word.message.languages
    # The usual case, in half the time.
    if len(detected) == 1:
        return _tag(detected[0].language_code)
    return _tag(next(iter(word.languages), ""))


@lru_cache(maxsize=256)
def _tag(code: str) -> str:
    return code if _LANGUAGE.fullmatch(code) else ""


def _polygons(block: Block) -> Iterator[messages.Polygon]:
    yield block.message.bounding_box
    for line in block.message.lines:
        yield line.bounding_box
        for word in line.words:
            yield word.bounding_box


def _around(polygons: Iterable[messages.Polygon]) -> Place | None:
    points = [(vertex.x, vertex.y) for polygon in polygons for vertex in polygon.vertices]
    return _box(points) if points else None


def _place(polygon: messages.Polygon) -> Place | None:
    # A slice is a list, which is faster than protobuf's container.
    vertices = polygon.vertices[:]
    if len(vertices) == _CORNERS:
        first, second, third, fourth = vertices
        left, top, right, bottom = first.x, first.y, third.x, third.y
        # A box, in the order in which the service gives the corners.
        if (
            second.x == left
            and fourth.x == right
            and second.y == bottom
            and fourth.y == top
            and 0 <= left <= right
            and 0 <= top <= bottom
        ):
            return Place(left, top, right, bottom)
    points = [(vertex.x, vertex.y) for vertex in vertices]
    if not points:
        return None
    box = _box(points)
    points = [(max(x, 0), max(y, 0)) for x, y in points]
    corners = {(box.left, box.top), (box.left, box.bottom), (box.right, box.bottom), (box.right, box.top)}
    # Fewer than three points span no area, and corners in any order are those of the box.
    is_box = len(points) < _FEWEST_POINTS or (len(points) == _CORNERS and {*points} == corners)
    return box if is_box else Place(*box[:4], points)


def _box(points: Sequence[tuple[int, int]]) -> Place:
    xs, ys = zip(*points, strict=True)
    return Place(max(min(xs), 0), max(min(ys), 0), max(*xs, 0), max(*ys, 0))
