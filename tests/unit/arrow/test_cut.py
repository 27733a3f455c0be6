"""The columns beside what the views of a result say, which read it message by message."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wild_answers import usual_answer, wild_answers

from vision_grpc.arrow import to_batch
from vision_grpc.arrow.cut import _cut
from vision_grpc.codec.wire_format import LENGTH_DELIMITED, VARINT, length_delimited, tag
from vision_grpc.messages import AnalyzeResult, FeatureResult, Polygon, Status, Vertex, Word
from vision_grpc.results import ImageResult
from vision_grpc.results.layout import Block, Page
from vision_grpc.results.layout import Line as LineView
from vision_grpc.results.layout import Word as WordView
from vision_grpc.results.outcomes import WireOutcome, text_of

_USUAL = usual_answer("one two", "три 4 five").SerializeToString()


def _result(wire: bytes) -> ImageResult:
    return ImageResult("key", WireOutcome(wire, has_error=False))


def _row(wire: bytes) -> dict[str, Any]:
    batch = to_batch(_result(wire), detail="words")
    batch.validate(full=True)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows[0]


def _clip(value: int) -> int:
    return min(max(value, -(2**31)), 2**31 - 1)


def _area(view: Block | LineView | WordView, **parts: object) -> dict[str, object]:
    corners = view.polygon
    return {
        "text": view.text,
        "confidence": view.confidence,
        "languages": [*view.languages],
        "box": [*map(_clip, view.box)] if corners else None,
        "polygon": [_clip(each) for corner in corners for each in corner],
        **parts,
    }


def _line(line: LineView) -> dict[str, object]:
    return _area(line, words=[_area(word) for word in line.words])


def _page(page: Page) -> dict[str, object]:
    blocks = [_area(block, lines=[_line(line) for line in block.lines]) for block in page.blocks]
    return {"width": _clip(page.width), "height": _clip(page.height), "blocks": blocks}


def _check(wire: bytes) -> None:
    row = _row(wire)
    result = _result(wire)
    if (error := result.check().error) is not None:
        assert (row["ok"], row["error_code"], row["error_message"]) == (False, error.code.name, error.message)
        assert row["text"] is None
        assert row["pages"] is None
        return
    annotation, answer = result.annotation, result.result
    assert answer is not None
    assert row["ok"]
    # Not `result.text`: of a word with two texts, which no writer makes, it has both.
    assert row["text"] == text_of(answer)
    assert row["pages"] == (None if annotation is None else [_page(page) for page in result.pages])


@given(wild_answers)
def test_whatever_parses_has_the_columns_that_its_views_say(wire: bytes) -> None:
    _check(wire)


@given(st.integers(0, len(_USUAL) - 1), st.integers(1, 255), st.integers(0, len(_USUAL)))
def test_damaged_bytes_are_an_error_or_what_they_parse_as(place: int, change: int, length: int) -> None:
    flipped = bytearray(_USUAL)
    flipped[place] ^= change
    _check(bytes(flipped))
    _check(_USUAL[:length])


def test_a_usual_answer_is_cut_without_messages() -> None:
    """Else the tests here would compare the views with themselves."""
    assert _cut(_USUAL) is not None
    _check(_USUAL)


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_page_without_words_is_usual(blocks: int) -> None:
    def empty(answer: AnalyzeResult) -> None:
        page = answer.results[0].text_detection.pages[0]
        del page.blocks[blocks:]
        for block in page.blocks:
            block.ClearField("lines")

    wire = _changed(empty)
    assert _cut(wire) is not None
    _check(wire)


def _changed(change: Callable[[AnalyzeResult], object]) -> bytes:
    answer = AnalyzeResult.FromString(_USUAL)
    change(answer)
    return answer.SerializeToString()


def _first_word(answer: AnalyzeResult) -> Word:
    return answer.results[0].text_detection.pages[0].blocks[0].lines[0].words[0]


_UNUSUAL: dict[str, Callable[[AnalyzeResult], object]] = {
    "no confidence": lambda answer: _first_word(answer).ClearField("confidence"),
    "a confidence above 1": lambda answer: setattr(_first_word(answer), "confidence", 3.0),
    "a confidence that is not a number": lambda answer: setattr(_first_word(answer), "confidence", float("nan")),
    "no text": lambda answer: _first_word(answer).ClearField("text"),
    "no box": lambda answer: _first_word(answer).ClearField("bounding_box"),
    "no language": lambda answer: _first_word(answer).ClearField("languages"),
    "two languages": lambda answer: _first_word(answer).languages.add(language_code="kk"),
    "a language without a code": lambda answer: _first_word(answer).languages.add(confidence=0.5),
    "no page": lambda answer: answer.results[0].text_detection.ClearField("pages"),
    "no feature": lambda answer: answer.ClearField("results"),
    "two features": lambda answer: answer.results.add().text_detection.pages.add(width=1),
    "a failed feature before": lambda answer: answer.results.insert(0, FeatureResult(error=Status(code=3))),
}


@pytest.mark.parametrize("change", _UNUSUAL.values(), ids=_UNUSUAL)
def test_an_answer_that_lacks_something_is_read_through_messages(change: Callable[[AnalyzeResult], object]) -> None:
    wire = _changed(change)
    assert _cut(wire) is None
    _check(wire)


def test_nothing_makes_up_for_a_second_language() -> None:
    """Its bytes alone show it, so no other part may get longer when it is written again."""
    block = AnalyzeResult.FromString(_USUAL).results[0].text_detection.pages[0].blocks[0]
    line, box = block.lines[0], length_delimited(1, block.bounding_box.SerializeToString())
    language = tag(4, LENGTH_DELIMITED)
    word = line.words[0].SerializeToString() + language + b"\0" + language + b"\x80\0"
    line.ClearField("words")
    lines = length_delimited(2, length_delimited(2, word) + line.SerializeToString())
    wire = length_delimited(2, length_delimited(2, length_delimited(1, length_delimited(3, box + lines))))
    assert _cut(wire) is None
    # As a number of 32 bits this is -1, which takes five bytes more.
    error = length_delimited(1, tag(1, VARINT) + b"\xff\xff\xff\xff\x0f")
    assert len(AnalyzeResult.FromString(error).SerializeToString()) == len(error) + 5
    assert _cut(wire + error) is None
    _check(wire + error)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 5), (0, 9), (7, 9), (7, 5)],
        [(1, 0), (1, 9), (7, 9), (7, 0)],
        [(-1, -5), (-1, 9), (7, 9), (7, -5)],
        [(1, 2), (3, 4), (5, 6)],
        [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)],
        [(1, 0), (0, 2), (3, 4), (5, 6), (7, 8)],
        [(2**31, 2**31), (1, 2), (3, 4), (5, 6)],
        [(2**62, -(2**62)), (1, 2), (3, 4), (5, 6)],
        [],
    ],
)
def test_boxes_may_lie_anywhere(corners: list[tuple[int, int]]) -> None:
    def move(answer: AnalyzeResult) -> None:
        box = Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners])
        _first_word(answer).bounding_box.CopyFrom(box)

    _check(_changed(move))
