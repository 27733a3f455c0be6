"""The columns of what ocr/v1 finds beside words: Markdown, its own text, rotation, and tables nested in tables."""

from array import array
from typing import Any

from vision_grpc.arrow.buffers import integers_array, lists_array, nullable_texts_array, structs_array, texts_array
from vision_grpc.arrow.corners import clip
from vision_grpc.arrow.schema import CELL, TABLE
from vision_grpc.arrow.untyped import pa
from vision_grpc.results.documents import Recognized, Table
from vision_grpc.results.layout import Area, Box
from vision_grpc.texts.strict import to_strict

_CELL_BYTES = 100


class DocumentColumns:
    """Collects them result by result; all are null of an answer of vision/v1."""

    def __init__(self) -> None:
        self._markdown: list[bytes | None] = []
        self._full_text: list[bytes | None] = []
        self._rotation: list[int | None] = []
        self._tables: list[list[Table] | None] = []
        self.bytes = 0
        """About how many bytes they have in memory."""

    def add(self, found: Recognized | None) -> None:
        """Append what one more answer has, None for one that is not of ocr/v1."""
        markdown, full_text = (None, None) if found is None else (found.markdown, found.full_text)
        self._markdown.append(_utf8(markdown))
        self._full_text.append(_utf8(full_text))
        self._rotation.append(None if found is None else found.rotation)
        tables = None if found is None else [*found.tables]
        self._tables.append(tables)
        cells = sum(len(table.cells) for table in tables or ())
        self.bytes += len(markdown or "") + len(full_text or "") + cells * _CELL_BYTES

    def array(self, name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the pyarrow Array of a column.

        Raises:
            OverflowError: it has more than 2 GB.
        """
        if name == "rotation":
            return integers_array(self._rotation)
        if name == "tables":
            return self._tables_array()
        return nullable_texts_array(self._markdown if name == "markdown" else self._full_text, pa.string())

    def _tables_array(self) -> Any:  # noqa: ANN401
        tables = [table for each in self._tables for table in each or ()]
        cells = [cell for table in tables for cell in table.cells]
        numbers = [
            integers_array([clip(getattr(cell, name)) for cell in cells])
            for name in ("row_index", "column_index", "row_span", "column_span")
        ]
        texts = texts_array([cell.text.encode() for cell in cells], pa.string())
        inner = structs_array(CELL, [*numbers, texts, _boxes([Area(cell) for cell in cells])])
        outer = [
            integers_array([clip(table.page) for table in tables]),
            integers_array([clip(table.message.row_count) for table in tables]),
            integers_array([clip(table.message.column_count) for table in tables]),
            _boxes(tables),
            lists_array([len(table.cells) for table in tables], inner),
        ]
        is_null = [each is None for each in self._tables]
        counts = [len(each or ()) for each in self._tables]
        return lists_array(counts, structs_array(TABLE, outer), is_null=is_null if any(is_null) else None)


def _boxes(areas: "list[Area] | list[Table]") -> Any:  # noqa: ANN401
    """Return left, top, right and bottom of areas, null of one without corners."""
    boxes: list[Box | None] = [area.box if area.polygon else None for area in areas]
    flat = array("i", [clip(side) for box in boxes if box is not None for side in box])
    counts = [0 if box is None else len(box) for box in boxes]
    is_null = [box is None for box in boxes]
    return lists_array(counts, integers_array(flat), is_null=is_null if any(is_null) else None)


def _utf8(text: str | None) -> bytes | None:
    return None if text is None else to_strict(text).encode()
