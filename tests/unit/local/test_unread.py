import page_variants
import pytest
from PIL import Image, ImageDraw

from vision_grpc.local.ocr.prepare import in_even_light
from vision_grpc.local.ocr.unread import touches, unread_ink, without


@pytest.mark.parametrize("dark", [False, True])
def test_ink_outside_of_words_is_unread(dark: bool) -> None:  # noqa: FBT001
    page = page_variants.paragraph()
    picture = page_variants.light_on_dark(page.picture) if dark else page.picture
    half = [box for box in page.boxes if box[0] < picture.width // 3]
    shares = [unread_ink(picture, boxes) for boxes in ([], half, page.boxes)]
    assert shares[0] == 1
    assert 0.2 < shares[1] < 0.8
    assert shares[2] < 0.05


def test_a_blank_picture_has_nothing_unread() -> None:
    assert unread_ink(Image.new("L", (50, 9), 255), []) == 0
    assert unread_ink(Image.new("RGB", (1, 1)), [(0, 0, 1, 1)]) == 0


@pytest.mark.parametrize("dark", [False, True])
def test_words_are_painted_over_in_the_colour_of_the_page(dark: bool) -> None:  # noqa: FBT001
    page = page_variants.paragraph()
    picture = page_variants.light_on_dark(page.picture) if dark else page.picture
    low, high = without(picture, page.boxes).convert("L").getextrema()
    assert low == high


@pytest.mark.parametrize(("box", "expected"), [((0, 0, 5, 5), False), ((0, 0, 11, 11), True), ((12, 12, 13, 13), True)])
def test_boxes_touch_if_they_have_a_point_in_common(box: tuple[int, int, int, int], *, expected: bool) -> None:
    assert touches(box, [(90, 90, 99, 99), (10, 10, 20, 20)]) is expected


def test_a_shadow_is_taken_off_a_page() -> None:
    shaded = page_variants.photographed(page_variants.paragraph().picture)
    even = in_even_light(shaded)
    assert even is not None
    paper = sorted(even.resize((40, 40), Image.Resampling.BOX).tobytes())
    assert paper[len(paper) // 10] > 150
    assert paper[len(paper) // 2] > 230


def test_a_page_without_a_shadow_stays_as_it_is() -> None:
    page = page_variants.paragraph().picture
    assert in_even_light(page) is None
    assert in_even_light(page_variants.light_on_dark(page)) is None
    ImageDraw.Draw(page).rectangle((0, 0, page.width // 3, page.height), fill="black")
    assert in_even_light(page) is None
    assert in_even_light(Image.new("L", (1, 1))) is None
