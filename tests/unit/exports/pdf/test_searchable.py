"""Pictures and pages of documents in searchable PDFs: as they are, upright, with their words where they are."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import journaled
import pikepdf
import pypdfium2
import pytest
from documents import PdfPage, make_pdf, make_tiff, text
from pdf_words import Box, find_words, overlap, rectangle, result_of
from PIL import Image

from vision_grpc import exports
from vision_grpc.exports.pdf import parts
from vision_grpc.exports.pdf.searchable import searchable_pdf
from vision_grpc.exports.pictures.finding import Pictures
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Fitted, fit, prepare
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places

_SIZE = (400, 200)
_PLACE = (40.0, 30.0, 160.0, 70.0)
"""Where the picture is dark, and has its word."""

_STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def marked(mode: str = "RGB") -> Image.Image:
    picture = Image.new("L", _SIZE, 255)
    picture.paste(0, (40, 30, 160, 70))
    return picture.convert(mode)


def word_in(key: str, size: tuple[int, int] = _SIZE, place: Box = _PLACE, written: str = "слово") -> ImageResult:
    corners = rectangle(place[0], place[1], place[2] - place[0], place[3] - place[1])
    return result_of(key, size, [(corners, [(written, corners)])])


def saved(path: Path, picture: Image.Image, **options: Any) -> str:  # noqa: ANN401 - Pillow's
    picture.save(path, **options)
    return str(path)


def made(path: Path, results: ImageResult | Iterable[ImageResult], **options: Any) -> Path:  # noqa: ANN401 - the writer's
    path.write_bytes(b"".join(searchable_pdf(results, **options)))
    return path


def dark_parts(pdf: Path) -> list[Box]:
    """Return where each page is seen to be dark, in points."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        pictures = [page.render(scale=1).to_pil().convert("L") for page in document]
    boxes = [picture.point([255] * 100 + [0] * 156).getbbox() for picture in pictures]
    return [tuple(map(float, box)) for box in boxes if box is not None]  # type: ignore[misc]


def assert_words_on_dark_parts(pdf: Path, pages: int = 1) -> None:
    for page, dark in zip(find_words(pdf), dark_parts(pdf), strict=True):
        assert overlap(page.box("слово"), dark) > 0.85
        pages -= 1
    assert pages == 0


@pytest.mark.parametrize("is_fitted", [False, True])
def test_pictures_are_upright(tmp_path: Path, *, is_fitted: bool) -> None:
    results: list[ImageResult] = []
    for orientation, suffix in product(_STORED, [".jpg", ".png", ".tiff", ".webp"]):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture, how = marked(), _STORED[orientation]
        stored = picture if how is None else picture.transpose(how)
        result = word_in(saved(tmp_path / f"{orientation}{suffix}", stored, exif=exif))
        if is_fitted:
            fitted = fit(result.key)
            assert isinstance(fitted, Fitted)
            result = fitted.change.restore(result)
        results.append(result)
    pdf = made(tmp_path / "a.pdf", results)
    assert {page.size for page in find_words(pdf)} == {_SIZE}
    assert_words_on_dark_parts(pdf, len(results))


def test_a_jpeg_is_not_encoded_anew(tmp_path: Path) -> None:
    key = saved(tmp_path / "a.jpg", marked(), dpi=(200, 200))
    with pikepdf.open(made(tmp_path / "a.pdf", word_in(key))) as pdf:
        (image,) = pdf.pages[0].get_images().values()
        assert image.read_raw_bytes() == Path(key).read_bytes()
        assert [float(side) for side in pdf.pages[0].mediabox.as_list()] == [0, 0, 144, 72]


def test_pictures_of_any_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kinds = [
        *(("1", "tiff"), ("L", "png"), ("P", "png"), ("RGBA", "png"), ("LA", "png"), ("CMYK", "jpg"), ("CMYK", "tiff")),
        *(("P", "gif"), ("I;16", "png"), ("RGB", "bmp"), ("L", "jp2"), ("RGB", "ppm"), ("RGBA", "webp")),
    ]
    deep = marked("I").point(lambda value: value * 257).convert("I;16")
    results = [
        word_in(saved(tmp_path / f"{mode}.{suffix}", deep if mode == "I;16" else marked(mode)))
        for mode, suffix in kinds
    ]
    assert_words_on_dark_parts(made(tmp_path / "a.pdf", results), len(kinds))
    assert caplog.messages == []


def test_pages_of_a_pdf_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    # The drawing leaves other coordinates behind.
    drawing = b"0 0 0 rg 100 200 90 40 re f 5 0 0 5 9 9 cm "
    turns = [b"", b"/Rotate 90", b"/Rotate 180", b"/Rotate 270", b"/Rotate -90", b"/CropBox[50 120 350 400]"]
    turns += [b"/Rotate 90/CropBox[50 120 350 400]", b"/Rotate 270/CropBox[400 350 40 0]", b"/UserUnit 2"]
    path.write_bytes(make_pdf([PdfPage(drawing, None, (30, 100, 430, 700), turn) for turn in turns]))
    dark, results = dark_parts(path), read_pages(path)
    for number, (result, box) in enumerate(zip(results, dark, strict=True)):
        page, points = result.pages[0], (result.fitted or {})["points"]
        scale = page.width / points[0]  # type: ignore[index]
        place = box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale
        results[number] = replace(result, outcome=word_in("", (page.width, page.height), place).outcome)
    pdf = made(tmp_path / "out.pdf", results)
    assert dark_parts(pdf) == dark
    assert_words_on_dark_parts(pdf, len(turns))
    with pikepdf.open(pdf) as after:
        for kept in after.pages:
            assert b"100 200 90 40 re" in b"".join(stream.read_bytes() for stream in kept.Contents.as_list())


