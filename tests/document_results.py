"""Results with any text and geometry that an answer can hold, and what documents that are made of them must hold."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from lxml import etree

from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome

SCHEMAS = Path(__file__).parent / "data" / "schemas"
WILD_TEXTS = [
    "word", "слово", "]]>", "<script>alert(1)</script>", "&amp;", "a\x00b", "\x1b[31m", "\r\n", " ", "\t", "'\"`",
    "\ufffe", "\uffff", "\ufeff", "\x7f\x85", "\u2028", "שלום", "مرحبا", "1,5", "e\u0301", "👩‍👩‍👧", "\U0001f600",
    "--", "?>", "a;b",
]  # fmt: skip
_IN_XML = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def polygon(*points: tuple[int, int]) -> Polygon:
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in points])


def rectangle(left: int, top: int, right: int, bottom: int) -> Polygon:
    """Return the polygon of a box in the order of the service."""
    return polygon((left, top), (left, bottom), (right, bottom), (right, top))


def word(text: str, box: tuple[int, int, int, int] | None = None, *languages: str, confidence: float = 0.97) -> Word:
    """Return a word; of several languages, the last one is the surest."""
    detected = [Word.DetectedLanguage(language_code=code, confidence=sure) for sure, code in enumerate(languages)]
    area = Polygon() if box is None else rectangle(*box)
    return Word(text=text, bounding_box=area, confidence=confidence, languages=detected)


def line(*words: Word, box: tuple[int, int, int, int] | None = None) -> Line:
    return Line(words=words, bounding_box=Polygon() if box is None else rectangle(*box), confidence=0.5)


def block(*lines: Line, box: tuple[int, int, int, int] | None = None) -> Block:
    return Block(lines=lines, bounding_box=Polygon() if box is None else rectangle(*box))


def page(*blocks: Block, size: tuple[int, int] = (1000, 500)) -> Page:
    return Page(blocks=blocks, width=size[0], height=size[1])


def result_of(key: str, *pages: Page, fitted: Mapping[str, object] | None = None) -> ImageResult:
    answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=pages))])
    return ImageResult(key, WireOutcome(answer.SerializeToString(), has_error=False), fitted=fitted)


_texts = st.one_of(st.sampled_from(WILD_TEXTS), st.text(max_size=8))
_numbers = st.one_of(st.integers(-20, 2000), st.integers(-(2**63), 2**63 - 1))
_polygons = st.one_of(
    st.builds(polygon),
    st.builds(rectangle, *[st.integers(-20, 2000)] * 4),
    st.lists(st.tuples(_numbers, _numbers), max_size=5).map(lambda points: polygon(*points)),
)
_confidences = st.one_of(st.floats(0, 1), st.floats(), st.sampled_from([math.nan, math.inf, -math.inf]))
_codes = st.sampled_from(["ru", "en", "he", "zh-Hans", "", "x y", '"', "yue", "en-" + "x" * 9, "\n"])
_words = st.builds(
    Word,
    text=_texts,
    bounding_box=_polygons,
    confidence=_confidences,
    languages=st.lists(st.builds(Word.DetectedLanguage, language_code=_codes), max_size=2),
)
_lines = st.builds(Line, words=st.lists(_words, max_size=4), bounding_box=_polygons, confidence=_confidences)
_blocks = st.builds(Block, lines=st.lists(_lines, max_size=3), bounding_box=_polygons)
_pages = st.builds(Page, blocks=st.lists(_blocks, max_size=3), width=_numbers, height=_numbers)
_values = st.one_of(st.none(), st.booleans(), _numbers, st.floats(), st.text(max_size=3), st.lists(st.integers()))
_fitted = st.none() | st.fixed_dictionaries({}, optional={"width": _values, "height": _values, "dpi": _values})
keys = st.one_of(
    st.sampled_from(["scan.png", "caf\udce9.png", 'a";<b>&.png', "a\n\x00.png", "a.pdf#page=3", "\ud800", ""]),
    st.text(st.characters(), max_size=8),
)
one_page = st.builds(result_of, keys, _pages, fitted=_fitted)
any_pages = st.lists(
    st.builds(lambda key, pages: result_of(key, *pages), keys, st.lists(_pages, max_size=2)), max_size=3
)


def in_xml(text: str) -> str:
    """Return a text with U+FFFD for each character that XML 1.0 does not have."""
    return "".join(each if _IN_XML.match(each) else "\ufffd" for each in text)


def words_of(results: Iterable[ImageResult]) -> list[str]:
    """Return the texts that a document holds."""
    return [in_xml(word.text) for result in results for word in result.words() if word.text]


def boxes_of(results: Iterable[ImageResult]) -> list[Sequence[int] | None]:
    """Return the boxes of the words that a document holds, None where the answer has none."""
    words = (word for result in results for word in result.words() if word.text)
    return [[max(side, 0) for side in word.box] if word.polygon else None for word in words]


def agree(found: Sequence[Sequence[int]], wanted: Sequence[Sequence[int] | None]) -> bool:
    """Return whether boxes are those that are wanted."""
    return all(is_wanted is None or [*box] == is_wanted for box, is_wanted in zip(found, wanted, strict=True))


@cache
def schema(name: str) -> etree.XMLSchema:
    """Return a schema, with what it imports."""
    parser = etree.XMLParser()
    parser.resolvers.add(_Beside())
    return etree.XMLSchema(etree.parse(SCHEMAS / name, parser))


class _Beside(etree.Resolver):  # type: ignore[misc]  # lxml comes without types
    """Finds an imported schema beside the one that imports it."""

    def resolve(self, system_url: str, public_id: str, context: object) -> object:
        del public_id
        return self.resolve_filename(str(SCHEMAS / system_url.rpartition("/")[2]), context)
