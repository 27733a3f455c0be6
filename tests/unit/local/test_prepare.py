import random
from itertools import product

import page_variants
import pytest
from PIL import Image, ImageDraw

from vision_grpc.local.ocr import prepare
from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.layout import Box
from vision_grpc.local.ocr.prepare import LONGEST_SIDE, Pose, Prepared, larger, level, likely_dpi, page_of

WHITE = (255, 255, 255)


def bitmap(picture: Image.Image) -> Bitmap:
    return Bitmap(picture.width, picture.height, len(picture.getbands()), picture.tobytes())


@pytest.fixture(scope="module")
def paragraph() -> Image.Image:
    return page_variants.paragraph().picture


def test_a_picture_without_colours_becomes_grey_with_the_same_shades() -> None:
    shades = Image.radial_gradient("L")
    page = page_of(bitmap(shades.convert("RGB")))
    assert page.mode == "L"
    assert page.tobytes() == shades.tobytes()


@pytest.mark.parametrize(("colour", "mode"), [((200, 0, 0), "RGB"), ((0, 0, 120), "RGB"), ((250, 245, 230), "L")])
def test_colours_are_kept_and_yellowed_paper_is_not_one(colour: tuple[int, int, int], mode: str) -> None:
    picture = Image.new("RGB", (600, 800), WHITE)
    ImageDraw.Draw(picture).rectangle((50, 50, 90, 60), fill=colour)
    assert page_of(bitmap(picture)).mode == mode


def test_a_stray_pixel_makes_no_picture_coloured() -> None:
    picture = Image.new("RGB", (600, 800), WHITE)
    picture.putpixel((3, 3), (255, 0, 0))
    assert page_of(bitmap(picture)).mode == "L"


@pytest.mark.parametrize("angle", [-13, -7, -2.5, -0.8, 0.8, 1, 4, 10, 14])
@pytest.mark.parametrize("dark", [False, True])
def test_the_angle_of_lines_is_found(paragraph: Image.Image, angle: float, dark: bool) -> None:  # noqa: FBT001
    page = page_variants.skewed(paragraph, angle).convert("L")
    found = level(page_variants.light_on_dark(page) if dark else page, Pose())
    assert found.skew == pytest.approx(angle, abs=0.3)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 40), (300, 200), (4000, 30)])
def test_pictures_without_lines_stay_as_they_are(size: tuple[int, int]) -> None:
    noise = Image.frombytes("L", size, random.Random(4).randbytes(size[0] * size[1]))  # noqa: S311
    for picture in (Image.new("L", size, 255), Image.linear_gradient("L").resize(size), noise):
        assert level(picture, Pose()) == Pose()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_upright_lines_stay_as_they_are(paragraph: Image.Image, turn: int) -> None:
    assert level(page_variants.turned(paragraph, turn), Pose()) == Pose()


@pytest.mark.parametrize("text", ["A", "/", "//", "W", "Invoice", "\\ 7 /", "Invoice No. 4817"])
def test_a_single_word_is_not_tilted(text: str) -> None:
    picture = Image.new("L", (480, 90), 255)
    ImageDraw.Draw(picture).text((30, 20), text, font_size=36, fill=0)
    assert level(picture, Pose()) == Pose()


def test_a_page_that_is_turned_is_made_level_after_it_was_turned_upright(paragraph: Image.Image) -> None:
    page = page_variants.skewed(page_variants.turned(paragraph, 270), 3).convert("L")
    pose = level(page, Pose(quarters=3))
    assert pose.quarters == 3
    assert pose.skew == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize(
    ("quarters", "skew", "scale"), [*product(range(4), (0.0, -9.0, 5.0), (1.0, 2.5)), (0, 0.0, 0.7), (1, 3.0, 4.0)]
)
def test_what_is_seen_in_a_pose_is_found_again_on_the_page(quarters: int, skew: float, scale: float) -> None:
    for spot in ((30, 40), (170, 20), (15, 100), (100, 60)):
        page = Image.new("L", (200, 120), 255)
        left, top = spot
        page.paste(0, (left, top, left + 6, top + 6))
        prepared = Prepared(page, Pose(quarters, skew, scale))
        seen = Box(*prepared.image.point(lambda value: 255 * (value < 128)).getbbox())  # type: ignore[misc]
        xs, ys = zip(*prepared.on_page(seen), strict=True)
        assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((left, top, left + 6, top + 6), abs=2)


