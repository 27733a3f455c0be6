"""The pictures of results: found by their keys, in the pixels of the boxes, or a reason why they are not at hand."""

import os
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import journaled
import pytest
from documents import A4, PdfPage, make_pdf, make_tiff, text
from PIL import Image

from vision_grpc.exports.pictures import finding
from vision_grpc.exports.pictures.finding import Missing, Picture, Pictures
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.sources.fit import Fitted, fit, prepare
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places

_SIZE = (100, 50)
"""The size of the page in the answers of `journaled`."""

_RED, _WHITE = (255, 0, 0), (255, 255, 255)


def marked(size: tuple[int, int] = _SIZE) -> Image.Image:
    """Return a white picture whose upper left corner is red."""
    picture = Image.new("RGB", size, _WHITE)
    picture.paste(_RED, (0, 0, 10, 10))
    return picture


def saved(path: Path, picture: Image.Image, orientation: int = 1) -> str:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(path, exif=exif)
    return str(path)


def found(result: ImageResult, pictures: Pictures | None = None) -> Picture:
    picture = (pictures or Pictures()).find(result)
    assert isinstance(picture, Picture), picture
    return picture


def reason(result: ImageResult, pictures: Pictures | None = None) -> str:
    missing = (pictures or Pictures()).find(result)
    assert isinstance(missing, Missing), missing
    return missing.reason


def red_corner(picture: Image.Image) -> tuple[int, int]:
    """Return in which quarter of the picture the red corner lies: 0 or 1 from the left, and from the top."""
    rgb = picture.convert("RGB")
    corners = {
        (left, top): rgb.getpixel((left * (rgb.width - 1), top * (rgb.height - 1)))
        for left in range(2)
        for top in range(2)
    }
    return next(corner for corner, colour in corners.items() if colour == _RED)


def test_a_file(tmp_path: Path) -> None:
    picture = found(journaled.read(saved(tmp_path / "a.png", marked()), "word"))
    assert (picture.size, picture.upright_size, picture.orientation) == (_SIZE, _SIZE, 1)
    assert red_corner(picture.image) == (0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_pixels_are_those_of_the_boxes(tmp_path: Path, orientation: int, suffix: str) -> None:
    # Of what was sent as it is, boxes are in the upright picture; of what was fitted, in the stored one.
    path = saved(tmp_path / f"a.{suffix}", marked(), orientation)
    upright_size = _SIZE if orientation < 5 else _SIZE[::-1]
    fitted = fit(path)
    assert isinstance(fitted, Fitted)
    answer = journaled.answer("word")
    page = answer.results[0].text_detection.pages[0]
    page.width, page.height = fitted.change.size
    sent = replace(journaled.read(path), outcome=WireOutcome(answer.SerializeToString(), has_error=False))
    if suffix == "png":
        as_sent = found(sent)
        assert (as_sent.image.size, as_sent.size, as_sent.orientation) == (upright_size, upright_size, 1)
    restored = fitted.change.restore(sent)
    if restored.fitted is None:
        return
    picture = found(restored)
    assert (picture.image.size, picture.size, picture.orientation) == (_SIZE, _SIZE, orientation)
    assert red_corner(picture.image) == (0, 0)
    upright = picture.upright()
    assert upright.size == picture.upright_size == upright_size
    # The red corner is where the map says.
    x, y = picture.to_upright(0, 0)
    assert red_corner(upright) == (int(x > 0), int(y > 0))


def read_pages(path: Path) -> list[ImageResult]:
    """Return a result without words for each page of a document, as a run with `--fit` has it."""
    results: list[ImageResult] = []
    for item in open_places([str(path)], SourceOptions(fit=True)):
        assert isinstance(item, Item)
        fitted = prepare(item)
        assert isinstance(fitted, Fitted), fitted
        answer = journaled.answer("word")
        page = answer.results[0].text_detection.pages[0]
        page.width, page.height = fitted.change.size
        outcome = WireOutcome(answer.SerializeToString(), has_error=False)
        results.append(fitted.change.restore(replace(journaled.read(item.key), outcome=outcome)))
    return results


def test_pages_of_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([PdfPage(text("one")), PdfPage(text("two"), box=(0, 0, 300, 200))]))
    first, second = read_pages(path)
    pictures = Pictures()
    assert found(first, pictures).image.size == found(first).size == (2479, 3508)
    assert found(second, pictures).image.size == (1250, 833)
    small = pictures.find(second, most_pixels=50_000)
    assert isinstance(small, Picture)
    assert small.size == (1250, 833)
    assert small.image.width * small.image.height <= 50_000
    # A page of another size has taken its place.
    path.write_bytes(make_pdf([PdfPage(text("one"), box=(0, 0, 300, 300))]))
    assert reason(first) == (
        f"is another picture now: it has 300 x 300 points, and had {A4[2]:g} x {A4[3]:g} when it was read"
    )
    assert reason(second) == "the document does not have this page"


