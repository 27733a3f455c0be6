"""The cells of a table of ocr/v1 as a whole grid, whatever the answer says."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vision_grpc import messages

# More cells than a page has room for: a damaged answer must not cost all memory. These take 30 MB.
_MOST_CELLS = 100_000


class Cell(NamedTuple):
    """A cell at its place, counted from 0."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str


def grid_of(table: "messages.OcrTable") -> list[list[Cell]]:
    """Return the cells that begin in each row; see `Table.grid`. A table beyond 100,000 cells has none."""
    cells: dict[tuple[int, int], Cell] = {}
    for message in table.cells:
        place = message.row_index, message.column_index
        if min(place) >= 0:
            cell = Cell(*place, max(message.row_span, 1), max(message.column_span, 1), message.text)
            other = cells.get(place)
            cells[place] = cell if other is None else other._replace(text=f"{other.text}\n{cell.text}".strip("\n"))
    height = max((row + 1 for row, _ in cells), default=0)
    width = max((column + 1 for _, column in cells), default=0)
    stated = max(height, table.row_count), max(width, table.column_count)
    # A count that cannot be true is passed over, its cells are not.
    height, width = stated if stated[0] * stated[1] <= _MOST_CELLS else (height, width)
    if not height or not width or height * width > _MOST_CELLS:
        return []
    covered: set[tuple[int, int]] = set()
    return [[*_row(row, (height, width), cells, covered)] for row in range(height)]


def _row(
    row: int, size: tuple[int, int], cells: dict[tuple[int, int], Cell], covered: set[tuple[int, int]]
) -> Iterator[Cell]:
    """Yield the cells that begin in a row, and note what they cover."""
    height, width = size

    def is_free(at: int, column: int) -> bool:
        return (at, column) not in cells and (at, column) not in covered

    for column in range(width):
        if (row, column) in covered:
            continue
        cell = cells.get((row, column), Cell(row, column, 1, 1, ""))
        right, below = column + 1, row + 1
        while right < min(column + cell.column_span, width) and is_free(row, right):
            right += 1
        while below < min(row + cell.row_span, height) and all(is_free(below, each) for each in range(column, right)):
            below += 1
        covered.update((at, each) for at in range(row, below) for each in range(column, right))
        yield cell._replace(row_span=below - row, column_span=right - column)
