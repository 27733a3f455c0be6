"""What ocr/v1 reads beside the words: tables and pictures, with boxes as numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vision_grpc.results.layout import Area

if TYPE_CHECKING:
    from vision_grpc import messages

# More cells than a page has room for: a damaged answer must not cost all memory.
_MOST_CELLS = 1_000_000


class Table(Area, frozen=True, gc=False):
    """A table: its cells, and where it lies on its page."""

    message: "messages.OcrTable"
    """The protobuf message."""

    @property
    def cells(self) -> Sequence["messages.OcrTableCell"]:
        """The messages of its cells, which say how many rows and columns each spans."""
        return self.message.cells

    def rows(self) -> list[list[str]]:
        """Return the texts, a list for each row; a cell that spans several has its text in the first alone."""
        cells = [cell for cell in self.cells if cell.row_index >= 0 and cell.column_index >= 0]
        height = max([self.message.row_count, *(cell.row_index + 1 for cell in cells)])
        width = max([self.message.column_count, *(cell.column_index + 1 for cell in cells)])
        if height * width > _MOST_CELLS:
            return []
        rows = [[""] * width for _ in range(height)]
        for cell in cells:
            rows[cell.row_index][cell.column_index] = cell.text
        return rows

    def __repr__(self) -> str:
        return f"Table({self.message.row_count} x {self.message.column_count}, box={tuple(self.box)})"


class Picture(Area, frozen=True, gc=False):
    """A picture on a page: where it lies, and how sure that is."""

    message: "messages.OcrPicture"
    """The protobuf message."""

    @property
    def score(self) -> float:
        """How sure it is that there is a picture, from 0 to 1."""
        return self.message.score

    def __repr__(self) -> str:
        return f"Picture(box={tuple(self.box)})"


class Recognized:
    """What the pages of ocr/v1 have; nothing where vision/v1 answered."""

    def __init__(self, pages: Sequence[Any]) -> None:
        self._pages = [page.text_annotation for page in pages]

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
        return [Table(table) for page in self._pages for table in page.tables]

    @property
    def pictures(self) -> Sequence[Picture]:
        """The pictures of all pages."""
        return [Picture(picture) for page in self._pages for picture in page.pictures]

    @property
    def rotation(self) -> int | None:
        """By how many degrees the text of the first page is turned: 0, 90, 180 or 270; None where that is not known."""
        return _DEGREES.get(self._pages[0].rotate) if self._pages else None

    def _joined(self, name: str) -> str | None:
        texts = [text for page in self._pages if (text := getattr(page, name))]
        return "\n\n".join(texts) if texts else None


# By the numbers of the enum Angle.
_DEGREES = {1: 0, 2: 90, 3: 180, 4: 270}
