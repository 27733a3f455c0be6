"""What ocr/v1 reads beside the words: tables and pictures, with boxes as numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from vision_grpc.results.grid import Cell, grid_of
from vision_grpc.results.layout import Area
from vision_grpc.results.ocr_pages import page_numbers, read_pages

if TYPE_CHECKING:
    from vision_grpc import messages
    from vision_grpc.results.result import Outcome


class Table(Area, frozen=True, gc=False):
    """A table: its cells, and where it lies on its page."""

    message: "messages.OcrTable"
    """The protobuf message."""

    page: int
    """The number of its page in the file, from 1."""

    @property
    def cells(self) -> Sequence["messages.OcrTableCell"]:
        """The messages of its cells, which say how many rows and columns each spans."""
        return self.message.cells

    def rows(self) -> list[list[str]]:
        """Return the texts, a list for each row; a cell that spans several has its text in the first alone."""
        grid = self.grid()
        width = sum(cell.column_span for cell in grid[0]) if grid else 0
        rows = [[""] * width for _ in grid]
        for row, cells in zip(rows, grid, strict=True):
            for cell in cells:
                row[cell.column] = cell.text
        return rows

    def grid(self) -> list[list[Cell]]:
        """Return the cells that begin in each row, so that together they cover the table and none covers another.

        Where the service has no cell there is an empty one; a span that reaches over another cell ends before it, and
        cells at the same place are one.
        """
        return grid_of(self.message)

    def __repr__(self) -> str:
        return f"Table({self.message.row_count} x {self.message.column_count}, box={tuple(self.box)})"


class Picture(Area, frozen=True, gc=False):
    """A picture on a page: where it lies, and how sure that is."""

    message: "messages.OcrPicture"
    """The protobuf message."""

    page: int
    """The number of its page in the file, from 1."""

    @property
    def score(self) -> float:
        """How sure it is that there is a picture, from 0 to 1."""
        return self.message.score

    def __repr__(self) -> str:
        return f"Picture(box={tuple(self.box)})"


class Recognized:
    """What the pages of ocr/v1 have; nothing where vision/v1 answered."""

    def __init__(self, pages: Sequence["messages.RecognizeTextResponse"]) -> None:
        self._numbers = page_numbers(pages)
        self._pages = [page.text_annotation for page in pages]

    @classmethod
    def of(cls, outcome: "Outcome | None") -> Self:
        """Return what an answer has; raises ProtocolError if that is damaged."""
        return cls([] if outcome is None else read_pages(outcome.wire()))

    @property
    def has_pages(self) -> bool:
        """Whether ocr/v1 answered."""
        return bool(self._pages)

    @property
    def markdown(self) -> str | None:
        """The text as Markdown, None where it was not asked for."""
        return self._joined("markdown")

    @property
    def full_text(self) -> str | None:
        """The text as the service joins it, None where it does not."""
        return self._joined("full_text")

    @property
    def tables(self) -> Sequence[Table]:
        """The tables of all pages."""
        numbered = zip(self._numbers, self._pages, strict=True)
        return [Table(table, number) for number, page in numbered for table in page.tables]

    @property
    def pictures(self) -> Sequence[Picture]:
        """The pictures of all pages."""
        numbered = zip(self._numbers, self._pages, strict=True)
        return [Picture(picture, number) for number, page in numbered for picture in page.pictures]

    @property
    def rotation(self) -> int | None:
        """By how many degrees the text of the first page is turned: 0, 90, 180 or 270; None where that is not known."""
        return _DEGREES.get(self._pages[0].rotate) if self._pages else None

    def _joined(self, name: str) -> str | None:
        texts: list[str] = [text for page in self._pages if (text := getattr(page, name))]
        return "\n\n".join(texts) if texts else None


# By the numbers of the enum Angle.
_DEGREES = {1: 0, 2: 90, 3: 180, 4: 270}
