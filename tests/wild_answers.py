"""Answers in wire format as no service writes them, but as a parser accepts them."""

from typing import Any

from hypothesis import strategies as st

from vision_grpc.codec.wire_format import (
    FIXED64,
    VARINT,
    double,
    length_delimited,
    padded_varint,
    tag,
)
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word

USUAL_BOX = Polygon(vertices=[Vertex(x=x, y=y) for x, y in ((200, 90), (200, 130), (20000, 130), (20000, 90))])


def usual_answer(*lines: str) -> AnalyzeResult:
    """Return an answer as the service gives it: a block of lines, each word with all that a word has."""
    block = Block(bounding_box=USUAL_BOX, lines=[_usual_line(line) for line in lines])
    page = Page(width=1240, height=1754, blocks=[block, block])
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def _usual_line(text: str) -> Line:
    words = [
        Word(
            bounding_box=USUAL_BOX,
            text=word,
            confidence=0.75,
            languages=[Word.DetectedLanguage(language_code="ru" if number % 2 else "en", confidence=0.5)],
            entity_index=-1,
        )
        for number, word in enumerate(text.split())
    ]
    return Line(bounding_box=USUAL_BOX, words=words, confidence=0.75)


Wire = st.SearchStrategy[bytes]
_NUMBERS = st.one_of(
    st.integers(0, 3), st.sampled_from([127, 128, 16384, 2**31 - 1, 2**31, -1, -(2**31) - 1, 2**63 - 1])
)
_TEXTS = st.sampled_from([b"", b"word", "слово".encode(), b"two words", b"\xd0", b"\x9f", b"\0"])
_CODES = st.sampled_from([b"", b"ru", b"en", b"\xff"])
_FLOATS = st.sampled_from([0.0, -0.0, 0.5, 0.98, 1.0, 1.5, -2.0, float("nan"), float("inf")])


def _number(field: int, numbers: st.SearchStrategy[int] = _NUMBERS) -> Wire:
    widths = st.sampled_from([1, 1, 1, 3])
    return st.builds(lambda value, width: tag(field, VARINT) + padded_varint(value, width), numbers, widths)


def _floats(field: int) -> Wire:
    return _FLOATS.map(lambda value: tag(field, FIXED64) + double(value))


def _within(field: int, payload: Wire) -> Wire:
    return payload.map(lambda inner: length_delimited(field, inner))


# A field that the protos do not have, one whose number is that of another type, and a packed number.
_UNKNOWN = st.sampled_from([
    tag(15, VARINT) + b"\1",
    length_delimited(14, b"\x12\x0e"),
    tag(1, FIXED64) + bytes(8),
    length_delimited(3, double(0.5)),
    length_delimited(2, b"\5"),
])  # fmt: skip


def _messy(*fields: Wire, most: int = 6) -> Wire:
    """Return some of the fields in any order, any of them several times."""
    return st.lists(st.one_of(*fields), max_size=most).map(b"".join)


def _usual_or(usual: Any, messy: Wire) -> Wire:  # noqa: ANN401 - any message
    # Mostly usual, so that a page is not so by one thing alone.
    return st.integers(0, 9).flatmap(lambda number: messy if number == 0 else st.just(usual.SerializeToString()))


_vertex = _usual_or(Vertex(x=300, y=20), _messy(_number(1), _number(2), _UNKNOWN, most=4))
_few = st.lists(_within(1, _vertex), min_size=4, max_size=4).map(b"".join)
_polygon = st.one_of(_few, _few, _messy(_within(1, _vertex), _UNKNOWN))


def _quads(numbers: st.SearchStrategy[int]) -> Wire:
    return st.lists(numbers, min_size=8, max_size=8).map(
        lambda eight: Polygon(
            vertices=[Vertex(x=x, y=y) for x, y in zip(eight[::2], eight[1::2], strict=True)]
        ).SerializeToString()
    )


wild_polygons: st.SearchStrategy[list[bytes]] = st.lists(
    st.one_of(_quads(st.integers(128, 16_383)), _quads(st.integers(0, 20_000) | _NUMBERS), _polygon), max_size=12
)
"""Wire bytes that parse as Polygons, many of them with four corners, as those of words, some with other numbers."""

_box = _within(1, _usual_or(USUAL_BOX, _polygon))
_language = _usual_or(
    Word.DetectedLanguage(language_code="ru", confidence=0.5), _messy(_within(1, _CODES), _floats(2), _UNKNOWN, most=3)
)
_word = _usual_or(
    _usual_line("word").words[0],
    st.one_of(
        st.tuples(_box, _within(2, _TEXTS), _floats(3), _within(4, _language)).map(b"".join),
        _messy(_box, _within(2, _TEXTS), _floats(3), _within(4, _language), _number(5), _UNKNOWN),
    ),
)
_line = st.one_of(
    st.tuples(_box, st.lists(_within(2, _word), max_size=4).map(b"".join), _floats(3)).map(b"".join),
    _messy(_box, _within(2, _word), _floats(3), _UNKNOWN),
)
_block = st.one_of(
    st.tuples(_box, st.lists(_within(2, _line), max_size=3).map(b"".join)).map(b"".join),
    _messy(_box, _within(2, _line), _UNKNOWN, most=4),
)
_entity = _messy(_within(1, _TEXTS), _within(2, _TEXTS), most=2)
_page = _messy(_number(1), _number(2), _within(3, _block), _within(3, _block), _within(4, _entity), most=4)
_text = st.lists(_within(1, _page), min_size=1, max_size=2).map(b"".join)
_feature = _usual_or(
    FeatureResult(),
    _messy(_within(2, _text), _within(3, st.just(b"")), _within(4, _within(1, _box)), most=3),
)
_text_feature = _within(2, _within(2, _text))

wild_answers: Wire = st.one_of(
    _text_feature,
    _text_feature,
    st.lists(st.one_of(_text_feature, _within(2, _feature), _UNKNOWN), max_size=3).map(b"".join),
)
"""Wire bytes that parse as an AnalyzeResult, unless a text in them is not UTF-8."""
