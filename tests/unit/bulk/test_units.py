"""What an image costs: before it is sent, and for its result."""

import sys

import pytest
from documents import PdfPage, make_pdf, text
from journaled import answer, failed, read

from vision_grpc.bulk.units import MOST_PAGES, most_units_of, units_of
from vision_grpc.codec.json import to_json
from vision_grpc.errors import Code
from vision_grpc.messages import RecognizeTextResponse, Status
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.outcomes import JsonOutcome, WireOutcome


def pages(count: int, status: Status | None = None) -> OcrOutcome:
    numbered = [RecognizeTextResponse(page=number + 1) for number in range(count)]
    for page in numbered:
        page.text_annotation.blocks.add().lines.add(text="text")
    return OcrOutcome([page.SerializeToString() for page in numbered], status)


def test_an_image_that_was_read_costs_a_unit() -> None:
    assert units_of(read("a", "text")) == 1
    assert units_of(ImageResult("a", JsonOutcome(to_json(answer("text"))))) == 1
    assert units_of(ImageResult("a", pages(1))) == 1
    assert units_of(failed("a")) == 0


def test_a_document_costs_a_unit_a_page() -> None:
    assert units_of(ImageResult("a", pages(12))) == 12


def test_pages_that_came_before_an_error_are_billed() -> None:
    error = ImageError(Code.INTERNAL, "broke off")
    assert units_of(ImageResult("a", pages(3, Status(code=13, message="broke off")), error)) == 3


def test_a_damaged_answer_is_billed_once() -> None:
    assert units_of(ImageResult("a", WireOutcome(b"\xff", has_error=False))) == 1


@pytest.mark.parametrize("count", [1, 12])
def test_pages_of_a_document_are_counted(count: int) -> None:
    assert most_units_of(make_pdf([PdfPage(text("page"))] * count)) == count


def test_a_document_that_cannot_be_opened_may_have_as_many_as_any() -> None:
    assert most_units_of(b"%PDF-1.7 and no more") == MOST_PAGES
    assert most_units_of(make_pdf([PdfPage(text("page"))], count=1_000_000)) == MOST_PAGES


def test_without_pdfium_a_document_may_have_as_many_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    monkeypatch.setattr("vision_grpc.sources.containers.pdf.document.Document.count_pages", _import_pdfium)
    assert most_units_of(make_pdf([PdfPage(text("page"))])) == MOST_PAGES


def _import_pdfium(_: object) -> int:
    import pypdfium2  # noqa: F401

    return 1


def test_an_image_is_a_unit() -> None:
    assert most_units_of(b"\x89PNG and so on") == 1
