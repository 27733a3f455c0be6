"""What the real engine makes of real pages."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from os import environ
from pathlib import Path

import pytest
from cer import character_error_rate
from PIL import Image, ImageDraw, ImageFont
from scanned_pages import ScannedPage

from vision_grpc.local.ocr.bitmap import Bitmap, decode
from vision_grpc.local.ocr.engine import RecognitionError, UnsupportedTextError
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import Line, Polygon, TextAnnotation

# Characters read wrongly, of those on the page.
WORST = {"en_sans": 0.01, "ru_sans": 0.01, "mixed_sans": 0.03}
TITLE = "Invoice No. 4817"


@pytest.fixture(scope="module")
def engine() -> TesseractEngine:
    return TesseractEngine(find_tessdata(environ))


@pytest.mark.parametrize("languages", [["ru", "en"], ["en", "ru"], ["*"]])
@pytest.mark.parametrize("name", WORST)
def test_pages_are_read_whatever_the_order_of_languages(
    engine: TesseractEngine, pages: dict[str, ScannedPage], name: str, languages: list[str]
) -> None:
    page = pages[name]
    text = read(engine.recognize(decode(page.path.read_bytes()), languages=languages, model="page"))
    assert character_error_rate(text, page.text) <= WORST[name]


@pytest.mark.parametrize("name", ["en_sans", "ru_sans"])
def test_pages_are_read_with_their_own_language_alone(
    engine: TesseractEngine, pages: dict[str, ScannedPage], name: str
) -> None:
    page = pages[name]
    annotation = engine.recognize(decode(page.path.read_bytes()), languages=page.language_codes, model="")
    assert character_error_rate(read(annotation), page.text) <= WORST[name]
    assert {code for line in lines(annotation) for code in codes(line)} == set(page.language_codes)


def test_words_carry_the_language_that_they_are_in(engine: TesseractEngine, pages: dict[str, ScannedPage]) -> None:
    annotation = engine.recognize(decode(pages["mixed_sans"].path.read_bytes()), languages=["ru", "en"], model="page")
    found = {word.text: word.languages[0].language_code for line in lines(annotation) for word in line.words}
    assert (found["delivered"], found["Northern"], found["поставки"], found["генеральный"]) == ("en", "en", "ru", "ru")


def test_boxes_lie_on_the_page_and_in_each_other(engine: TesseractEngine, pages: dict[str, ScannedPage]) -> None:
    picture = decode(pages["en_sans"].path.read_bytes())
    (page,) = engine.recognize(picture, languages=["en"], model="page").pages
    assert (page.width, page.height) == (picture.width, picture.height)
    assert len(page.blocks) > 1
    whole = (0, 0, page.width, page.height)
    for block in page.blocks:
        assert encloses(whole, rectangle(block.bounding_box))
        for line in block.lines:
            assert encloses(rectangle(block.bounding_box), rectangle(line.bounding_box))
            assert 0.5 < line.confidence <= 1
            for word in line.words:
                assert encloses(rectangle(line.bounding_box), rectangle(word.bounding_box))
                assert word.confidence == line.confidence
                assert 0 <= word.languages[0].confidence <= 1


@pytest.mark.parametrize(("model", "found"), [("page", ["Invoice", "48"]), ("line", ["Invoice 48"])])
def test_what_stands_far_apart_is_one_line_when_the_client_says_so(
    engine: TesseractEngine, model: str, found: list[str]
) -> None:
    picture = paint("Invoice", size=(1600, 90))
    ImageDraw.Draw(picture).text((1400, 20), "48", font=font(), fill=0)
    annotation = engine.recognize(bitmap(picture), languages=["en"], model=model)
    assert [" ".join(word.text for word in line.words) for line in lines(annotation)] == found


@pytest.mark.parametrize(("orientation", "turn"), [(3, 180), (6, 90), (8, 270)])
def test_a_photo_taken_sideways_is_read_upright(engine: TesseractEngine, orientation: int, turn: int) -> None:
    upright = paint(TITLE)
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = io.BytesIO()
    upright.rotate(turn, expand=True).save(jpeg, "JPEG", exif=exif)
    annotation = engine.recognize(decode(jpeg.getvalue()), languages=["en"], model="page")
    assert read(annotation) == TITLE
    assert (annotation.pages[0].width, annotation.pages[0].height) == upright.size


def test_text_that_differs_from_its_ground_in_hue_alone_is_read(engine: TesseractEngine) -> None:
    picture = paint(TITLE, mode="RGB", ink=(200, 0, 0), ground=(0, 102, 0))
    low, high = picture.convert("L").getextrema()
    assert high - low <= 1  # type: ignore[operator]
    assert read_png(engine, picture) == TITLE


CLEAR, WHITE, BLACK, INK = (0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 255), (255, 230, 90, 120)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("ink", [WHITE, BLACK, INK])
def test_text_on_nothing_is_read(engine: TesseractEngine, ink: tuple[int, ...], mode: str) -> None:
    assert read_png(engine, paint(TITLE, mode="RGBA", ink=ink, ground=CLEAR).convert(mode)) == TITLE


@pytest.mark.parametrize(("mode", "ground"), [("L", 7), ("1", 0), ("RGB", (1, 2, 3)), ("I;16", 513)])
def test_text_on_a_colour_that_stands_for_transparent_is_read(
    engine: TesseractEngine, mode: str, ground: int | tuple[int, ...]
) -> None:
    if mode == "I;16":
        shape = paint(TITLE).point(lambda shade: 255 if shade < 128 else 0)
        picture = Image.new(mode, shape.size, ground)
        picture.paste(65_535, mask=shape)
    else:
        picture = paint(TITLE, mode=mode, ink=(255, 255, 255) if mode == "RGB" else 255, ground=ground)
    assert read_png(engine, picture, transparency=ground) == TITLE


def test_light_and_dark_text_on_nothing_are_both_read(engine: TesseractEngine) -> None:
    picture = Image.new("RGBA", (480, 180), CLEAR)
    for y, ink in ((20, WHITE), (100, BLACK)):
        ImageDraw.Draw(picture).text((30, y), TITLE, font=font(), fill=ink)
    assert read_png(engine, picture) == f"{TITLE} {TITLE}"


@pytest.mark.parametrize(("paper", "ink"), [(WHITE, BLACK), (BLACK, WHITE)])
def test_a_card_with_clear_margins_is_read(
    engine: TesseractEngine, paper: tuple[int, ...], ink: tuple[int, ...]
) -> None:
    picture = Image.new("RGBA", (900, 400), CLEAR)
    picture.paste(paint(TITLE, mode="RGBA", ink=ink, ground=paper), (150, 150))
    assert read_png(engine, picture) == TITLE


def test_a_picture_of_nothing_is_an_empty_page(engine: TesseractEngine) -> None:
    picture = paint(TITLE, mode="RGBA", ink=(255, 255, 255, 0), ground=CLEAR)
    assert read_png(engine, picture) == ""


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_text_above_a_cut_is_read(engine: TesseractEngine, kind: str) -> None:
    picture = paint(TITLE, size=(480, 400))
    ImageDraw.Draw(picture).text((30, 330), "lost", font=font(), fill=0)
    file = io.BytesIO()
    picture.save(file, kind)
    whole = file.getvalue()
    cut = decode(whole[: whole.index(b"\xff\xda" if kind == "JPEG" else b"IDAT") + len(whole) * 2 // 3])
    assert not cut.complete
    assert read(engine.recognize(cut, languages=["en"], model="page")).startswith(TITLE)


def test_a_frame_and_rules_without_text_are_an_empty_page(engine: TesseractEngine) -> None:
    picture = Image.new("L", (900, 700), 255)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 20, 880, 680), outline=0, width=4)
    for y in range(80, 640, 60):
        draw.line((60, y, 840, y), fill=0, width=2)
    (page,) = engine.recognize(bitmap(picture), languages=["ru", "en"], model="page").pages
    assert (page.width, page.height, len(page.blocks)) == (900, 700, 0)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (800, 2)])
@pytest.mark.parametrize("model", ["page", "line"])
def test_tiny_pictures_are_no_failure(engine: TesseractEngine, size: tuple[int, int], model: str) -> None:
    picture = Image.new("L", size, 255)
    picture.putpixel((0, 0), 0)
    (page,) = engine.recognize(bitmap(picture), languages=["en"], model=model).pages
    assert (page.width, page.height) == size


def test_a_picture_too_long_for_the_engine_is_refused(engine: TesseractEngine) -> None:
    with pytest.raises(UnsupportedTextError, match="40,000 pixels long, the limit is 32,767"):
        engine.recognize(bitmap(Image.new("L", (40_000, 20), 255)), languages=["en"], model="page")


def test_dust_on_a_large_page_is_not_searched_for_text(engine: TesseractEngine) -> None:
    page, speck = Image.new("L", (4400, 4400), 255), Image.new("L", (4, 4), 0)
    for number in range(5000):
        page.paste(speck, (number * 7919 % 4400, number * 104_729 % 4400))
    page.paste(paint("Invoice 4817"), (500, 500))
    # With the dust, finding the lines would take a minute.
    assert read(engine.recognize(bitmap(page), languages=["en"], model="page")) == "Invoice 4817"


def test_points_and_accents_are_not_taken_for_dust(engine: TesseractEngine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    page = Image.new("L", (2400, 1800), 255)
    draw, small = ImageDraw.Draw(page), ImageFont.load_default(24)
    for number in range(1, 11):
        draw.text((200, 150 * number), f"Widget {number}.5", font=small, fill=0)
        # A dotted leader.
        for x in range(480, 2200, 8):
            draw.rectangle((x, 150 * number + 22, x + 2, 150 * number + 24), fill=0)
    text = read(engine.recognize(bitmap(page), languages=["en"], model="page"))
    assert [f"Widget {number}.5" in text for number in range(1, 11)] == [True] * 10
    assert "without 2150 of its 2" in caplog.text


def test_a_picture_of_too_many_marks_is_refused(engine: TesseractEngine) -> None:
    page, tile = Image.new("L", (4460, 4460), 255), Image.new("L", (4460, 13), 255)
    for x in range(0, 4460, 13):
        tile.paste(0, (x, 0, x + 12, 12))
        tile.paste(255, (x + 1, 1, x + 11, 11))  # Otherwise there would be more black than white.
    for y in range(0, 4460, 13):
        page.paste(tile, (0, y))
    with pytest.raises(UnsupportedTextError, match=r"the picture has 1\d\d,\d{3} marks, the limit is 100,000"):
        engine.recognize(bitmap(page), languages=["en"], model="page")


def test_the_engine_itself_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "eng.traineddata").write_bytes((find_tessdata(environ) / "eng.traineddata").read_bytes())
    (tmp_path / "rus.traineddata").write_bytes(b"damaged")
    # The calls beside the readings make both libraries complain.
    program = """
