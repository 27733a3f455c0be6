"""The cells of a table of ocr/v1 as a whole grid, whatever the answer says."""

from collections.abc import Iterator, Sequence
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
    """Return the cells that begin in each row; see `Table.grid`. Cells beyond a table of 100,000 are left out."""
    found: dict[tuple[int, int], list[messages.OcrTableCell]] = {}
    height = width = 0
    for message in table.cells:
        place = message.row_index, message.column_index
        higher, wider = max(height, place[0] + 1), max(width, place[1] + 1)
        if min(place) >= 0 and higher * wider <= _MOST_CELLS:
            height, width = higher, wider
            found.setdefault(place, []).append(message)
    cells = {place: _cell(place, at_place) for place, at_place in found.items()}
    stated = max(height, table.row_count), max(width, table.column_count)
    # A count that cannot be true is passed over, its cells are not.
    height, width = stated if stated[0] * stated[1] <= _MOST_CELLS else (height, width)
    if not width:
        return []
    covered: set[tuple[int, int]] = set()
    return [[*_row(row, (height, width), cells, covered)] for row in range(height)]


def _cell(place: tuple[int, int], found: "Sequence[messages.OcrTableCell]") -> Cell:
    """Return the cell of those that are at one place: it spans what the first does, and has the texts of all."""
    text = "\n".join([message.text for message in found if message.text])
    return Cell(*place, max(found[0].row_span, 1), max(found[0].column_span, 1), text)


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
