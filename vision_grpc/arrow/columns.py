"""The nested column of pages, collected result by result."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vision_grpc.arrow.areas import Areas, FlatPage
from vision_grpc.arrow.buffers import Floats, Texts, lists_array, numbers_array, structs_array
from vision_grpc.arrow.corners import clip
from vision_grpc.arrow.quads import NUMBERS
from vision_grpc.arrow.schema import BLOCK, LINE, PAGE, WORD
from vision_grpc.arrow.untyped import pc

_SIDES = 4
_CHUNK = 16_384
# Confidence, counts and box.
_AREA_BYTES = 36


class PageColumn:
    """Collects the pages of results."""

    def __init__(self) -> None:
        self._page_counts: list[int] = []
        self._is_null: list[bool] = []
        self._widths, self._heights = array("i"), array("i")
        self._block_counts, self._line_counts, self._word_counts = array("i"), array("i"), array("i")
        self._blocks, self._lines, self._words = _AreaColumns(), _AreaColumns(), _AreaColumns()

    def add(self, pages: Sequence[FlatPage] | None) -> None:
        """Append the pages of one more result, None for one whose text was not read."""
        self._is_null.append(pages is None)
        self._page_counts.append(0 if pages is None else len(pages))
        for page in pages or ():
            self._widths.append(clip(page.width))
            self._heights.append(clip(page.height))
            self._block_counts.append(len(page.line_counts))
            self._line_counts.extend(page.line_counts)
            self._word_counts.extend(page.word_counts)
            self._blocks.add(page.blocks)
            self._lines.add(page.lines)
            self._words.add(page.words)

    @property
    def bytes(self) -> int:
        """About how many bytes they have in memory."""
        return self._blocks.bytes + self._lines.bytes + self._words.bytes

    def array(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the pyarrow Array.

        Raises:
            OverflowError: it has more than 2 GB.
        """
        words = lists_array(self._word_counts, structs_array(WORD, self._words.arrays()))
        lines = lists_array(self._line_counts, structs_array(LINE, [*self._lines.arrays(), words]))
        blocks = lists_array(self._block_counts, structs_array(BLOCK, [*self._blocks.arrays(), lines]))
        sizes = [numbers_array([numbers]) for numbers in (self._widths, self._heights)]
        pages = structs_array(PAGE, [*sizes, blocks])
        return lists_array(self._page_counts, pages, is_null=self._is_null if any(self._is_null) else None)


class _AreaColumns:
    """Collects areas of one kind, as bytes: thousands of objects would be spread over fresh memory."""

    def __init__(self) -> None:
        self._texts, self._codes, self._confidences = Texts(), Texts(), Floats()
        self._code_counts, self._number_counts = array("i"), array("i")
        self._polygons: list[array[int]] = []
        self._quads: list[array[int]] = []
        self._polygon_bytes = 0

    @property
    def bytes(self) -> int:
        """About how many bytes they have in memory."""
        areas = len(self._number_counts) * _AREA_BYTES
        return areas + self._texts.bytes + self._codes.bytes + self._polygon_bytes

    def add(self, areas: Areas) -> None:
        """Append areas."""
        corners = areas.corners
        self._texts.add(areas.texts)
        self._confidences.add(areas.confidences)
        self._codes.add(areas.codes)
        self._code_counts += areas.code_counts
        self._number_counts += corners.counts
        self._polygons.append(corners.polygons)
        self._quads.append(corners.quads)
        self._polygon_bytes += len(corners.polygons) * corners.polygons.itemsize

    def arrays(self) -> list[Any]:
        """Return what `AREA_FIELDS` names."""
        return [
            self._texts.array(),
            self._confidences.array(),
            lists_array(self._code_counts, self._codes.array()),
            self._boxes(),
            lists_array(self._number_counts, numbers_array(self._polygons)),
        ]

    def _boxes(self) -> Any:  # noqa: ANN401
        """Return left, top, right and bottom of areas, null of one without corners."""
        boxes = numbers_array([*map(_boxes_of, _chunks(self._quads))])
        least = pc.min(numbers_array([self._number_counts])).as_py()
        is_null = [count == 0 for count in self._number_counts] if least == 0 else None
        return lists_array(array("i", [_SIDES]) * len(self._number_counts), boxes, is_null=is_null)


def _chunks(pieces: "Iterable[array[int]]") -> "Iterator[array[int]]":
    """Yield the numbers of arrays in portions that stay in the caches of a processor."""
    chunk = array("i")
    for piece in pieces:
        chunk += piece
        if len(chunk) >= _CHUNK:
            yield chunk
            chunk = array("i")
    yield chunk


def _boxes_of(quads: "array[int]") -> "array[int]":
    """Return left, top, right and bottom of the corners of areas, four of each."""
    xs, ys = ([numbers_array([quads[start + axis :: NUMBERS]]) for start in range(0, NUMBERS, 2)] for axis in (0, 1))
    sides = (pc.min_element_wise(*xs), pc.min_element_wise(*ys), pc.max_element_wise(*xs), pc.max_element_wise(*ys))
    flat = quads[: len(quads) // 2]
    for place, side in enumerate(sides):
        flat[place::_SIDES] = array("i", side.buffers()[1][: len(side) * flat.itemsize].to_pybytes())
    return flat