import pathlib, sys
from contextlib import suppress
from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.engine import RecognitionError
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
engine = TesseractEngine(pathlib.Path(sys.argv[1]))
for width, height in ((1, 1), (2, 36), (200, 3), (60, 60)):
    for model in ("page", "line"):
        for languages in (["en"], ["en", "ru"]):
            bitmap = Bitmap(width, height, 1, bytes(width * height))
            with suppress(RecognitionError):
                engine.recognize(bitmap, languages=languages, model=model)
library = engine._tesseract._library
library.pixCountConnComp(None, 8, None)
library.TessBaseAPIInit3(library.TessBaseAPICreate(), b"/nowhere", b"none")
"""
    command: list[str | Path] = [sys.executable, "-c", program, tmp_path]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_an_unknown_model_is_refused_with_those_that_are_known(engine: TesseractEngine) -> None:
    with pytest.raises(UnsupportedTextError, match="unknown model 'handwritten': use page or line"):
        engine.recognize(bitmap(paint(TITLE)), languages=["en"], model="handwritten")


@pytest.mark.parametrize("languages", [["ru"], ["en", "ru"], ["*"]])
def test_damaged_language_data_is_an_error_and_not_a_worse_reading(tmp_path: Path, languages: list[str]) -> None:
    (tmp_path / "eng.traineddata").symlink_to(find_tessdata(environ) / "eng.traineddata")
    (tmp_path / "rus.traineddata").write_bytes(bytes(range(256)) * 100)
    engine = TesseractEngine(tmp_path)
    with pytest.raises(RecognitionError, match=r"rus of|of rus"):
        engine.recognize(bitmap(paint(TITLE)), languages=languages, model="page")
    assert read(engine.recognize(bitmap(paint(TITLE)), languages=["en"], model="page")) == TITLE


def test_more_combinations_of_languages_than_are_kept_loaded(engine: TesseractEngine, tmp_path: Path) -> None:
    real = find_tessdata(environ) / "eng.traineddata"
    for model in ("eng", "deu", "fra", "ita", "spa", "por"):
        (tmp_path / f"{model}.traineddata").symlink_to(real)
    engine = TesseractEngine(tmp_path)
    texts = [
        read(engine.recognize(bitmap(paint(TITLE)), languages=[code], model="page"))
        for code in ("en", "de", "fr", "it", "es", "pt", "en", "de")
    ]
    assert texts == [TITLE] * 8


def paint(
    text: str,
    *,
    size: tuple[int, int] = (480, 90),
    mode: str = "L",
    ink: int | tuple[int, ...] = 0,
    ground: int | tuple[int, ...] = 255,
) -> Image.Image:
    picture = Image.new(mode, size, ground)
    ImageDraw.Draw(picture).text((30, 20), text, font=font(), fill=ink)
    return picture


def font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(36)


def bitmap(picture: Image.Image) -> Bitmap:
    return Bitmap(picture.width, picture.height, len(picture.getbands()), picture.tobytes())


def lines(annotation: TextAnnotation) -> Iterator[Line]:
    return (line for page in annotation.pages for block in page.blocks for line in block.lines)


def codes(line: Line) -> set[str]:
    return {language.language_code for word in line.words for language in word.languages}


def read(annotation: TextAnnotation) -> str:
    return " ".join(word.text for line in lines(annotation) for word in line.words)


def read_png(engine: TesseractEngine, picture: Image.Image, **options: object) -> str:
    png = io.BytesIO()
    picture.save(png, "PNG", **options)
    return read(engine.recognize(decode(png.getvalue()), languages=["en"], model="page"))


def rectangle(polygon: Polygon) -> tuple[int, int, int, int]:
    top_left, bottom_left, bottom_right, top_right = [(vertex.x, vertex.y) for vertex in polygon.vertices]
    assert bottom_left == (top_left[0], bottom_right[1])
    assert top_right == (bottom_right[0], top_left[1])
    return (*top_left, *bottom_right)


def encloses(outer: tuple[int, int, int, int], inner: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = inner
    return outer[0] <= left < right <= outer[2] and outer[1] <= top < bottom <= outer[3]
