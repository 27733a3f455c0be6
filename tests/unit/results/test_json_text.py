"""The text of a result in JSON, read alone: always the text that strict reading gives, or its error.

`JSON_CASES=100000 pytest tests/unit/results/test_json_text.py` tries that many documents instead of the usual number.
"""

import json
import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_grpc.codec.json import to_json
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import read_value
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    Entity,
    FeatureResult,
    Line,
    Page,
    Polygon,
    Status,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.results.outcomes import JsonOutcome, text_of
from vision_grpc.results.text import read_json_text

_CASES = int(os.environ.get("JSON_CASES", "600"))
_thoroughly = settings(max_examples=_CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
_ODD_VALUES: list[Any] = [
    None, True, 0, 7, -1, 1.0, 0.5, 1e18, 2**63, 10**400, "", "1", " 1", "+7", "007", "1.0", "1e3", "0.5", "x", ":",
    "9223372036854775808", "1.0000000000000000001", "10000000000000000000001e-22", "9007199254740991.9999", "1e400",
    "NaN", "Infinity", "nan", "null", "true", [], {}, [None], [[]], [{}], {"x": 1}, {"text": "t"},
]  # fmt: skip
_INSERTIONS = [
    b",",
    b":",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\xff",
    b"\xed\xa0\x80",
    b"\x00",
    b"null",
    b"NaN",
    b"0",
]
_PLACES = ["results", "textDetection", "pages", "blocks", "lines", "words", "vertices", "x", "confidence", "text"]


def _box() -> Polygon:
    return Polygon(vertices=[Vertex(x=1, y=22), Vertex(x=333, y=-4)])


def _word(text: str, entity_index: int = -1) -> Word:
    languages = [Word.DetectedLanguage(language_code="ru", confidence=0.5)]
    return Word(bounding_box=_box(), text=text, confidence=0.25, languages=languages, entity_index=entity_index)


def _feature(*lines: list[Word], entities: bool = False) -> FeatureResult:
    blocks = [
        Block(bounding_box=_box(), lines=[Line(bounding_box=_box(), words=words, confidence=0.75)]) for words in lines
    ]
    page = Page(width=10, height=20, blocks=blocks, entities=[Entity(name="n", text="t")] * entities)
    return FeatureResult(text_detection=TextAnnotation(pages=[page]))


_PAGE = _feature([_word("слово:"), _word('a"b')], [_word("c\\d")])
_ANSWERS = [
    AnalyzeResult(results=[_PAGE]),
    AnalyzeResult(results=[_feature([_word("a"), _word("b")], entities=True), _feature([_word("c")])]),
]
_UNUSUAL_ANSWERS = [
    AnalyzeResult(),
    AnalyzeResult(error=Status(code=3, message="no image")),
    AnalyzeResult(results=[FeatureResult(error=Status(code=8)), _PAGE, _feature([_word("d:")])]),
    AnalyzeResult(results=[_feature([_word("", entity_index=0), Word(text="e")], [])]),
]


def _outcome_of(read: Callable[[], str]) -> str | ProtocolError:
    try:
        return read()
    except ProtocolError as error:
        return error


def _read_strictly(data: bytes) -> str:
    message = AnalyzeResult()
    read_message(read_value(data), message, ignore_unknown=True)
    return text_of(message)


def _check(data: bytes) -> None:
    ours, strict = (_outcome_of(read) for read in (JsonOutcome(data).text, lambda: _read_strictly(data)))
    assert type(ours) is type(strict)
    assert str(ours) == str(strict)


class _Twice(dict[str, Any]):
    """An object that is printed with one key twice."""

    def items(self) -> Any:  # noqa: ANN401 - a list is printed as well as a view
        (key, value), *rest = super().items()
        return [(key, value), *rest, (key, value)]


def _objects(tree: object) -> list[dict[str, Any]]:
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    own = [tree] if isinstance(tree, dict) else []
    return own + [inner for child in children for inner in _objects(child)]


def _to_snake_case(key: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in key)


@st.composite
def _odd_documents(draw: st.DrawFn) -> bytes:
    tree: Any = json.loads(to_json(draw(st.sampled_from(_ANSWERS))))
    for _ in range(draw(st.integers(1, 3))):
        holders = [members for members in _objects(tree) if members]
        if not holders:
            break
        holder = draw(st.sampled_from(holders))
        key = draw(st.sampled_from(sorted(holder)))
        match draw(st.integers(0, 6)):
            case 0:
                del holder[key]
            case 1:
                holder[_to_snake_case(key)] = holder[key] if draw(st.booleans()) else holder.pop(key)
            case 2:
                holder[draw(st.sampled_from(["unknown", "a:b", key.upper()]))] = deepcopy(
                    draw(st.sampled_from(_ODD_VALUES))
                )
            case 3:
                holder[key] = _Twice(holder[key]) if isinstance(holder[key], dict) and holder[key] else "\ud800"
            case 4:
                holder[key] = [holder[key]]
            case 5 if isinstance(holder[key], list):
                holder[key].append(deepcopy(draw(st.sampled_from(_ODD_VALUES))))
            case _:
                holder[key] = deepcopy(draw(st.sampled_from(_ODD_VALUES)))
    text = json.dumps(tree, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    return text.encode(errors="surrogatepass")


@st.composite
def _damaged_documents(draw: st.DrawFn) -> bytes:
    text = to_json(draw(st.sampled_from(_ANSWERS)))
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 40, len(text))))
        at = draw(st.integers(0, len(text)))
        insertion = draw(st.one_of(st.just(text[start:end]), st.sampled_from(_INSERTIONS)))
        changed = [text[:at] + insertion + text[at:], text[:start] + text[end:], text[:start] + insertion + text[end:]]
        text = draw(st.sampled_from(changed))
    return text


