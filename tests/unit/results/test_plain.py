"""Results as plain values and as JSON, by the tables of docs/results.md."""

import base64
import json
import re
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc import from_json, to_json
from vision_grpc.errors import Code
from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    FeatureResult,
    Line,
    Page,
    Polygon,
    Status,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome

_DOCUMENT = Path(__file__).parents[3] / "docs" / "results.md"
_BOX = Polygon(vertices=[Vertex(x=x, y=y) for x, y in ((1, 2), (1, 9), (30, 9), (30, 2))])
_CORNERS = [[1, 2], [1, 9], [30, 9], [30, 2]]


def _answer(*pages: Page) -> AnalyzeResult:
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=pages))])


def _word(text: str = "", *codes: str, confidence: float = 0.0, box: Polygon | None = None) -> Word:
    languages = [Word.DetectedLanguage(language_code=code) for code in codes]
    return Word(text=text, languages=languages, confidence=confidence, bounding_box=box)


def _strict(result: ImageResult) -> dict[str, Any]:
    """Return the plain values, which every encoder has to take."""
    plain = result.to_dict()
    text = json.dumps(plain, allow_nan=False)
    assert json.dumps(plain, allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(text) == plain == json.loads(to_json(result))
    return plain


def _fields(after: str) -> list[str]:
    """Return the fields of a table of the documentation."""
    table = _DOCUMENT.read_text().partition(after)[2].partition("\n\n")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def test_all_fields_are_there_and_no_others() -> None:
    page = Page(width=100, height=50, blocks=[Block(lines=[Line(words=[_word()])])])
    for result in (
        ImageResult("a.png"),
        ImageResult("a.png", error=ImageError(Code.NOT_FOUND, "gone")),
        ImageResult("a.png", MessageOutcome(_answer(page)), transport="grpc", fitted={}),
    ):
        assert [*_strict(result)] == _fields("so that `json.dumps(..., allow_nan=False)`")
    [block] = result.to_dict()["pages"][0]["blocks"]
    [line] = block.pop("lines")
    [word] = line.pop("words")
    assert [[*each] for each in (block, line, word)] == [_fields("A block, a line and a word have the same")] * 3


def test_a_page_becomes_numbers() -> None:
    line = Line(
        words=[_word("Hello", "en", confidence=0.75, box=_BOX), _word("мир", "ru", "uk", confidence=0.25)],
        confidence=0.5,
        bounding_box=_BOX,
    )
    page = Page(width=100, height=50, blocks=[Block(lines=[line, Line()], bounding_box=_BOX)])
    result = ImageResult("a.png", MessageOutcome(_answer(page)), attempts=1, transport="rest", request_id="r")
    place = {"box": [1, 2, 30, 9], "polygon": _CORNERS}
    nowhere = {"box": [0, 0, 0, 0], "polygon": []}
    words = [
        {"text": "Hello", "confidence": 0.75, "languages": ["en"], **place},
        {"text": "мир", "confidence": 0.25, "languages": ["ru", "uk"], **nowhere},
    ]
    lines = [
        {"text": "Hello мир", "confidence": 0.5, "languages": ["en", "ru", "uk"], **place, "words": words},
        {"text": "", "confidence": 0.0, "languages": [], **nowhere, "words": []},
    ]
    block = {"text": "Hello мир\n", "confidence": 0.5, "languages": ["en", "ru", "uk"], **place, "lines": lines}
    assert _strict(result) == {
        "version": 1,
        "key": "a.png",
        "key_bytes": None,
        "ok": True,
        "error": None,
        "text": "Hello мир\n",
        "attempts": 1,
        "transport": "rest",
        "request_id": "r",
        "fallback_reason": None,
        "operation_id": None,
        "fitted": None,
        "pages": [{"width": 100, "height": 50, "blocks": [block]}],
        "markdown": None,
        "full_text": None,
        "rotation": None,
        "tables": [],
        "pictures": [],
    }


_DOUBLES = st.sampled_from([0.0, 0.5, 1.0, nan, inf, -inf, -1.0, 2.0])
_COORDINATES = st.integers(-(2**63), 2**63 - 1)
_POLYGONS = st.builds(Polygon, vertices=st.lists(st.builds(Vertex, x=_COORDINATES, y=_COORDINATES), max_size=5))
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.sampled_from(["שלום", "🙂", "]]>", "\0"])
_LANGUAGES = st.lists(st.builds(Word.DetectedLanguage, language_code=_TEXTS, confidence=_DOUBLES), max_size=2)
_WORDS = st.builds(Word, text=_TEXTS, confidence=_DOUBLES, languages=_LANGUAGES, bounding_box=_POLYGONS)
_LINES = st.builds(Line, words=st.lists(_WORDS, max_size=2), confidence=_DOUBLES, bounding_box=_POLYGONS)
_BLOCKS = st.builds(Block, lines=st.lists(_LINES, max_size=2), bounding_box=_POLYGONS)
_PAGES = st.builds(Page, width=_COORDINATES, height=_COORDINATES, blocks=st.lists(_BLOCKS, max_size=2))


@given(st.lists(_PAGES, max_size=2))
def test_the_values_are_those_of_the_views(pages: list[Page]) -> None:
    result = ImageResult("a", WireOutcome(_answer(*pages).SerializeToString(), has_error=False))
    plain = _strict(result)
    for page, plain_page in zip(result.pages, plain["pages"], strict=True):
        assert (page.width, page.height) == (plain_page["width"], plain_page["height"])
        for block, plain_block in zip(page.blocks, plain_page["blocks"], strict=True):
            lines = plain_block["lines"]
            words = [word for line in lines for word in line["words"]]
            views: list[tuple[Any, dict[str, Any]]] = [
                (block, plain_block),
                *zip(block.lines, lines, strict=True),
                *zip(block.words(), words, strict=True),
            ]
            for area, plain_area in views:
                assert plain_area["text"] == area.text
                assert plain_area["confidence"] == area.confidence
                assert plain_area["languages"] == area.languages
                assert plain_area["box"] == [*area.box]
                assert plain_area["polygon"] == [[x, y] for x, y in area.polygon]


@pytest.mark.parametrize(
    ("key", "shown", "key_bytes"),
    [
        ("скан.png", "скан.png", None),
        ("caf\udce9.png", r"caf\xe9.png", b"caf\xe9.png"),
        ("\ud800", r"\ud800", b"\xed\xa0\x80"),
        (r"caf\xe9.png", r"caf\xe9.png", None),
        ("\0", "\0", None),
    ],
)
def test_a_key_that_is_not_utf_8_is_shown_and_kept_beside(key: str, shown: str, key_bytes: bytes | None) -> None:
    plain = _strict(ImageResult(key, error=ImageError(Code.NOT_FOUND, f"{key} is gone"), fallback_reason=key))
    encoded = None if key_bytes is None else base64.b64encode(key_bytes).decode()
    assert (plain["key"], plain["key_bytes"]) == (shown, encoded)
    assert (plain["error"]["message"], plain["fallback_reason"]) == (f"{shown} is gone", shown)


def test_an_error_has_its_details() -> None:
    known = AnyMessage(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\x0a\x05QUOTA")
    unknown = AnyMessage(type_url="type.example/of.Others", value=b"\xff")
    others, digits = (
        from_json(b'{"@type": "type.example/of.Others", %b}' % fields, AnyMessage)
        for fields in (b'"a": 1e999, "b": [1e308], "c": "\\ud83d\\ude42"', b'"a": %b' % (b"1" * 5_000))
    )
    status = Status(code=8, message="quota", details=[known, unknown, others, digits])
    outcome = MessageOutcome(AnalyzeResult(error=status))
    error = _strict(ImageResult("a", outcome, outcome.error()))["error"]
    assert {name: error[name] for name in ("code", "message", "retryable")} == {
        "code": "RESOURCE_EXHAUSTED",
        "message": "quota",
        "retryable": True,
    }
    assert error["details"][0] == {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "QUOTA"}
    assert error["details"][1] == {"@type": "type.example/of.Others", "value": "/w=="}
    assert error["details"][2] == {"@type": "type.example/of.Others", "a": None, "b": [1e308], "c": "🙂"}
    assert error["details"][3] == {"@type": digits.type_url, "value": base64.b64encode(digits.value).decode()}


def test_an_error_beside_a_text_leaves_the_text() -> None:
    answer = _answer(Page(blocks=[Block(lines=[Line(words=[_word("read")])])]))
    answer.results.append(FeatureResult(error=Status(code=13, message="bug")))
    outcome = MessageOutcome(answer)
    plain = _strict(ImageResult("a", outcome, outcome.error()))
    assert (plain["ok"], plain["error"]["code"], plain["text"]) == (False, "INTERNAL", "read")
    assert plain["pages"][0]["blocks"][0]["lines"][0]["words"][0]["text"] == "read"


@pytest.mark.parametrize(
    "outcome", [WireOutcome(b"\x12\x05cut", has_error=False), JsonOutcome(b'{"results": [{"textDetection": 1}]}')]
)
def test_a_damaged_answer_is_an_error(outcome: WireOutcome | JsonOutcome) -> None:
    for detail in ("words", "text"):
        plain = ImageResult("a", outcome).to_dict(detail=detail)
        assert (plain["ok"], plain["error"]["code"], plain["text"]) == (False, "DATA_LOSS", "")
    assert _strict(ImageResult("a", outcome))["pages"] == []


def test_what_was_fitted_is_plain_whatever_is_in_it() -> None:
    fitted = {"points": (595.3, 842.0), "dpi": nan, "name": "\udce9", "sent": {"width": 1, "ok": True, "of": None}}
    plain = _strict(ImageResult("a", fitted=fitted))
    sent = {"width": 1, "ok": True, "of": None}
    assert plain["fitted"] == {"points": [595.3, 842.0], "dpi": None, "name": r"\xe9", "sent": sent}


def test_the_text_alone_is_everything_but_the_pages() -> None:
    result = ImageResult("a", MessageOutcome(_answer(Page(blocks=[Block(lines=[Line(words=[_word("a")])])]))))
    whole = result.to_dict()
    for name in ("pages", "markdown", "full_text", "rotation", "tables", "pictures"):
        del whole[name]
    assert result.to_dict(detail="text") == whole
    with pytest.raises(ValueError, match="detail has to be 'words' or 'text', not 'all'"):
        result.to_dict(detail="all")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [{}, "text", b"", None, [ImageResult("a")], ImageResult])
def test_what_is_neither_result_nor_message_is_refused(value: object) -> None:
    name = type(value).__name__
    with pytest.raises(TypeError, match=f"^to_json takes an ImageResult or a protobuf message, not {name}$"):
        to_json(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "name"), [(ImageResult, "ImageResult"), (dict, "dict"), (AnalyzeResult(), "AnalyzeResult"), ("a", "str")]
)
def test_from_json_makes_messages_alone(value: object, name: str) -> None:
    with pytest.raises(TypeError, match=f"^from_json makes messages, and {name} is not the class of one$"):
        from_json(b"{}", value)  # type: ignore[arg-type]
