"""Boxes drawn over pictures, looked at pixel by pixel."""

import pytest
from PIL import Image
from placed_words import Placed, placed

from vision_grpc.exports import overlay
from vision_grpc.exports.pictures.confidence import DOUBTFUL, SURE, UNSURE
from vision_grpc.exports.pictures.finding import Picture

_SIZE = (400, 300)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_WORDS = [
    [Placed("sure", (40, 50, 120, 80), 0.97), Placed("unsure", (140, 50, 220, 80), 0.7)],
    [Placed("doubtful", (40, 150, 200, 180), 0.2)],
]


def drawn(
    words: list[list[Placed]] = _WORDS,
    ground: tuple[int, int, int] = _WHITE,
    level: str = "words",
    orientation: int = 1,
) -> Image.Image:
    picture = Picture(Image.new("RGB", _SIZE, ground), _SIZE, orientation)
    return overlay(placed("a.png", words, _SIZE), picture, level=level)  # type: ignore[arg-type] # a level


def test_words_are_filled_and_outlined_in_the_colour_of_their_band() -> None:
    image = drawn()
    assert (image.mode, image.size) == ("RGB", _SIZE)
    for word, band in zip([*_WORDS[0], *_WORDS[1]], (SURE, UNSURE, DOUBTFUL), strict=True):
        left, top, right, bottom = word.place
        # The outline is outside of the box, so that it hides no letter.
        for at in (
            (left - 1, (top + bottom) // 2),
            ((left + right) // 2, top - 1),
            (right, top + 3),
            (left + 9, bottom),
        ):
            assert image.getpixel(at) == band.colour, (word, at)
        inside = image.getpixel(((left + right) // 2, (top + bottom) // 2))
        assert inside not in {_WHITE, band.colour}
    assert image.getpixel((300, 250)) == _WHITE


@pytest.mark.parametrize(
    ("level", "at_word", "is_filled"), [("words", True, True), ("lines", False, False), ("blocks", False, False)]
)
def test_a_level_is_drawn_alone(level: str, at_word: bool, is_filled: bool) -> None:  # noqa: FBT001 - a case
    image = drawn(level=level)
    # Between the words of the line, and in the middle of a word.
    assert (image.getpixel((139, 65)) != _WHITE) == at_word
    assert (image.getpixel((60, 65)) != _WHITE) == is_filled


def test_all_levels_are_there() -> None:
    image = drawn(level="all")
    row = [image.getpixel((x, 65)) for x in range(40)]
    # From the left: the block, the line, the word.
    changes = [here for here, before in zip(row[1:], row, strict=False) if here != before]
    assert len([colour for colour in changes if colour != _WHITE]) >= 3


def test_small_words_on_a_large_page_are_not_hidden_by_lines() -> None:
    size = (6000, 100)
    words = [[Placed("a", (100, 20, 200, 35), 0.97)], [Placed("b", (100, 45, 200, 60), 0.97)]]
    picture = Picture(Image.new("RGB", size, _WHITE), size)
    image = overlay(placed("a.png", words, size), picture, level="words")
    assert [image.getpixel((150, y)) for y in (38, 40, 42)] == [_WHITE] * 3


def test_lines_are_seen_on_dark_ground() -> None:
    light, dark = drawn(), drawn(ground=_BLACK)
    outside = (38, 65)
    assert light.getpixel(outside) == _WHITE
    pale = dark.getpixel(outside)
    assert isinstance(pale, tuple)
    assert min(pale) > 120
    assert dark.getpixel((300, 250)) == _BLACK


def test_slanted_sides_are_smooth() -> None:
    image = drawn([[Placed("slanted", (50, 100, 300, 40, 310, 80, 60, 140))]])
    reds = [colour[0] for y in range(62, 71) if isinstance(colour := image.getpixel((180, y)), tuple)]
    # Between the ground and the line there are shades, and no step.
    assert min(reds) < 100
    assert len(set(reds)) > 3


def test_a_turned_picture_is_drawn_upright() -> None:
    # The word is at the upper left of the stored picture, which is turned clockwise to be seen.
    image = drawn([[Placed("word", (10, 20, 90, 60))]], orientation=6)
    assert image.size == (300, 400)
    filled = image.getpixel((300 - 40, 50))
    assert filled not in {_WHITE, SURE.colour}
    assert image.getpixel((40, 50)) == _WHITE


@pytest.mark.parametrize(
    "place",
    [(0, 0, 0, 0), (-5000, -5000, 9_000_000, 9_000_000), (390, 290, 380, 280), (-(2**62), 5, 2**62, 9), (3, 4, 3, 90)],
)
def test_absurd_places_are_drawn_as_far_as_they_are_seen(place: tuple[int, ...]) -> None:
    assert drawn([[Placed("word", place)]], level="all").size == _SIZE


def test_words_without_places_are_not_drawn() -> None:
    assert drawn([]).getcolors() == [(_SIZE[0] * _SIZE[1], _WHITE)]


def test_the_legend_is_below_the_picture() -> None:
    picture = Picture(Image.new("L", _SIZE, 255), _SIZE)
    image = overlay(placed("a.png", _WORDS), picture, legend=True)
    assert image.width == _SIZE[0]
    strip = image.crop((0, _SIZE[1], *image.size)).getcolors(10_000)
    assert strip is not None
    assert {band.colour for band in (SURE, UNSURE, DOUBTFUL)} <= {colour for _, colour in strip}


def test_a_smaller_picture_has_its_boxes_in_place() -> None:
    half = Picture(Image.new("RGB", (200, 150), _WHITE), _SIZE)
    image = overlay(placed("a.png", _WORDS), half, level="words")
    assert image.getpixel((19, 32)) == SURE.colour
