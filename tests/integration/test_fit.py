"""What the real engine makes of fitted pages: the same text, and boxes that lie on the words of the original."""

import io
from collections.abc import Iterator
from typing import Any

import pillow_heif
import pytest
from PIL import Image
from scanned_pages import ScannedPage

from vision_grpc import ImageResult, VisionClient
from vision_grpc.local import LocalVision
from vision_grpc.pictures.orientation import turn
from vision_grpc.sources.fit import Fitted, fit

pillow_heif.register_heif_opener()

ORIENTATION = 0x0112
UNDONE_BY = {6: 8, 8: 6}

Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def client() -> Iterator[VisionClient]:
    with LocalVision() as vision, VisionClient(vision.grpc_endpoint, insecure=True) as client:
        yield client


@pytest.fixture(scope="module")
def page(pages: dict[str, ScannedPage]) -> Image.Image:
    return Image.open(pages["en_sans"].path).convert("L")


@pytest.fixture(scope="module")
def untouched(client: VisionClient, pages: dict[str, ScannedPage]) -> ImageResult:
    return client.analyze(pages["en_sans"].path, languages=["en"]).raise_for_error()


def read(client: VisionClient, content: bytes) -> tuple[Fitted, ImageResult]:
    fitted = fit(content)
    assert isinstance(fitted, Fitted), fitted
    result = client.analyze(fitted.content, languages=["en"])
    return fitted, fitted.change.restore(result.raise_for_error())


def save(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - whatever Pillow takes
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def boxes(result: ImageResult) -> list[tuple[str, Box]]:
    return [(word.text, word.box) for word in result.words()]


def stored(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Return where a box of the upright page lies in the stored one, by turning a picture of it."""
    picture = Image.new("1", size)
    picture.paste(1, box)
    return turn(picture, UNDONE_BY.get(orientation, orientation)).getbbox() or (0, 0, 0, 0)


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share, of all that they cover."""
    wide, high = (max(0, min(one[at + 2], other[at + 2]) - max(one[at], other[at])) for at in (0, 1))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PPM"])
def test_a_page_in_another_format_is_read_alike(
    client: VisionClient, page: Image.Image, untouched: ImageResult, kind: str
) -> None:
    _, result = read(client, save(page, kind))
    ours, theirs = boxes(result), boxes(untouched)
    assert len(ours) == len(theirs)
    assert sum(one != other for (one, _), (other, _) in zip(ours, theirs, strict=True)) <= 2
    assert min(overlap(one, other) for (_, one), (_, other) in zip(ours, theirs, strict=True)) > 0.6


@pytest.mark.parametrize(
    ("kind", "orientation"), [*(("JPEG", number) for number in range(1, 9)), ("TIFF", 6), ("WEBP", 5), ("PNG", 8)]
)
def test_the_boxes_of_a_turned_page_lie_on_the_words_of_its_file(
    client: VisionClient, page: Image.Image, untouched: ImageResult, kind: str, orientation: int
) -> None:
    turned = turn(page, UNDONE_BY.get(orientation, orientation))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    _, result = read(client, save(turned, kind, exif=exif, **options))
    assert result.text == untouched.text
    assert result.annotation is not None
    assert (result.annotation.pages[0].width, result.annotation.pages[0].height) == turned.size
    for (_, box), (_, upright) in zip(boxes(result), boxes(untouched), strict=True):
        assert overlap(box, stored(upright, page.size, orientation)) > 0.9


def test_the_boxes_of_a_scaled_page_of_40_mpixel_lie_on_the_words_of_its_file(
    client: VisionClient, page: Image.Image, untouched: ImageResult
) -> None:
    times = 6.8
    large = page.resize((round(page.width * times), round(page.height * times)), Image.Resampling.BILINEAR)
    assert large.width * large.height > 39_000_000
    exif = Image.Exif()
    exif[ORIENTATION] = 8
    fitted, result = read(client, save(turn(large, 6), "JPEG", quality=85, exif=exif))
    assert fitted.change.scale < 0.75
    # Enlarged that much, a few words are read in another way.
    ours = [(text, stored_back(box, large.height, times)) for text, box in boxes(result)]
    theirs = boxes(untouched)
    found = [max((overlap(box, known) for text, box in ours if text == name), default=0) for name, known in theirs]
    assert sum(each > 0.7 for each in found) > 0.9 * len(theirs)


def stored_back(box: Box, wide: int, times: float) -> Box:
    """Return where a box of the large page, which is stored lying on its side, lies in the small upright one."""
    left, top, right, bottom = box
    # Orientation 8: the stored picture is turned to the left to be upright.
    corners = (top, wide - right, bottom, wide - left)
    x0, y0, x1, y1 = (round(each / times) for each in corners)
    return x0, y0, x1, y1
