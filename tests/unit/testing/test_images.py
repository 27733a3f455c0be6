"""Images for tests."""

import io
import sys

import pytest
from PIL import Image

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
from vision_grpc.testing import blank_image, text_image


def test_a_blank_image_is_a_whole_picture() -> None:
    with Image.open(io.BytesIO(blank_image("any"))) as picture:
        picture.load()
        assert (picture.size, picture.getpixel((0, 0))) == ((1, 1), 255)
    assert check_image(blank_image(), Limits()) is None


def test_blank_images_of_other_names_are_other_files() -> None:
    assert blank_image("a") == blank_image("a")
    assert len({blank_image(name) for name in ("", "a", "b", "ä")}) == 4


@pytest.mark.parametrize("text", ["Hello", "two\nlines", "Привет"])
def test_a_text_is_drawn(text: str) -> None:
    with Image.open(io.BytesIO(text_image(text, size=20))) as picture:
        low, high = picture.convert("L").getextrema()
        assert (low, high) == (0, 255)
        assert picture.width > 60


def test_a_letter_that_the_font_lacks_is_told() -> None:
    with pytest.raises(ValueError, match="the font has no letter '語': name another one by font="):
        text_image("日本語"[2])


def test_a_font_that_is_not_there() -> None:
    with pytest.raises(OSError, match="resource"):
        text_image("text", font="/no/such/font.ttf")


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"text_image needs Pillow: pip install 'vision-grpc\[images\]'"):
        text_image("text")
