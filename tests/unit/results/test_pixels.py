import pickle
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vision_grpc.errors import ProtocolError
from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    Face,
    FaceAnnotation,
    FeatureResult,
    Line,
    Page,
    Polygon,
    Status,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.pictures.orientation import turn
from vision_grpc.results.outcomes import MessageOutcome, WireOutcome
from vision_grpc.results.pixels import MappedOutcome, PixelMap

ORIENTATIONS = range(1, 9)


def answer(box: tuple[int, int, int, int], size: tuple[int, int]) -> AnalyzeResult:
    left, top, right, bottom = box
    corners = ((left, top), (left, bottom), (right, bottom), (right, top))
    around = Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners])
    line = Line(bounding_box=around, words=[Word(bounding_box=around, text="word")])
    page = Page(width=size[0], height=size[1], blocks=[Block(bounding_box=around, lines=[line])])
    return AnalyzeResult(
        results=[
            FeatureResult(text_detection=TextAnnotation(pages=[page])),
            FeatureResult(face_detection=FaceAnnotation(faces=[Face(bounding_box=around)])),
        ]
    )


def corners(result: AnalyzeResult) -> set[tuple[tuple[int, int], ...]]:
    block = result.results[0].text_detection.pages[0].blocks[0]
    face = result.results[1].face_detection.faces[0].bounding_box
    boxes = [block.bounding_box, block.lines[0].bounding_box, block.lines[0].words[0].bounding_box, face]
    return {tuple((each.x, each.y) for each in box.vertices) for box in boxes}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_box_lies_where_its_pixels_are_stored(orientation: int) -> None:
    stored = Image.new("L", (70, 50))
    stored.paste(255, (20, 10, 60, 16))
    upright = turn(stored, orientation)
    box = upright.getbbox()
    assert box is not None
    # Half as large, as if it had been scaled to be sent.
    sent = PixelMap((upright.width // 2, upright.height // 2), stored.size, orientation)
    result = answer((box[0] // 2, box[1] // 2, box[2] // 2, box[3] // 2), sent.sent)
    sent.restore(result)
    [points] = corners(result)
    assert {(min(each), max(each)) for each in zip(*points, strict=True)} == {(20, 60), (10, 16)}
    page = result.results[0].text_detection.pages[0]
    assert (page.width, page.height) == stored.size
    # The first corner is still that above the beginning of the text.
    assert points[0] == sent.to_stored(box[0] // 2, box[1] // 2)


@given(
    orientation=st.sampled_from(ORIENTATIONS),
    stored=st.tuples(st.integers(1, 10**5), st.integers(1, 10**5)),
    shares=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    place=st.tuples(st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)),
)
def test_a_point_comes_back_from_the_stored_picture(
    orientation: int, stored: tuple[int, int], shares: tuple[float, float], place: tuple[float, float]
) -> None:
    upright = PixelMap((1, 1), stored, orientation).upright
    wide, high = (max(1, round(length * share)) for length, share in zip(upright, shares, strict=True))
    pixels = PixelMap((wide, high), stored, orientation)
    x, y = round(place[0] * wide), round(place[1] * high)
    across, down = _upright(orientation, stored, *pixels.to_stored(x, y))
    assert (floor(across * wide / upright[0] + 0.5), floor(down * high / upright[1] + 0.5)) == (x, y)


def _upright(orientation: int, stored: tuple[int, int], x: int, y: int) -> tuple[int, int]:
    from_right, from_bottom = stored[0] - x, stored[1] - y
    return {
        1: (x, y),
        2: (from_right, y),
        3: (from_right, from_bottom),
        4: (x, from_bottom),
        5: (y, x),
        6: (from_bottom, x),
        7: (from_bottom, from_right),
        8: (y, from_right),
    }[orientation]


@given(orientation=st.sampled_from(ORIENTATIONS), x=st.integers(0, 40), y=st.integers(0, 30))
def test_an_answer_is_restored_as_its_points_are(orientation: int, x: int, y: int) -> None:
    pixels = PixelMap((40, 30), (101, 83), orientation)
    result = answer((x, y, x + 1, y + 1), (40, 30))
    pixels.restore(result)
    [points] = corners(result)
    assert points == tuple(pixels.to_stored(*each) for each in ((x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y)))


def test_nothing_is_parsed_until_a_box_is_read() -> None:
    outcome = MappedOutcome(WireOutcome(b"\xff not a message", has_error=False), PixelMap((1, 1), (2, 2)))
    assert outcome.error() is None
    with pytest.raises(ProtocolError):
        outcome.message()


def test_the_outcome_gives_everything_else_as_it_came() -> None:
    whole = answer((0, 10, 20, 30), (40, 30))
    failed = AnalyzeResult(error=Status(code=3, message="too dark"))
    pixels = PixelMap((40, 30), (400, 300))
    outcome = MappedOutcome(MessageOutcome(whole), pixels)
    assert outcome.text() == "word"
    assert outcome.message() is outcome.message()
    assert AnalyzeResult.FromString(outcome.wire()) == outcome.message()
    assert corners(outcome.message()) == {((0, 100), (0, 300), (200, 300), (200, 100))}
    assert corners(whole) == {((0, 10), (0, 30), (20, 30), (20, 10))}
    error = MappedOutcome(MessageOutcome(failed), pixels).error()
    assert error is not None
    assert error.message == "too dark"


def test_the_outcome_is_pickled() -> None:
    wire = answer((0, 10, 20, 30), (40, 30)).SerializeToString()
    outcome = MappedOutcome(WireOutcome(wire, has_error=False), PixelMap((40, 30), (30, 40), 6))
    assert pickle.loads(pickle.dumps(outcome)).message() == outcome.message()  # noqa: S301 - our own


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("x", [2**63 - 1, -(2**63), 2**62, -(2**62)])
def test_a_box_out_of_all_bounds_is_kept_as_near_as_numbers_go(x: int, orientation: int) -> None:
    sent = answer((1, x, x, 2), (4, 4))
    sent.results[0].text_detection.pages[0].width = x
    pixels = PixelMap((4, 4), (400, 400), orientation)
    outcome = MappedOutcome(MessageOutcome(sent), pixels)
    [points] = corners(AnalyzeResult.FromString(outcome.wire()))
    exact = [pixels.to_stored(*point) for point in ((1, x), (1, 2), (x, 2), (x, x))]
    assert points == tuple((limited(left), limited(top)) for left, top in exact)
    page = outcome.message().results[0].text_detection.pages[0]
    assert {page.width, page.height} == {limited(100 * x), 400}


def limited(value: int) -> int:
    return max(-(2**63), min(value, 2**63 - 1))


def test_a_page_without_a_size_stays_without() -> None:
    result = answer((0, 0, 1, 1), (0, 0))
    PixelMap((4, 3), (30, 40), 6).restore(result)
    page = result.results[0].text_detection.pages[0]
    assert (page.width, page.height) == (0, 0)
