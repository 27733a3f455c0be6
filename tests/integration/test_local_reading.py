"""Pages that are small, askew, turned or dark are read, and their words are found where they are."""

import io
import itertools
import math
from collections.abc import Callable, Iterator
from os import environ
from pathlib import Path

import page_variants
import pytest
from cer import character_error_rate, edits, words_read
from page_variants import VARIANTS, Drawn
from PIL import Image, ImageDraw, ImageFont
from scanned_pages import ScannedPage

from vision_grpc.local.ocr.bitmap import Bitmap, decode
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import TextAnnotation, Word

Place = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def engine() -> TesseractEngine:
    return TesseractEngine(find_tessdata(environ))


@pytest.fixture(scope="module")
def paragraph() -> Drawn:
    return page_variants.paragraph()


@pytest.mark.parametrize("name", ["72 dpi", "skewed by -7", "turned by 180, skewed by 3", "100 dpi, skewed by 3"])
def test_pages_are_read_however_they_were_scanned(
    engine: TesseractEngine, pages: dict[str, ScannedPage], name: str
) -> None:
    page = pages["ru_sans"]
    annotation = recognize(engine, VARIANTS[name](Image.open(page.path).convert("RGB")), ["ru"])
    assert character_error_rate(text(annotation), page.text) <= 0.01


@pytest.mark.parametrize(
    "name", ["as it is", "72 dpi", "skewed by 4", "skewed by -7", "turned by 90", "turned by 180", "turned by 270"]
)
def test_boxes_lie_on_the_words(engine: TesseractEngine, paragraph: Drawn, name: str) -> None:
    make = VARIANTS[name]
    annotation = recognize(engine, make(paragraph.picture), ["en"])
    found = list(words(annotation))
    assert [word.text for word in found] == paragraph.words
    for word, box in zip(found, paragraph.boxes, strict=True):
        mask = Image.new("RGB", paragraph.picture.size, page_variants.WHITE)
        mask.paste((0, 0, 0), box)
        true = make(mask).convert("L").point(lambda value: 255 * (value < 128)).getbbox()
        assert true is not None
        assert overlap(rectangle(word), true) > 0.6


def test_the_corners_of_a_line_askew_are_those_of_its_letters(engine: TesseractEngine, paragraph: Drawn) -> None:
    annotation = recognize(engine, page_variants.skewed(paragraph.picture, 6), ["en"])
    for block in annotation.pages[0].blocks:
        for line in block.lines:
            upper_left, lower_left, _, upper_right = line.bounding_box.vertices
            fall = (upper_right.y - upper_left.y) / (upper_right.x - upper_left.x)
            assert fall == pytest.approx(0.105, abs=0.02)
            assert lower_left.y - upper_left.y < 60


def test_a_page_on_its_head_is_read_without_the_data_for_orientation(tmp_path: Path, paragraph: Drawn) -> None:
    (tmp_path / "eng.traineddata").symlink_to(find_tessdata(environ) / "eng.traineddata")
    engine = TesseractEngine(tmp_path)
    for degrees in (180, 270):
        assert text(recognize(engine, page_variants.turned(paragraph.picture, degrees), ["en"])) == paragraph.text


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("model", ["page", "line"])
def test_of_a_cut_file_whole_lines_are_read_and_no_noise(
    engine: TesseractEngine, paragraph: Drawn, kind: str, model: str
) -> None:
    file = io.BytesIO()
    (paragraph.picture if model == "page" else paragraph.picture.crop((0, 0, 780, 110))).convert("L").save(file, kind)
    for part in (0.3, 0.45, 0.6, 0.9):
        bitmap = decode(file.getvalue()[: round(len(file.getvalue()) * part)])
        assert bitmap.missing is not None
        found = text(engine.recognize(bitmap, languages=["en"], model=model)).split()
        end = bitmap.missing[1] - 10
        there = [word for word, box in zip(paragraph.words, paragraph.boxes, strict=True) if box[3] < end]
        assert found[: len(there)] == there
        # Of a line that lacks little, some words may be others.
        noise = [word for word in found if min(edits(word, other) for other in paragraph.words) > 1]
        assert len(noise) <= len(found) / 4


