"""PDFs through both calls of ocr/v1, by our client: what is read, and what is said of the rest."""

from collections.abc import Iterator

import pytest
from documents import PdfPage, make_pdf, text

from vision_grpc import Image, VisionClient
from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Page, TextAnnotation

ONE = PdfPage(text("one"))
TWO = make_pdf([ONE, ONE])
PDFS = {
    "no page": make_pdf([]),
    "one page": make_pdf([ONE]),
    "two pages": TWO,
    "201 pages": make_pdf([ONE] * 201),
    "encrypted": make_pdf([ONE], opened_by="secret"),
    "cut": TWO[: len(TWO) // 2],
    "a signature": b"%PDF-1.7\n",
}
DAMAGED = "the PDF is damaged: save or copy it again"
FAILURES = {
    "no page": "the PDF has no pages",
    "encrypted": "the PDF is encrypted and needs a password",
    "cut": DAMAGED,
    "a signature": DAMAGED,
}


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation(pages=[Page(width=1, height=1)]))) as service:
        yield service


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize(
    ("deferred", "pages", "failures"),
    [
        (False, {"one page": 1}, {"two pages": "this call reads one", "201 pages": "this call reads one"}),
        (True, {"one page": 1, "two pages": 2}, {"201 pages": "at most 200 are read: split it"}),
    ],
    ids=["while the call waits", "deferred"],
)
def test_each_pdf_has_its_pages_or_one_clear_error(
    vision: LocalVision,
    transport: str,
    *,
    deferred: bool,
    pages: dict[str, int],
    failures: dict[str, str],
) -> None:
    endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
    images = [Image(name, content) for name, content in PDFS.items()]
    with VisionClient(endpoint, transport=transport, api="ocr/v1", insecure=True) as client:  # type: ignore[arg-type]
        results = {result.key: result for result in client.analyze_many(images, deferred=deferred)}
    assert {name: len(result.pages) for name, result in results.items() if result.ok} == pages
    errors = {name: result.error for name, result in results.items() if result.error is not None}
    assert {error.code for error in errors.values()} == {Code.INVALID_ARGUMENT}
    assert errors.keys() == (FAILURES | failures).keys()
    for name, says in (FAILURES | failures).items():
        assert says in errors[name].message
        assert (results[name].attempts, bool(results[name].operation_id)) == (1, deferred)
