"""The words of a page at their places, as arrays of JSON, and what the list shows about them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vision_grpc.exports.pictures.confidence import SURE, UNKNOWN, band_of
from vision_grpc.exports.pictures.finding import upright_map
from vision_grpc.results.pixels import UPRIGHT
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc.results.layout import Block, Line, Page, Word


class Layout:
    """The blocks, lines and words of a page, upright. A page is walked once: a report may have millions of words."""

    def __init__(self, page: "Page | None", orientation: int) -> None:
        self.page = page
        self.words: int = 0
        self.doubtful: int = 0
        """How many words there are, and how many of them are not sure."""
        self.languages: dict[str, None] = {}
        """The codes of their languages, each once."""
        self._sum, self._known = 0.0, 0
        size = (0, 0) if page is None else (page.width, page.height)
        # A page that states no size cannot be turned.
        self._map = upright_map(size, orientation if all(size) else UPRIGHT)
        wide, high = self._map.stored
        blocks = [] if page is None else [self._block(block) for block in page.blocks]
        if blocks and not (wide and high):
            corners = [corner for block in blocks for corner in block[0]]
            wide, high = max(1, *corners[::2]), max(1, *corners[1::2])
        self.arrays: tuple[int, int, Sequence[Any]] = wide, high, blocks
        """Width, height and blocks, each with its corners, its confidence and its lines."""

    @property
    def mean(self) -> float | None:
        """The mean confidence of the words."""
        return round(self._sum / self._known, 4) if self._known else None

    def _block(self, block: "Block") -> list[Any]:
        before = self._sum, self._known
        lines = [self._line(line) for line in block.lines]
        known = self._known - before[1]
        return [self._corners(block), _rounded((self._sum - before[0]) / known) if known else None, lines]

    def _line(self, line: "Line") -> list[Any]:
        language = ""
        words: list[list[Any]] = []
        for word in line.words:
            confidence = word.confidence
            if confidence is not None and confidence == confidence:  # noqa: PLR0124 - not a number has no mean
                self._sum += confidence
                self._known += 1
            self.doubtful += band_of(confidence) not in {SURE, UNKNOWN}
            for code in word.languages:
                self.languages[code] = None
                language = language or to_strict(code)
            words.append([to_strict(word.text), _rounded(confidence), self._corners(word)])
        self.words += len(words)
        return [self._corners(line), _rounded(line.confidence), language, words]

    def _corners(self, area: "Block | Line | Word") -> Sequence[int]:
        """Return left, top, right and bottom of an upright box, else x and y of each corner."""
        points = area.polygon
        if not self._map.is_identity:
            points = [self._map.to_stored(*point) for point in points]
        xs, ys = {x for x, _ in points}, {y for _, y in points}
        if len(xs) <= 2 and len(ys) <= 2:  # noqa: PLR2004 - two sides
            return (min(xs), min(ys), max(xs), max(ys)) if points else (0, 0, 0, 0)
        return [coordinate for point in points for coordinate in point]


def _rounded(confidence: float | None) -> float | None:
    # Not a number has no place in JSON.
    return None if confidence is None or confidence != confidence else round(confidence, 3)  # noqa: PLR0124