def test_a_table_is_read(engine: TesseractEngine) -> None:
    table = page_variants.table()
    assert words_read(text(recognize(engine, table.picture, ["en"])).split(), table.words).missed <= 0.02


@pytest.mark.parametrize("size", [26, 32])
def test_addresses_in_monospaced_letters_are_read_on_russian_pages(engine: TesseractEngine, size: int) -> None:
    try:
        font = ImageFont.truetype("DejaVuSansMono.ttf", size)
    except OSError:
        pytest.skip("needs Debian's fonts-dejavu-core")
    address = "https://wiki.debian.org/NdisWrapper,"
    lines = [
        "Подробности о пакете смотрите на странице проекта:",
        f"{address} а также www.example.com.",
        "Там есть всё.",
    ]
    picture = Image.new("L", (45 * size, 8 * size), 255)
    draw = ImageDraw.Draw(picture)
    for line, written in enumerate(lines):
        draw.text((size, (1 + 2 * line) * size), written, fill=0, font=font)
    annotation = recognize(engine, picture, ["ru"])
    # Tesseract may take the place behind the colon for a blank.
    assert text(annotation).replace("https: ", "https:") == " ".join(lines)
    found = [word for word in words(annotation) if "NdisWrapper" in word.text]
    end = round(size + font.getlength(address))
    assert overlap(rectangle(found[0]), (end - round(font.getlength(found[0].text)), 3 * size, end, 4 * size)) > 0.6


def test_what_lies_in_a_shadow_is_read(engine: TesseractEngine, paragraph: Drawn) -> None:
    picture = page_variants.photographed(paragraph.picture)
    assert words_read(text(recognize(engine, picture, ["en"])).split(), paragraph.words).missed <= 0.03


@pytest.mark.skipif(
    not (find_tessdata(environ) / "osd.traineddata").exists(), reason="needs Debian's tesseract-ocr-osd"
)
def test_another_script_than_was_asked_for_is_told(
    engine: TesseractEngine, pages: dict[str, ScannedPage], caplog: pytest.LogCaptureFixture
) -> None:
    page = Image.open(pages["ru_sans"].path).crop((0, 0, 1240, 300))
    recognize(engine, page.convert("RGB"), ["en"])
    assert "a picture seems to be in Cyrillic letters, but it was asked for as en" in caplog.text
    caplog.clear()
    recognize(engine, page_variants.turned(page.convert("RGB"), 180), ["ru"])
    assert not caplog.records


def test_no_pass_begins_when_nobody_waits(engine: TesseractEngine, paragraph: Drawn) -> None:
    picture = page_variants.turned(page_variants.at_dpi(paragraph.picture, 80), 180)

    def read_until(last: float) -> int:
        """Return how often the engine asked, if nobody waits any more from the given time on."""
        asked = itertools.count()
        try:
            recognize(engine, picture, ["en"], give_up=lambda: next(asked) >= last)
        except GivenUpError:
            assert math.isfinite(last)
        return next(asked)

    every = read_until(math.inf)
    for last in range(0, every, 5):
        assert read_until(last) <= last + 4


def recognize(
    engine: TesseractEngine, picture: Image.Image, languages: list[str], give_up: Callable[[], bool] = lambda: False
) -> TextAnnotation:
    bitmap = Bitmap(picture.width, picture.height, len(picture.getbands()), picture.tobytes())
    annotation = engine.recognize(bitmap, languages=languages, model="page", give_up=give_up)
    assert (annotation.pages[0].width, annotation.pages[0].height) == picture.size
    return annotation


def words(annotation: TextAnnotation) -> Iterator[Word]:
    return (word for block in annotation.pages[0].blocks for line in block.lines for word in line.words)


def text(annotation: TextAnnotation) -> str:
    return " ".join(word.text for word in words(annotation))


def rectangle(word: Word) -> tuple[int, int, int, int]:
    xs = [vertex.x for vertex in word.bounding_box.vertices]
    ys = [vertex.y for vertex in word.bounding_box.vertices]
    return min(xs), min(ys), max(xs), max(ys)


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """Return the common area of two rectangles over that of both."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    common = max(wide, 0) * max(high, 0)
    return common / (area(one) + area(other) - common)


def area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
