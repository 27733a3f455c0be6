"""Pages, blocks, lines and words as views, beside the messages that they are made of."""

import copy
import pickle
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc import messages
from vision_grpc.messages import AnalyzeResult, FeatureResult, Polygon, TextAnnotation, Vertex
from vision_grpc.results import ImageResult
from vision_grpc.results.layout import Block, Box, Line, Page, Word
from vision_grpc.results.outcomes import MessageOutcome


def _polygon(*corners: tuple[int, int]) -> Polygon:
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners])


def _word(text: str, confidence: float = 0.9, *codes: str) -> messages.Word:
    languages = [messages.Word.DetectedLanguage(language_code=code, confidence=0.5) for code in codes]
    box = _polygon((1, 2), (1, 9), (30, 9), (30, 2))
    return messages.Word(text=text, confidence=confidence, languages=languages, bounding_box=box)


def _result(*pages: messages.Page) -> ImageResult:
    return ImageResult(
        "key", MessageOutcome(AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=pages))]))
    )


_FIRST = messages.Page(
    width=100,
    height=50,
    blocks=[
        messages.Block(
            bounding_box=_polygon((0, 0), (0, 20), (40, 20), (40, 0)),
            lines=[
                messages.Line(
                    words=[_word("Hello", 0.75, "en"), _word("мир", 0.5, "ru", "uk")],
                    confidence=0.7,
                    bounding_box=_polygon((0, 0), (0, 10), (40, 10), (40, 0)),
                ),
                messages.Line(words=[_word("שלום", 1.0, "he", "en")], confidence=0.25),
            ],
        ),
        messages.Block(),
    ],
)
_SECOND = messages.Page(blocks=[messages.Block(lines=[messages.Line(words=[_word("🙂"), _word("")])])])


def test_each_level_says_text_confidence_languages_and_place() -> None:
    result = _result(_FIRST)
    [page] = result.pages
    assert (page.width, page.height, page.text) == (100, 50, "Hello мир\nשלום\n\n")
    block, empty = page.blocks
    assert (block.text, block.confidence, block.languages) == ("Hello мир\nשלום", 0.75, ["en", "ru", "uk", "he"])
    assert (block.box, block.polygon) == (Box(0, 0, 40, 20), [(0, 0), (0, 20), (40, 20), (40, 0)])
    line, second = block.lines
    assert (line.text, line.confidence, line.languages) == ("Hello мир", 0.7, ["en", "ru", "uk"])
    assert (line.box, second.box, second.polygon) == (Box(0, 0, 40, 10), Box(0, 0, 0, 0), [])
    word = line.words[1]
    assert (word.text, word.confidence, word.languages) == ("мир", 0.5, ["ru", "uk"])
    assert (word.box, word.box.width, word.box.height) == ((1, 2, 30, 9), 29, 7)
    assert (empty.text, empty.confidence, empty.languages, list(empty.words()), empty.lines) == ("", None, [], [], [])


def test_all_ways_give_the_same_in_reading_order() -> None:
    result = _result(_FIRST, messages.Page(), _SECOND)
    texts = ["Hello", "мир", "שלום", "🙂", ""]
    ways = [
        result.words(),
        (word for page in result.pages for word in page.words()),
        (word for block in result.blocks() for word in block.words()),
        (word for line in result.lines() for word in line.words),
        (word for page in result.pages for line in page.lines() for word in line.words),
        (word for page in result.pages for block in page.blocks for line in block.lines for word in line.words),
    ]
    assert [[word.text for word in way] for way in ways] == [texts] * 6
    assert "\n\n".join(page.text for page in result.pages if page.blocks) == result.text


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        MessageOutcome(AnalyzeResult()),
        MessageOutcome(AnalyzeResult(results=[FeatureResult(), FeatureResult(text_detection=TextAnnotation())])),
    ],
)
def test_where_nothing_was_read_nothing_comes(outcome: MessageOutcome | None) -> None:
    result = ImageResult("key", outcome)
    assert (result.pages, [*result.blocks()], [*result.lines()], [*result.words()]) == ([], [], [], [])


def test_the_first_text_feature_counts() -> None:
    features = [
        FeatureResult(error=messages.Status(code=8)),
        FeatureResult(text_detection=TextAnnotation(pages=[_SECOND])),
        FeatureResult(text_detection=TextAnnotation(pages=[_FIRST])),
    ]
    result = ImageResult("key", MessageOutcome(AnalyzeResult(results=features)))
    assert [word.text for word in result.words()] == ["🙂", ""]


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1)), max_size=6))
def test_a_box_is_around_all_corners(corners: list[tuple[int, int]]) -> None:
    word = Word(messages.Word(bounding_box=_polygon(*corners)), "")
    xs, ys = [x for x, _ in corners] or [0], [y for _, y in corners] or [0]
    assert word.box == Box(min(xs), min(ys), max(xs), max(ys))
    assert word.polygon == corners


@pytest.mark.parametrize(
    ("stated", "shown"), [(0.0, 0.0), (1.0, 1.0), (1.0000001, 1.0), (-3, 0.0), (inf, 1.0), (-inf, 0.0), (nan, None)]
)
def test_a_confidence_is_from_0_to_1_whatever_the_service_says(stated: float, shown: float | None) -> None:
    line = messages.Line(words=[_word("a", stated)], confidence=stated)
    [block] = _result(messages.Page(blocks=[messages.Block(lines=[line])])).blocks()
    assert [block.confidence, block.lines[0].confidence, next(block.words()).confidence] == [shown] * 3


def test_the_surest_language_goes_first() -> None:
    word = _word("a", 0.9, "en", "ru", "uk")
    assert Word(word, "a").languages == ["en", "ru", "uk"]
    word.languages[2].confidence = 0.6
    assert Word(word, "a").languages == ["uk", "en", "ru"]


def test_views_show_what_they_are() -> None:
    [page] = _result(_FIRST).pages
    block = page.blocks[0]
    assert repr(page) == "Page(100 x 50, 2 blocks)"
    assert repr(block) == r"Block('Hello мир\nשלום', 0.75, box=(0, 0, 40, 20))"
    assert repr(block.lines[0]) == "Line('Hello мир', 0.7, box=(0, 0, 40, 10))"
    assert repr(block.lines[0].words) == "[Word('Hello', 0.75, box=(1, 2, 30, 9)), Word('мир', 0.5, box=(1, 2, 30, 9))]"
    assert repr(Block(messages.Block())) == "Block('', None, box=(0, 0, 0, 0))"
    assert len(repr(Line(messages.Line(words=[_word("x" * 100_000)])))) < 500


def test_views_are_equal_where_their_messages_are() -> None:
    one, two = _result(_FIRST), _result(copy.deepcopy(_FIRST))
    assert [*one.words()] == [*two.words()]
    assert [*one.lines()] == [*two.lines()]
    assert [*one.blocks()] == [*two.blocks()]
    assert one.pages == two.pages
    assert next(one.words()) != next(_result(_SECOND).words())


def test_views_go_through_pickle_and_have_their_messages() -> None:
    [page] = _result(_FIRST).pages
    for view in (page, page.blocks[0], next(page.lines()), next(page.words())):
        assert pickle.loads(pickle.dumps(view)) == view  # noqa: S301 - our own bytes
        assert copy.deepcopy(view) == view
    assert page.message == _FIRST
    word = next(page.words())
    assert word.bounding_box == word.message.bounding_box
    assert isinstance(page, Page)
