"""Results of ocr/v1, written by hand as the vendor's documentation has them: the local service finds no tables."""

from collections.abc import Sequence
from typing import Any

from vision_grpc import ImageResult
from vision_grpc.messages import (
    OcrPicture,
    OcrPolygon,
    OcrTable,
    OcrTextAnnotation,
    OcrVertex,
    RecognizeTextResponse,
    Status,
)
from vision_grpc.results.ocr_outcome import OcrOutcome

Corners = tuple[int, int, int, int]


def polygon(left: int, top: int, right: int, bottom: int) -> OcrPolygon:
    """Return a box, its corners in the service's order."""
    corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
    return OcrPolygon(vertices=[OcrVertex(x=x, y=y) for x, y in corners])


def page(number: int, *lines: str, size: tuple[int, int] = (400, 200), **more: Any) -> RecognizeTextResponse:  # noqa: ANN401
    """Return a page of a block with these lines, 30 pixels below each other, whose words are 50 pixels wide."""
    text = OcrTextAnnotation(width=size[0], height=size[1], full_text="".join(f"{line}\n" for line in lines))
    if lines:
        block = text.blocks.add(languages=[{"language_code": "en"}])
        for row, line in enumerate(lines):
            top = 10 + 30 * row
            words = line.split()
            made = block.lines.add(text=line, bounding_box=polygon(10, top, 10 + 60 * len(words), top + 20))
            for place, word in enumerate(words):
                box = polygon(10 + 60 * place, top, 60 + 60 * place, top + 20)
                made.words.add(text=word, bounding_box=box, entity_index=-1)
    text.MergeFrom(OcrTextAnnotation(**more))
    return RecognizeTextResponse(page=number, text_annotation=text)


def table(rows: int, columns: int, cells: Sequence[tuple[int, int, str] | tuple[int, int, str, int, int]]) -> OcrTable:
    """Return a table of cells: row, column, text, and how many rows and columns it spans."""
    made = OcrTable(row_count=rows, column_count=columns, bounding_box=polygon(10, 10, 300, 100))
    for row, column, text, *spans in cells:
        row_span, column_span = spans or (1, 1)
        made.cells.add(row_index=row, column_index=column, text=text, row_span=row_span, column_span=column_span)
    return made


def result_of(key: str, *pages: RecognizeTextResponse, status: Status | None = None) -> ImageResult:
    """Return the result of a file with these pages."""
    outcome = OcrOutcome([each.SerializeToString() for each in pages], status)
    return ImageResult(key, outcome, outcome.error(), attempts=1, transport="grpc", request_id="r-1")


NAMES = page(
    0,
    "Фамилия Имя Отчество",
    "Иванов Иван Иванович",
    size=(724, 131),
    tables=[
        table(2, 3, [(0, 0, "Фамилия"), (0, 1, "Имя"), (0, 2, "Отчество"),
                     (1, 0, "Иванов"), (1, 1, "Иван"), (1, 2, "Иванович")])
    ],
)  # fmt: skip
"""The answer of the guide to the model `table`, https://yandex.cloud/docs/vision/operations/ocr/text-detection-table."""

SPANS = page(
    0,
    "Invoice",
    tables=[
        table(4, 3, [(0, 0, "Goods", 2, 1), (0, 1, "Price", 1, 2), (1, 1, "net"), (1, 2, "gross"),
                     (2, 0, "Bolts,\nlong"), (2, 2, '"12,5"'), (3, 0, "=SUM(A1)", 1, 3)])
    ],
)  # fmt: skip

BOOK = [page(number, f"page {number + 1}", "has words", size=(595, 842)) for number in range(12)]

RICH = page(
    0, "text", markdown="# text\n\n| a | b |\n|---|---|\n| 1 | 2 |", rotate=2,
    tables=[table(1, 2, [(0, 0, "a"), (0, 1, "b")])],
    pictures=[OcrPicture(bounding_box=polygon(5, 6, 70, 80), score=0.75)],
)  # fmt: skip