def read_pages(path: Path) -> list[ImageResult]:
    """Return a result with a word for each page of a document, as a run with `--fit` has it."""
    results: list[ImageResult] = []
    for item in open_places([str(path)], SourceOptions(fit=True)):
        assert isinstance(item, Item)
        fitted = prepare(item)
        assert isinstance(fitted, Fitted), fitted
        results.append(fitted.change.restore(word_in(item.key, fitted.change.size)))
    return results


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("/CropBox", pikepdf.Name.a),
        ("/CropBox", pikepdf.Array([0, 0, 400])),
        ("/CropBox", pikepdf.Array([0, 0, pikepdf.Name.a, 200])),
        ("/Resources", 5),
        ("/Resources", pikepdf.Dictionary(XObject=5)),
        ("/UserUnit", pikepdf.Name.a),
        ("/Rotate", pikepdf.Name.a),
        ("/Contents", 5),
    ],
)
def test_a_page_with_odd_values_is_exported(tmp_path: Path, name: str, value: object) -> None:
    with pikepdf.new() as document:
        document.add_blank_page(page_size=_SIZE)
        document.pages[0].obj[name] = value
        document.save(tmp_path / "odd.pdf")
    result = replace(word_in(f"{tmp_path}/odd.pdf#page=1"), fitted={"points": [*map(float, _SIZE)]})
    (page,) = find_words(made(tmp_path / "out.pdf", result))
    assert overlap(page.box("слово"), _PLACE) > 0.85


def test_a_page_without_a_size_is_left_out(tmp_path: Path) -> None:
    with pikepdf.new() as document:
        document.add_blank_page(page_size=_SIZE)
        document.pages[0].obj.MediaBox = pikepdf.Array([0, 0, 0, 0])
        document.save(tmp_path / "odd.pdf")
    left_out = list[str]()
    result = word_in(f"{tmp_path}/odd.pdf#page=1", (0, 0))
    assert b"".join(searchable_pdf(result, left_out=lambda _, why: left_out.append(why))) == b""
    assert left_out == ["the page is empty: it has no size"]


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(make_tiff([marked("1"), marked("L")]))
    results = read_pages(path)
    assert [result.key for result in results] == [f"{path}#page=1", f"{path}#page=2"]
    pdf = made(tmp_path / "a.pdf", results)
    assert_words_on_dark_parts(pdf, 2)


def test_many_pages_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MOST_PAGES", 3)
    key, document = saved(tmp_path / "a.png", marked()), tmp_path / "b.pdf"
    document.write_bytes(make_pdf([PdfPage(text("one")), PdfPage(text("two"))]))
    first, second = (
        replace(each, outcome=word_in("", (2479, 3508), written=f"b{number}").outcome)
        for number, each in enumerate(read_pages(document))
    )
    results = [first, *(word_in(key, written=f"a{number}") for number in range(7)), second]
    pdf = made(tmp_path / "all.pdf", iter(results))
    found = [page.texts for page in find_words(pdf)]
    assert [sorted(texts) for texts in found] == [
        ["b0", "one"],
        *([f"a{number}"] for number in range(7)),
        ["b1", "two"],
    ]
    with pikepdf.open(pdf) as opened:
        assert opened.check_pdf_syntax() == []
        assert "vision-grpc" in str(opened.docinfo["/Producer"])


def test_results_without_a_picture_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = saved(tmp_path / "a.png", marked())
    other = saved(tmp_path / "b.png", marked().resize((100, 100)))
    (tmp_path / "no.pdf").write_bytes(b"%PDF-1.7 and nothing")
    results = [
        word_in("gone.png"),
        word_in(other),
        word_in(key),
        word_in(f"{tmp_path}/no.pdf#page=1"),
        journaled.failed("failed.png"),
        ImageResult("without-answer.png"),
    ]
    left_out: list[tuple[str, str]] = []
    pdf = made(tmp_path / "a.pdf", results, left_out=lambda result, reason: left_out.append((result.key, reason)))
    assert len(find_words(pdf)) == 1
    keys, reasons = zip(*left_out, strict=True)
    assert keys == ("gone.png", other, f"{tmp_path}/no.pdf#page=1")
    assert "no such file" in reasons[0]
    assert "100 x 100 pixels" in reasons[1]
    made(tmp_path / "b.pdf", results)
    assert "gone.png is not in the PDF" in caplog.text


def test_nothing_to_write_is_no_bytes() -> None:
    assert b"".join(searchable_pdf([])) == b""


def test_a_folder_of_pictures_and_the_library_function(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    saved(tmp_path / "scans" / "a.png", marked())
    pdf = made(tmp_path / "a.pdf", word_in("/elsewhere/scans/a.png"), pictures=Pictures(tmp_path))
    assert_words_on_dark_parts(pdf)
    key = saved(tmp_path / "b.png", marked())
    exports.write(tmp_path / "b.pdf", "searchable-pdf", word_in(key))
    assert_words_on_dark_parts(tmp_path / "b.pdf")