@given(_odd_documents())
@_thoroughly
def test_odd_documents_have_the_text_of_strict_reading(data: bytes) -> None:
    _check(data)


@given(_damaged_documents())
@_thoroughly
def test_damaged_documents_have_the_text_of_strict_reading(data: bytes) -> None:
    _check(data)


@pytest.mark.parametrize("answer", [*_ANSWERS, *_UNUSUAL_ANSWERS], ids=range(6))
def test_the_text_is_that_of_the_message(answer: AnalyzeResult) -> None:
    assert JsonOutcome(to_json(answer)).text() == text_of(answer)


@pytest.mark.parametrize("answer", _ANSWERS, ids=range(2))
@pytest.mark.parametrize("indent", [None, 1])
def test_usual_answers_need_no_message(answer: AnalyzeResult, indent: int | None) -> None:
    data = json.dumps(json.loads(to_json(answer)), indent=indent, ensure_ascii=False).encode()
    assert read_json_text(data) == text_of(answer)


@pytest.mark.parametrize("value", _ODD_VALUES, ids=range(len(_ODD_VALUES)))
@pytest.mark.parametrize("key", _PLACES)
def test_an_odd_value_anywhere_is_read_strictly(key: str, value: object) -> None:
    tree = json.loads(to_json(_ANSWERS[0]))
    next(members for members in _objects(tree) if key in members)[key] = value
    _check(json.dumps(tree).encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"text":', b'"text":"first","text":'),
        (b'"text":', b'"te\\u0078t":'),
        (b'"text":', b'"te\\u0078t":"first","text":'),
        (b'"x":"1"', b'"x":"1","x":"1"'),
        (b'"x":"1"', b'"x":"1","\\u0078":"1"'),
        (b'"x":"1"', b'"x":""'),
        (b'"x":"1"', b'"x":"-"'),
        (b'"x":"1"', b'"x":"1 "'),
        (b'"x":"1"', b'"x":"1":"2"'),
        (b'"x":"1"', b'"x1":"1"'),
        (b'"x":"1"', b'"1":"1","x":"1"'),
        (b'"x":"1"', b'"x":"999999999999999999"'),
        (b'"x":"1"', b'"x":"9223372036854775808"'),
        (b'"x":"1"', b'"x":"1.0000000000000000001"'),
        (b'"vertices":[', b'"vertices":[{},'),
        (b'"vertices":[', b'"vertices":[[]],"vertices":['),
        (b'"boundingBox"', b'"bounding_box":{},"boundingBox"'),
        (b'"boundingBox"', b'"bounding_box"'),
        (b'"confidence"', b'"new\xff":1,"confidence"'),
        (b'"confidence"', b'"new":"\xff","confidence"'),
        (b'"confidence"', b'"new":"\\ud800","confidence"'),
        (b'"languageCode":"ru"', b'"languageCode":"\xff"'),
        (b'"languageCode":"ru"', b'"languageCode":"a:b"'),
        # The escaped colon in the text would hide the key that is given twice.
        (b'"text":"\xd1\x81\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xbe:"', b'"text":"first","text":"\\u003a"'),
        (b'"text":"\xd1\x81\xd0\xbb\xd0\xbe\xd0\xb2\xd0\xbe:"', b'"text":"first","text":"\\u003A"'),
        (b'"textDetection":', b'"classification":{},"textDetection":'),
        (b'"textDetection":', b'"error":{"code":1},"textDetection":'),
        (b'"results":[', b'"error":null,"results":['),
        (b'"results":[', b'"results":[null,'),
        (b'"results":[', b'"results":[{},'),
        (b'"confidence":0.25', b'"confidence":1e400'),
        (b'"confidence":0.25', b'"confidence":0.25.'),
        (b'"confidence":0.25', b'"confidence":"0.25"'),
        # Strict reading refuses numbers of more than a thousand characters, if they are quoted.
        (b'"confidence":0.25', b'"confidence":"0.%s1"' % (b"0" * 1_000)),
        (b'"confidence":0.25', b'"confidence":0.%s1' % (b"0" * 1_000)),
        (b'"x":"1"', b'"x":"%s1"' % (b"0" * 1_000)),
        (b'"entityIndex":"-1"', b'"entityIndex":9223372036854775807.0'),
        (b'"entityIndex":"-1"', b'"entityIndex":1.0000000000000000001'),
    ],
)
def test_what_may_be_hidden_is_read_strictly(old: bytes, new: bytes) -> None:
    data = to_json(_ANSWERS[0])
    assert old in data
    head, _, tail = data.rpartition(old)
    _check(data.replace(old, new, 1))
    _check(head + new + tail)
    _check(data.replace(old, new))


@pytest.mark.parametrize("tail", [b" \n", b",", b"}", b"{}", b"\x00", b'"'])
def test_what_follows_a_result_is_not_overlooked(tail: bytes) -> None:
    data = to_json(_ANSWERS[0])
    _check(data + tail)
    _check(tail + data)
    _check(b"\xef\xbb\xbf" + data)
