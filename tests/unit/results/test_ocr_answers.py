"""Answers of ocr/v1, wherever results go."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import pyarrow as pa
import pytest
from journaled import failed, read
from ocr_results import NAMES, RICH, SPANS, result_of
from ocr_results import page as page_of

from vision_grpc import ImageResult
from vision_grpc.arrow import to_batch
from vision_grpc.bulk.journal.line import Answers, LineWriter
from vision_grpc.bulk.journal.reader import decode_line
from vision_grpc.errors import Code, ProtocolError
from vision_grpc.exports import alto, csv, hocr, page, tsv, words
from vision_grpc.messages import OcrTextAnnotation, RecognizeTextResponse, Status
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.pixels import MappedOutcome, PixelMap


def _polygon(left: int, top: int, right: int, bottom: int) -> dict[str, object]:
    return {
        "vertices": [{"x": left, "y": top}, {"x": right, "y": top}, {"x": right, "y": bottom}, {"x": left, "y": bottom}]
    }


def _pages() -> list[bytes]:
    words = [
        {"text": "one", "bounding_box": _polygon(10, 20, 30, 40)},
        {"text": "two", "bounding_box": _polygon(40, 20, 60, 40)},
    ]
    text = OcrTextAnnotation(
        width=100,
        height=200,
        markdown="# one two",
        blocks=[{"languages": [{"language_code": "en"}], "lines": [{"words": words}]}],  # type: ignore[list-item]
        tables=[{"bounding_box": _polygon(10, 20, 60, 40), "row_count": 1, "cells": [{"text": "one"}]}],  # type: ignore[list-item]
    )
    return [RecognizeTextResponse(text_annotation=text, page=1).SerializeToString()]


def _result(status: Status | None = None) -> ImageResult:
    outcome = OcrOutcome(_pages(), status)
    return ImageResult("a.png", outcome, outcome.error(), attempts=1)


@pytest.mark.parametrize("answers", ["wire", "json"])
@pytest.mark.parametrize("status", [None, Status(code=Code.INVALID_ARGUMENT, message="page 2 is damaged")])
def test_a_line_of_a_journal_keeps_all_of_it(answers: Answers, status: Status | None) -> None:
    result = _result(status)
    content = LineWriter(answers).render(result)
    assert b"NaN" not in content
    line = decode_line(content)
    assert line is not None
    again = line.image_result()
    assert (again.text, again.markdown, again.ok) == ("one two", "# one two", status is None)
    assert [table.rows() for table in again.tables] == [[["one"]]]
    assert again.raw == result.raw
    assert [(word.text, word.confidence, word.box) for word in again.words()] == [
        ("one", None, (10, 20, 30, 40)),
        ("two", None, (40, 20, 60, 40)),
    ]
    assert again.error == (None if status is None else result.error)
    if answers == "json":
        assert json.loads(content)["pages"][0]["textAnnotation"]["markdown"] == "# one two"


def test_an_answer_of_the_older_api_has_no_pages_in_its_line() -> None:
    assert b'"pages"' not in LineWriter("json").render(ImageResult("a.png"))


def test_boxes_of_a_scaled_picture_are_put_back_in_tables_too() -> None:
    result = _result()
    assert result.outcome is not None
    mapped = replace(result, outcome=MappedOutcome(result.outcome, PixelMap((100, 200), (200, 400))))
    assert [tuple(word.box) for word in mapped.words()] == [(20, 40, 60, 80), (80, 40, 120, 80)]
    assert [tuple(table.box) for table in mapped.tables] == [(20, 40, 120, 80)]
    [page] = mapped.raw
    assert isinstance(page, RecognizeTextResponse)
    assert (page.text_annotation.width, page.text_annotation.height) == (200, 400)
    assert tuple(result.tables[0].box) == (10, 20, 60, 40)


def test_confidence_is_null_in_arrow() -> None:
    [row] = pa.Table.from_batches([to_batch(_result(), detail="words")]).to_pylist()
    words = [
        word for page in row["pages"] for block in page["blocks"] for line in block["lines"] for word in line["words"]
    ]
    assert [(word["text"], word["confidence"]) for word in words] == [("one", None), ("two", None)]


@pytest.mark.parametrize("export", [alto, csv, hocr, page, tsv, words])
def test_no_export_makes_up_a_confidence(export: Callable[[ImageResult], Iterable[bytes]]) -> None:
    text = b"".join(export(_result())).decode()
    assert "one" in text
    for made_up in ("nan", "NaN", "WC=", "x_wconf", "conf=", "\t0.000000\t", ",0,"):
        assert made_up not in text


def test_a_table_of_any_shape_has_rows() -> None:
    from vision_grpc.messages import OcrTable
    from vision_grpc.results.documents import Table

    assert Table(OcrTable(), 1).rows() == []
    assert Table(OcrTable(row_count=2**60, column_count=2**60), 1).rows() == []
    cells = [{"row_index": -1, "text": "x"}, {"row_index": 1, "column_index": 1, "text": "y"}]
    assert Table(OcrTable(cells=cells), 1).rows() == [["", ""], ["", "y"]]  # type: ignore[arg-type]


def test_damaged_pages_are_a_protocol_error() -> None:
    outcome = OcrOutcome([b"\x0a\x05\xff"])
    with pytest.raises(ProtocolError):
        outcome.message()
    assert ImageResult("a.png", outcome).check().error is not None


def test_plain_values_have_what_the_api_has() -> None:
    plain = result_of("a.png", RICH, page_of(1, "more")).to_dict()
    assert (plain["markdown"], plain["full_text"], plain["rotation"]) == (
        RICH.text_annotation.markdown,
        "text\n\n\nmore\n",
        90,
    )
    [table] = plain["tables"]
    assert (table["page"], table["rows"], table["box"]) == (1, [["a", "b"]], [10, 10, 300, 100])
    assert table["cells"][1] == {
        "row": 0, "column": 1, "row_span": 1, "column_span": 1, "text": "b", "box": [0, 0, 0, 0], "polygon": [],
    }  # fmt: skip
    assert [(each["page"], each["score"], each["box"]) for each in plain["pictures"]] == [(1, 0.75, [5, 6, 70, 80])]
    json.dumps(plain, allow_nan=False)
    empty: dict[str, object] = {"markdown": None, "full_text": None, "rotation": None, "tables": [], "pictures": []}
    assert empty.items() <= read("a.png", "one").to_dict().items()
    assert "tables" not in result_of("a.png", RICH).to_dict(detail="text")


def test_arrow_has_what_the_api_has() -> None:
    results = [result_of("a.png", RICH), read("b.png", "one"), result_of("c.pdf", SPANS, NAMES), failed("d.png")]
    batch = to_batch(results, detail="words")
    batch.validate(full=True)
    first, vision, both, bad = batch.to_pylist()
    assert (first["markdown"], first["full_text"], first["rotation"]) == (RICH.text_annotation.markdown, "text\n", 90)
    assert first["tables"] == [
        {
            "page": 1, "row_count": 1, "column_count": 2, "box": [10, 10, 300, 100],
            "cells": [
                {"row": 0, "column": 0, "row_span": 1, "column_span": 1, "text": "a", "box": None},
                {"row": 0, "column": 1, "row_span": 1, "column_span": 1, "text": "b", "box": None},
            ],
        }
    ]  # fmt: skip
    for row in (vision, bad):
        assert [row[name] for name in ("markdown", "full_text", "rotation", "tables")] == [None] * 4
    assert [(table["page"], len(table["cells"])) for table in both["tables"]] == [(1, 7), (2, 6)]
    assert both["tables"][0]["cells"][0]["row_span"] == 2
    assert to_batch(results, detail="text").schema.names == to_batch(results[1], detail="text").schema.names
