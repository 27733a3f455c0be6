"""What ocr/v1 reads beside the words, as plain values. docs/results.md says what each field is."""

from typing import TYPE_CHECKING, Any

from vision_grpc.errors import ProtocolError
from vision_grpc.results.documents import Picture, Recognized, Table
from vision_grpc.results.layout import Area, in_range
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc import messages
    from vision_grpc.results.result import Outcome


def plain_documents(outcome: "Outcome | None") -> dict[str, Any]:
    """Return the fields of an answer that vision/v1 has not; they are None or empty where it answered."""
    try:
        found = Recognized.of(outcome)
    except ProtocolError:  # The words could be read.
        found = Recognized([])
    return {
        "markdown": _text(found.markdown),
        "full_text": _text(found.full_text),
        "rotation": found.rotation,
        "tables": [_table(table) for table in found.tables],
        "pictures": [_picture(picture) for picture in found.pictures],
    }


def _text(text: str | None) -> str | None:
    return None if text is None else to_strict(text)


def _table(table: Table) -> dict[str, Any]:
    return {
        "page": table.page,
        "rows": table.rows(),
        **_place(table),
        "cells": [_cell(cell) for cell in table.cells],
    }


def _cell(cell: "messages.OcrTableCell") -> dict[str, Any]:
    return {
        "row": cell.row_index,
        "column": cell.column_index,
        "row_span": cell.row_span,
        "column_span": cell.column_span,
        "text": cell.text,
        **_place(Area(cell)),
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {"page": picture.page, "score": in_range(picture.score), **_place(picture)}


def _place(area: Area) -> dict[str, Any]:
    return {"box": [*area.box], "polygon": [[*corner] for corner in area.polygon]}
