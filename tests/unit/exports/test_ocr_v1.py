"""Results of ocr/v1 in every format: several pages a result, and no confidence anywhere."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from document_results import schema
from documents import PdfPage, make_pdf, text
from lxml import etree
from ocr_results import BOOK, NAMES, RICH, page, result_of
from pdf_words import find_words, read_lines
from PIL import Image

from vision_grpc import exports
from vision_grpc.exports.documents import pages_of
from vision_grpc.exports.pictures.confidence import UNKNOWN, band_of
from vision_grpc.exports.pictures.overlays import overlay
from vision_grpc.messages import RecognizeTextResponse, Status
from vision_grpc.results import ImageResult

_DOCUMENT = result_of("book.pdf", *BOOK)
_TEXTS = [f"page {number + 1}\nhas words" for number in range(12)]


def made(kind: str, *results: ImageResult) -> str:
    return b"".join(exports.KINDS[kind].writer()(results)).decode()


def test_pages_stand_alone_with_all_that_they_have() -> None:
    first = page(0, "one", markdown="# one", rotate=3)
    second = page(1, "two", tables=[{"row_count": 1}])
    pages = [*pages_of(result_of("a.pdf", first, second))]
    assert [each.key for each in pages] == ["a.pdf#page=1", "a.pdf#page=2"]
    assert [[*each.raw] for each in pages] == [[first], [second]]
    assert [(each.text, each.markdown, each.rotation, len(each.tables)) for each in pages] == [
        ("one", "# one", 180, 0), ("two", None, None, 1),
    ]  # fmt: skip
    assert not any(each.has_confidence for each in pages)


@pytest.mark.parametrize(
    ("numbers", "keys"), [([0, 1, 3], [1, 2, 4]), ([1, 2, 4], [1, 2, 4]), ([7, 7], [1, 2]), ([-1, 0], [1, 2])]
)
def test_pages_keep_their_numbers(numbers: list[int], keys: list[int]) -> None:
    result = result_of("a.pdf", *(page(number, "text") for number in numbers))
    assert [each.key for each in pages_of(result)] == [f"a.pdf#page={key}" for key in keys]


def test_every_page_is_in_every_format() -> None:
    assert re.findall("image &quot;(.*?)&quot;.*ppageno ([0-9]+)", made("hocr", _DOCUMENT)) == [
        (f"book.pdf#page={number + 1}", str(number)) for number in range(12)
    ]
    alto = made("alto", _DOCUMENT)
    assert re.findall('<Page ID="page_([0-9]+)"', alto) == [str(number + 1) for number in range(12)]
    assert [row[1] for row in _rows(made("tsv", _DOCUMENT), "\t") if row[0] == "1"] == [*map(str, range(1, 13))]
    words = _rows(made("words", _DOCUMENT), ",")[1:]
    assert [(row[1], row[5]) for row in words] == [
        (str(number), word) for number in range(1, 13) for word in ("page", str(number), "has", "words")
    ]
    for kind in ("txt", "full-text", "markdown"):
        found = [made(kind, _DOCUMENT).find(f"page {number}") for number in range(1, 13)]
        assert sorted(found) == found != [-1] * 12
    [_, row] = _rows(made("csv", _DOCUMENT), ",")
    assert row[4] == "\n\n".join(_TEXTS)


def test_a_folder_has_a_page_xml_a_page(tmp_path: Path) -> None:
    exports.write(f"{tmp_path}/", "page", _DOCUMENT)
    files = sorted(tmp_path.iterdir(), key=lambda file: int(re.findall("[0-9]+", file.name)[0]))
    assert [file.name for file in files] == [f"book.pdf#page={number}.page.xml" for number in range(1, 13)]
    assert "has words" in files[11].read_text()


def _rows(table: str, separator: str) -> list[list[str]]:
    return [*csv.reader(io.StringIO(table, newline=""), delimiter=separator)]


@pytest.mark.parametrize("kind", ["hocr", "alto", "page", "csv", "words", "tsv"])
def test_there_is_no_confidence(kind: str) -> None:
    document = made(kind, result_of("a.png", NAMES))
    assert "Иванович" in document
    assert not re.search(r"\bnan\b|\binf\b|x_wconf|WC=|conf=|confidence=", document, re.IGNORECASE)
    if kind in {"csv", "words"}:
        head, *rows = _rows(document, ",")
        assert {row[head.index("confidence" if kind == "words" else "mean_confidence")] for row in rows} == {""}
    if kind == "tsv":
        assert {row[10] for row in _rows(document, "\t")[1:]} == {"-1"}


@pytest.mark.parametrize(("kind", "name"), [("alto", "alto-4-4.xsd"), ("page", "page-2019-07-15.xsd")])
def test_the_schema_holds(kind: str, name: str) -> None:
    for each in (NAMES, RICH, page(0)):
        document = made(kind, result_of("a.png", each)).encode()
        assert schema(name).validate(etree.fromstring(document)), schema(name).error_log


def test_what_is_not_known_has_a_colour_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (400, 200), 255).save(path)
    result = result_of(str(path), page(0, "one two"))
    found = exports.Pictures().find(result)
    assert isinstance(found, exports.Picture)
    drawn = overlay(result, found, legend=True)
    colours = {colour for _, colour in drawn.getcolors(1 << 24) or ()}
    assert band_of(None) is UNKNOWN
    assert UNKNOWN.colour in colours
    assert not colours & {band_of(sure).colour for sure in (0.0, 0.7, 1.0)}
    report = b"".join(exports.report(result)).decode()
    assert '"mean":null,"doubtful":0' in report


def test_pages_of_a_report_are_those_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "book.pdf").write_bytes(make_pdf([PdfPage(text(f"page {number}")) for number in range(12)]))
    made = exports.Report(picture_folder=tmp_path, picture_side=100)
    html = b"".join(made.chunks(_DOCUMENT)).decode()
    assert made.images == 12
    assert html.count("data:image/jpeg;base64,") == 12
    assert not made.missing
    damaged = result_of("b.png", page(0, "text"), status=Status(code=3, message="page 2"))
    assert b"".join(exports.Report(picture_side=0).chunks(damaged)).count(b'data-kind="entry"') == 1


# Searchable PDFs


def _book(folder: Path, count: int = 12) -> None:
    drawn = [PdfPage(text(f"number {number + 1}"), Image.new("L", (2, 2), 20 * number)) for number in range(count)]
    (folder / "book.pdf").write_bytes(make_pdf(drawn))


def _searchable(folder: Path, results: Iterable[ImageResult]) -> tuple[Path, list[str]]:
    left_out: list[str] = []
    chunks = exports.searchable_pdf(
        results, pictures=exports.Pictures(folder), left_out=lambda result, why: left_out.append(f"{result.key}: {why}")
    )
    (folder / "out.pdf").write_bytes(b"".join(chunks))
    return folder / "out.pdf", left_out


def test_a_searchable_pdf_of_twelve_pages_has_each_in_its_place(tmp_path: Path) -> None:
    _book(tmp_path)
    path, left_out = _searchable(tmp_path, [_DOCUMENT])
    assert not left_out
    pages = find_words(path)
    # What the page itself says, and what was read.
    assert [{"number", "page", "has", "words"} <= {*each.texts} for each in pages] == [True] * 12
    assert [each.texts.count(str(number)) for number, each in enumerate(pages, 1)] == [2] * 12
    assert [each.size for each in pages] == [(595.0, 842.0)] * 12
    for each in pages:
        assert each.box("has") == pytest.approx((10, 40, 60, 60), abs=4)
    read = [line for line in read_lines(path, "-layout") if line.strip().startswith("page")]
    assert [" ".join(line.split()) for line in read] == [f"page {number}" for number in range(1, 13)]


def test_a_document_of_one_page_is_its_page(tmp_path: Path) -> None:
    _book(tmp_path, 1)
    path, left_out = _searchable(tmp_path, [result_of("book.pdf", BOOK[0])])
    assert not left_out
    assert [{"number", "page"} <= {*each.texts} for each in find_words(path)] == [True]


def test_pages_that_the_document_has_not_are_told_once(tmp_path: Path) -> None:
    _book(tmp_path, 3)
    path, left_out = _searchable(tmp_path, [_DOCUMENT])
    assert left_out == ["book.pdf: the document does not have this page"]
    assert len(find_words(path)) == 3


def test_a_page_at_another_resolution_and_a_turned_one_have_their_words_in_place(tmp_path: Path) -> None:
    turned = make_pdf([PdfPage(text("number 1")), PdfPage(text("number 2"), more=b"/Rotate 90")])
    (tmp_path / "book.pdf").write_bytes(turned)
    first, second = RecognizeTextResponse(), RecognizeTextResponse()
    first.CopyFrom(page(0, "large words", size=(1190, 1684)))
    second.CopyFrom(page(1, "turned words", size=(842, 595), rotate=2))
    path, left_out = _searchable(tmp_path, [result_of("book.pdf", first, second)])
    assert not left_out
    upright, on_its_side = find_words(path)
    assert upright.box("large") == pytest.approx((5, 5, 30, 15), abs=3)
    assert on_its_side.box("turned") == pytest.approx((10, 10, 60, 30), abs=4)


# Texts


def test_the_markdown_of_the_service_stays_as_it_is() -> None:
    assert made("markdown", result_of("a.png", RICH)) == "# text\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    both = made("markdown", result_of("a.png", RICH), result_of("b.png", page(0, "# no heading")))
    assert both.startswith("## a.png\n\n# text\n\n| a")
    assert both.endswith("## b.png\n\n\\# no heading\n")


def test_no_page_is_lost_of_which_the_service_says_nothing_itself() -> None:
    first = page(0, "one", markdown="# one\n", full_text="first\n")
    second = page(1, "# two")
    second.text_annotation.ClearField("full_text")
    whole = result_of("a.pdf", first, second)
    assert made("markdown", whole) == "# one\n\n\\# two\n"
    assert made("full-text", whole) == "first\n\n# two\n"


def test_the_full_text_of_the_service_is_taken() -> None:
    differs = page(0, "one", full_text="as the service\njoins it\n")
    assert made("full-text", result_of("a.png", differs)) == "as the service\njoins it\n"
    without = RecognizeTextResponse()
    without.CopyFrom(page(0, "one"))
    without.text_annotation.ClearField("full_text")
    assert made("full-text", result_of("a.png", without)) == "one\n"
