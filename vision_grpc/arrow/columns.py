"""The nested column of pages, collected result by result."""

from array import array
from collections.abc import Sequence
from typing import Any

from vision_grpc.arrow.areas import Areas, FlatPage
from vision_grpc.arrow.buffers import floats_array, lists_array, numbers_array, structs_array, texts_array
from vision_grpc.arrow.corners import clip
from vision_grpc.arrow.quads import NUMBERS
from vision_grpc.arrow.schema import BLOCK, LINE, PAGE, WORD
from vision_grpc.arrow.untyped import pa, pc

_SIDES = 4


class PageColumn:
    """Collects the pages of results."""

    def __init__(self) -> None:
        self._page_counts: list[int] = []
        self._is_null: list[bool] = []
        self._sizes: list[tuple[int, int]] = []
        self._block_counts: list[int] = []
        self._line_counts: list[int] = []
        self._word_counts: list[int] = []
        self._blocks, self._lines, self._words = Areas(), Areas(), Areas()

    def add(self, pages: Sequence[FlatPage] | None) -> None:
        """Append the pages of one more result, None for one whose text was not read."""
        self._is_null.append(pages is None)
        self._page_counts.append(0 if pages is None else len(pages))
        for page in pages or ():
            self._sizes.append((page.width, page.height))
            self._block_counts.append(len(page.line_counts))
            self._line_counts += page.line_counts
            self._word_counts += page.word_counts
            self._blocks.extend(page.blocks)
            self._lines.extend(page.lines)
            self._words.extend(page.words)

    @property
    def bytes(self) -> int:
        """About how many bytes they have in memory."""
        return self._blocks.bytes + self._lines.bytes + self._words.bytes

    def array(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the pyarrow Array."""
        words = lists_array(self._word_counts, structs_array(WORD, _area_arrays(self._words)))
        lines = lists_array(self._line_counts, structs_array(LINE, [*_area_arrays(self._lines), words]))
        blocks = lists_array(self._block_counts, structs_array(BLOCK, [*_area_arrays(self._blocks), lines]))
        sizes = [numbers_array(array("i", [clip(size[side]) for size in self._sizes])) for side in (0, 1)]
        pages = structs_array(PAGE, [*sizes, blocks])
        return lists_array(self._page_counts, pages, is_null=self._is_null if any(self._is_null) else None)


def _area_arrays(areas: Areas) -> list[Any]:
    """Return what `AREA_FIELDS` names."""
    return [
        texts_array(areas.texts, pa.string()),
        floats_array(areas.confidences),
        lists_array(areas.code_counts, texts_array(areas.codes, pa.string())),
        _boxes(areas),
        lists_array(areas.number_counts, numbers_array(areas.polygons)),
    ]


def _boxes(areas: Areas) -> Any:  # noqa: ANN401
    """Return left, top, right and bottom of areas, null of one without corners."""
    number = len(areas.number_counts)
    xs, ys = (
        [numbers_array(areas.quads[start + axis :: NUMBERS]) for start in range(0, NUMBERS, 2)] for axis in (0, 1)
    )
    sides = (pc.min_element_wise(*xs), pc.min_element_wise(*ys), pc.max_element_wise(*xs), pc.max_element_wise(*ys))
    flat = array("i", bytes(_SIDES * number * array("i").itemsize))
    for place, side in enumerate(sides):
        flat[place::_SIDES] = array("i", side.buffers()[1].to_pybytes()[: number * flat.itemsize])
    is_null = [count == 0 for count in areas.number_counts] if 0 in areas.number_counts else None
    return lists_array([_SIDES] * number, numbers_array(flat), is_null=is_null)