@pytest.mark.parametrize(
    ("quarters", "corners"),
    [
        (0, [(10, 20), (10, 50), (30, 50), (30, 20)]),
        (1, [(180, 10), (150, 10), (150, 30), (180, 30)]),
        (2, [(190, 100), (190, 70), (170, 70), (170, 100)]),
        (3, [(20, 110), (50, 110), (50, 90), (20, 90)]),
    ],
)
def test_corners_begin_with_the_upper_left_one_for_the_reader(quarters: int, corners: list[tuple[int, int]]) -> None:
    prepared = Prepared(Image.new("L", (200, 120), 255), Pose(quarters))
    assert prepared.on_page(Box(10, 20, 30, 50)) == corners


def test_corners_are_on_the_page_and_boxes_are_never_empty() -> None:
    prepared = Prepared(Image.new("L", (200, 120), 255), Pose(skew=10, scale=4))
    width, height = prepared.image.size
    for box in (
        Box(0, 0, width, height),
        Box(0, 0, 1, 1),
        Box(width // 2, height // 2, width // 2 + 1, height // 2 + 1),
    ):
        assert all(0 <= x <= 200 and 0 <= y <= 120 for x, y in prepared.on_page(box))
    enlarged = Prepared(Image.new("L", (200, 120), 255), Pose(scale=4))
    assert enlarged.on_page(Box(401, 201, 402, 203)) == [(100, 50), (100, 51), (101, 51), (101, 50)]


@pytest.mark.parametrize(
    ("size", "heights", "scale"),
    [
        ((800, 1000), [22, 22], 1),
        ((800, 1000), [21, 21], 32 / 21),
        ((800, 1000), [40, 9, 40], 1),
        ((800, 1000), [], 1),
        ((800, 1000), [16, 15, 17, 90], 32 / 16.5),
        ((800, 1000), [3, 3], 4),
        ((800, 1000), [0], 4),
        ((5000, 4000), [8], (25 / 20) ** 0.5),
        ((6000, 4000), [8], 1),
        ((20_000, 100), [16], LONGEST_SIDE / 20_000),
    ],
)
def test_small_lines_are_enlarged_within_limits(size: tuple[int, int], heights: list[int], scale: float) -> None:
    page = Image.new("1", size)
    prepared = Prepared(page, Pose())
    enlarged = larger(page, prepared, heights)
    assert enlarged.pose.scale == pytest.approx(scale)
    assert (enlarged is prepared) == (scale == 1)
    assert enlarged.image.width * enlarged.image.height <= 25_100_000
    assert max(enlarged.image.size) <= LONGEST_SIDE


def test_what_was_enlarged_is_so_once_more_up_to_the_same_limit() -> None:
    page = Image.new("L", (300, 200))
    assert larger(page, Prepared(page, Pose(scale=2)), [16]).pose.scale == 4
    assert larger(page, Prepared(page, Pose(scale=3)), [16]).pose.scale == 4
    prepared = Prepared(page, Pose(scale=4))
    assert larger(page, prepared, [16]) is prepared


@pytest.mark.parametrize(
    ("size", "dpis"),
    [((600, 842), [100]), ((1240, 1754), [150, 100]), ((2480, 3508), [300, 100]), ((9999, 9), [300, 100])],
)
def test_lines_are_looked_for_at_the_resolution_of_a_sheet_first(size: tuple[int, int], dpis: list[int]) -> None:
    assert likely_dpi(Prepared(Image.new("1", size), Pose())) == dpis


def test_no_page_is_longer_for_being_made_level(paragraph: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_variants.skewed(paragraph, 5).convert("L")
    assert level(page, Pose()).skew
    monkeypatch.setattr(prepare, "LONGEST_SIDE", max(page.size) + 1)
    assert not level(page, Pose()).skew
