"""What fits stays as it is; anything else loses as little as possible, in a fixed order."""

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import check_image
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.sources.fit import Change, Fitted, Origin, fit, fit_picture, prepare
from vision_grpc.sources.fit.encoding import LEAST_QUALITY
from vision_grpc.sources.item import Item

EXIF_TURNED = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"


def page(size: tuple[int, int] = (400, 300)) -> Image.Image:
    picture = Image.new("L", size, 255)
    draw = ImageDraw.Draw(picture)
    for top in range(10, size[1] - 10, 14):
        for left in range(10, size[0] - 10, 9):
            draw.rectangle((left, top, left + (left * top) % 7, top + 8), fill=(left * top) % 100)
    return picture


def photo(size: tuple[int, int] = (400, 300)) -> Image.Image:
    coarse = Image.frombytes("RGB", (40, 30), random.Random(1).randbytes(3600))  # noqa: S311 - a test picture
    return coarse.resize(size, Image.Resampling.BICUBIC)


def save(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - whatever Pillow takes
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def fitted(content: bytes, limits: Limits) -> Fitted:
    result = fit(content, limits)
    assert isinstance(result, Fitted), result
    assert check_image(result.content, limits) is None
    return result


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("exif", [b"", EXIF_TURNED])
def test_what_fits_is_returned_byte_for_byte(kind: str, exif: bytes) -> None:
    content = save(page(), kind, exif=exif)
    result = fitted(content, Limits())
    assert result.content is content
    assert result.change.is_unchanged
    assert str(result.change) == "sent as it is"
    assert result.change.origin.orientation == (6 if exif else 1)
    assert result.change.to_dict().get("sent") is None


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0junk", b"\x89PNG\r\n\x1a\nodd"])
def test_what_is_not_understood_is_sent(content: bytes) -> None:
    result = fitted(content, Limits())
    assert result.content is content
    untouched = ImageResult("k")
    assert result.change.restore(untouched) is untouched


@pytest.mark.parametrize("exif", [b"", EXIF_TURNED])
def test_a_jpeg_loses_its_metadata_before_anything_of_its_picture(exif: bytes) -> None:
    content = save(page(), "JPEG", quality=90, icc_profile=os.urandom(300_000), comment=b"c" * 999, exif=exif)
    result = fitted(content + b"\xff\xd8 another picture", Limits(content_bytes=100_000))
    before, after = (Image.open(io.BytesIO(each)) for each in (content, result.content))
    assert before.tobytes() == after.tobytes()
    assert after.getexif().get(0x0112) == (6 if exif else None)
    assert result.change.quality is None
    assert result.change.size == ((300, 400) if exif else (400, 300))
    assert str(result.change) == "sent without its metadata"


def test_a_large_jpeg_of_no_certain_size_is_decoded() -> None:
    # A frame without height: its number of lines would have to come later.
    content = save(photo(), "JPEG", comment=b"x" * 60_000)
    frame = content.index(b"\xff\xc0")
    error = fit(content[: frame + 5] + b"\0\0" + content[frame + 7 :], Limits(content_bytes=60_000))
    assert isinstance(error, ImageError)
    assert error.message == "the file is truncated or damaged and cannot be decoded: copy or export it again"


@pytest.mark.parametrize(
    ("make", "mode"),
    [
        (lambda: page().convert("1"), "1"),
        (page, "L"),
        (lambda: page().point(lambda value: value // 64 * 64), "P"),
        (lambda: page().convert("RGB"), "L"),
        (lambda: Image.merge("RGB", (page(), page(), Image.new("L", page().size, 9))), "P"),
        (photo, "RGB"),
    ],
    ids=["black and white", "grey", "few greys", "grey in RGB", "few colours", "colours"],
)
def test_other_formats_become_a_png_of_the_smallest_mode_that_has_all_colours(
    make: Callable[[], Image.Image], mode: str
) -> None:
    picture = make()
    result = fitted(save(picture, "TIFF"), Limits())
    sent = Image.open(io.BytesIO(result.content))
    assert (sent.format, sent.mode) == ("PNG", mode)
    assert sent.convert("RGB").tobytes() == picture.convert("RGB").tobytes()
    assert (result.change.format, result.change.quality, result.change.scale) == ("PNG", None, 1.0)


def test_then_quality_is_lowered_and_only_then_the_size() -> None:
    picture = photo((1200, 900))
    content = save(picture, "TIFF")
    lossless = len(fitted(content, Limits()).content)
    changes = [fitted(content, Limits(content_bytes=lossless // part)).change for part in (1, 3, 6, 15, 40, 160)]
    assert changes[0].format == "PNG"
    assert {change.format for change in changes[1:]} == {"JPEG"}
    qualities = [change.quality for change in changes[1:] if change.quality is not None]
    assert len(qualities) == len(changes) - 1
    assert all(change.scale == 1 or (change.quality or 0) < LEAST_QUALITY + 15 for change in changes[1:])
    scales = [change.scale for change in changes]
    assert scales == sorted(scales, reverse=True)
    assert scales[-1] < 1
    assert min(qualities) >= LEAST_QUALITY


@pytest.mark.parametrize("part", [2, 5, 9, 20, 70])
def test_the_limit_is_used_and_kept(part: int) -> None:
    content = save(photo((1200, 900)), "JPEG", quality=98)
    limit = len(content) // part
    result = fitted(content, Limits(content_bytes=limit))
    assert 0.7 * limit < len(result.content) <= limit


@pytest.mark.parametrize("size", [(1000, 700), (1, 90_000), (90_000, 1), (7, 3000)])
@pytest.mark.parametrize("pixels", [1, 10, 999, 70_000])
def test_no_more_pixels_than_allowed_are_sent(size: tuple[int, int], pixels: int) -> None:
    change = fitted(save(Image.new("L", size, 7), "TIFF"), Limits(pixels=pixels)).change
    assert change.size[0] * change.size[1] <= pixels
    assert min(change.size) >= 1


def test_a_side_too_long_for_a_jpeg_is_scaled_for_one() -> None:
    noise = Image.frombytes("RGB", (3, 70_000), random.Random(1).randbytes(3 * 3 * 70_000))  # noqa: S311 - likewise
    change = fitted(save(noise, "TIFF"), Limits(content_bytes=200_000)).change
    assert change.format == "JPEG"
    assert max(change.size) <= 65_500


def test_a_limit_that_nothing_fits_ends_in_the_smallest_there_is() -> None:
    result = fit(save(page(), "TIFF"), Limits(content_bytes=10))
    assert isinstance(result, Fitted)
    assert len(result.content) < 1000


def test_a_picture_of_a_caller_is_fitted_and_left_alone() -> None:
    picture = page().convert("RGB")
    picture.info["dpi"] = (300, 300)
    before = picture.tobytes()
    result = fit_picture(picture, Origin("PDF", (800, 600), dpi=150), Limits(pixels=30_000))
    assert (picture.tobytes(), picture.info) == (before, {"dpi": (300, 300)})
    assert result.change.size == (200, 150)
    assert result.change.pixel_map.to_stored(200, 150) == (800, 600)
    assert str(result.change) == "PDF 800 x 600 at 150 dpi, scaled to 200 x 150 (25%), sent as PNG"


def test_the_change_as_plain_values() -> None:
    change = Change(Origin("TIFF", (300, 400), 6, frames=2), (200, 150), "JPEG", 80)
    sent = {"format": "JPEG", "width": 200, "height": 150, "scale": 0.5, "quality": 80}
    assert change.to_dict() == {
        "format": "TIFF", "width": 300, "height": 400, "orientation": 6, "frames": 2, "sent": sent,
    }  # fmt: skip
    assert str(change) == (
        "TIFF 300 x 400, the first of 2 pictures, turned by 90 degrees, scaled to 200 x 150 (50%),"
        " sent as JPEG of quality 80"
    )


@pytest.mark.parametrize(
    "change",
    [
        Change(Origin("TIFF", (300, 400), 6, frames=2), (200, 150), "JPEG", 80),
        Change(Origin("PDF", (800, 600), dpi=150.5, points=(384.0, 288.0)), (200, 150), "PNG"),
        Change(Origin("JPEG", (300, 400), 8), (400, 300)),
        Change(Origin("JPEG", (300, 400)), (300, 400)),
    ],
)
def test_the_plain_values_become_the_change_again(change: Change) -> None:
    assert Change.of_dict(json.loads(json.dumps(change.to_dict()))) == change


def test_a_path_and_an_item_are_named_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "a b.webp"
    path.write_bytes(b"RIFF....WEBPVP8 ")
    assert str(fit(path)).startswith(f"INVALID_ARGUMENT: '{path}': the file is truncated")
    missing = fit(tmp_path / "none.webp")
    assert isinstance(missing, ImageError)
    assert missing.code is Code.NOT_FOUND
    item = Item("shard.tar#a", lambda _: b"%!PS-Adobe")
    assert str(prepare(item)).startswith("INVALID_ARGUMENT: shard.tar#a: the file is a PostScript file")


def test_an_item_is_read_with_a_larger_limit_and_its_error_stays() -> None:
    asked: list[Limits] = []
    gone = ImageError(Code.NOT_FOUND, "x: gone")

    def read(limits: Limits) -> ImageError:
        asked.append(limits)
        return gone

    assert prepare(Item("x", read), Limits(pixels=9)) is gone
    assert (asked[0].content_bytes, asked[0].pixels) == (200 * 1_048_576, 9)


def test_content_over_that_limit_is_not_decoded() -> None:
    result = prepare(Item("x", lambda _: bytes(200 * 1_048_576 + 1)))
    assert isinstance(result, ImageError)
    assert "the limit is 209,715,200" in result.message
    assert "add" not in result.message


WITHOUT_PILLOW = """
import sys
sys.modules["PIL"] = None
from vision_grpc.sources.fit import fit
print(fit(bytes.fromhex(sys.argv[1])))
"""


@pytest.mark.parametrize("content", [b"RIFF....WEBPVP8 ", save(page((20, 20)), "JPEG")])
def test_without_pillow_the_extra_is_named(content: bytes) -> None:
    printed = subprocess.run([sys.executable, "-c", WITHOUT_PILLOW, content.hex()], capture_output=True, check=True)
    assert "pillow is not installed: pip install 'vision-grpc[images]'" in printed.stdout.decode()