def test_a_page_is_not_made_as_large_as_a_damaged_answer_says(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf([PdfPage(text("word"))]))
    result = ImageResult(f"{tmp_path}/a.pdf#page=1", fitted={"width": 10**30, "height": 10**30})
    missing = Pictures().find(result)
    assert isinstance(missing, Missing)
    assert missing.reason.startswith("is another picture now")
    assert isinstance(Pictures().find(replace(result, fitted={"width": 10**30, "height": -5})), Picture)


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    path.write_bytes(make_tiff([marked((60, 40)), marked((80, 30))]))
    first, second = read_pages(path)
    assert [found(each).image.size for each in (first, second)] == [(60, 40), (80, 30)]
    # In a folder of another name, too.
    moved = tmp_path / "moved"
    moved.mkdir()
    path.rename(moved / "a.tiff")
    assert found(second, Pictures(moved)).image.size == (80, 30)
    assert reason(second) == "no such file, check the path"


def test_a_file_whose_name_looks_like_a_page(tmp_path: Path) -> None:
    assert found(journaled.read(saved(tmp_path / "a#page=3.png", marked()))).size == _SIZE
    path = tmp_path / "a#page=3"
    marked().save(path, format="png")
    assert found(journaled.read(str(path))).size == _SIZE


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    content = BytesIO()
    marked().save(content, format="png")
    Path(os.fsdecode(path)).write_bytes(content.getvalue())
    assert found(journaled.read(os.fsdecode(path))).size == _SIZE
    assert found(journaled.read(os.fsdecode(b"b/caf\xe9.png")), Pictures(tmp_path)).size == _SIZE


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_damaged(path: Path) -> None:
    marked().save(path, format="png")
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: None, "no such file, check the path"),
        (Path.mkdir, "is a folder"),
        (make_fifo, "is not a regular file"),
        (make_damaged, "the file is truncated or damaged and cannot be decoded: copy or export it again"),
        (lambda path: path.write_bytes(b""), "the file is no image"),
        (lambda path: path.write_bytes(make_pdf([PdfPage()])), "the file is a document now"),
        (lambda path: path.write_text("a text"), "the file is no image"),
        (
            lambda path: marked((70, 50)).save(path),
            "is another picture now: it has 70 x 50 pixels, and had 100 x 50 when it was read",
        ),
    ],
    ids=["missing", "folder", "pipe", "damaged", "empty", "document", "text", "another"],
)
def test_what_is_not_the_picture(tmp_path: Path, make: Callable[[Path], object], expected: str) -> None:
    path = tmp_path / "a.png"
    make(path)
    assert reason(journaled.read(str(path), "word")).startswith(expected)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("s3://bucket/a.png", "is in a store, from where pictures are not fetched"),
        ("gs://bucket/a.pdf#page=2", "is in a store, from where pictures are not fetched"),
        ("https://host/a.png", "is at an address with https://, from where pictures are not fetched"),
        ("shards/a.tar#b/c.jpg", "is in shards/a.tar, which is not opened for pictures"),
        ("a.parquet#row=3", "is in a.parquet, which is not opened for pictures"),
        ("-", "was read from stdin"),
        ("#12", "was given as bytes, not as a file"),
        ("data:image/png;base64,iVBORw0KGgo=", "was given as bytes, not as a file"),
        ("a\0b.png", "cannot be read: a path cannot have these characters"),
        ("", "the path is empty"),
        ("#page=1", "no such file, check the path"),
        ("\ud800.png", "cannot be read: a path cannot have these characters"),
        ("é-" * 300, "cannot be read (File name too long)"),
    ],
)
def test_keys_that_lead_to_no_file(key: str, expected: str) -> None:
    assert reason(journaled.read(key)) == expected


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    (folder / "scans").mkdir(parents=True)
    outside = saved(tmp_path / "outside.png", marked())
    saved(folder / "scans" / "a.png", marked())
    pictures = Pictures(folder)
    assert found(journaled.read("/data/2024/scans/a.png"), pictures).size == _SIZE
    assert found(journaled.read("x/../scans/a.png"), pictures).size == _SIZE
    for key in (outside, "../outside.png", "scans/../../outside.png", "scans/..", ".."):
        assert "no such file" in reason(journaled.read(key), pictures) or key.endswith("..")
        assert isinstance(pictures.find(journaled.read(key)), Missing)


def test_the_original_of_an_image_is_its_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", marked(), orientation=6)
    assert Pictures().original(journaled.read(path)) == Path(path).read_bytes()


def test_the_original_of_a_page(tmp_path: Path) -> None:
    pdf, tiff = tmp_path / "a.pdf", tmp_path / "b.tiff"
    pdf.write_bytes(make_pdf([PdfPage(), PdfPage()]))
    tiff.write_bytes(make_tiff([marked(), marked((30, 20))]))
    pictures = Pictures(tmp_path)
    assert pictures.original(journaled.read("x/a.pdf#page=2")) == finding.PdfPage(str(pdf), 2)
    page = pictures.original(journaled.read("b.tiff#page=2"))
    assert isinstance(page, bytes)
    with Image.open(BytesIO(page)) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((30, 20), 1)


@pytest.mark.parametrize("key", ["a.pdf", "a.tiff#page=1", "s3://bucket/a.png", "-"])
def test_an_original_that_is_not_at_hand(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf([PdfPage()]))
    assert isinstance(Pictures(tmp_path).original(journaled.read(key)), Missing)
