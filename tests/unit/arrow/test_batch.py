import sys
from typing import Any, get_args

import pyarrow as pa
import pytest
from hostile_results import damaged, keys, page_of, result_of
from hypothesis import given
from journaled import answer, failed, read

from vision_grpc.arrow import SCHEMA_VERSION, Detail, schema, to_batch
from vision_grpc.arrow.batch import BatchBuilder
from vision_grpc.codec.json import to_json
from vision_grpc.codec.wire_format import length_delimited
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
from vision_grpc.results import ImageError, ImageResult, Outcome
from vision_grpc.results.outcomes import JsonOutcome, MessageOutcome, WireOutcome
from vision_grpc.results.pixels import MappedOutcome, PixelMap

DETAILS: list[Detail] = [*get_args(Detail)]


def _page(*words: Word) -> AnalyzeResult:
    page = Page(blocks=[Block(lines=[Line(words=words)])])
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def _rows(*results: ImageResult, detail: Detail = "text") -> list[dict[str, Any]]:
    batch = to_batch(results, detail=detail)
    batch.validate(full=True)
    assert batch.schema.equals(schema(detail=detail), check_metadata=True)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


@pytest.mark.parametrize("detail", DETAILS)
def test_each_result_has_a_row(detail: Detail) -> None:
    ok, refused, broken = _rows(read("a.png", "Привет", "мир"), failed("b.png"), damaged("c.png"), detail=detail)
    last = {"text": None, "words": "pages", "wire": "wire"}[detail]
    answers: list[Any] = [row.pop(last) if last else None for row in (ok, refused, broken)]
    if detail == "words":
        assert [ok.pop(name) for name in ("markdown", "full_text", "rotation", "tables")] == [None] * 4
    assert ok == {
        "key": "a.png",
        "key_bytes": None,
        "ok": True,
        "error_code": None,
        "error_message": None,
        "retryable": None,
        "text": "Привет мир",
        "attempts": 1,
        "transport": "grpc",
        "request_id": "r-1",
    }
    assert (refused["ok"], refused["error_code"], refused["retryable"]) == (False, "UNAVAILABLE", True)
    assert (refused["error_message"], refused["text"], refused["transport"]) == ("was not reached", None, None)
    assert (broken["ok"], broken["error_code"], broken["text"]) == (False, "DATA_LOSS", None)
    assert answers[1:] == [None, None]
    if detail == "wire":
        assert answers[0] == answer("Привет", "мир").SerializeToString()
    if detail == "words":
        words = [word["text"] for block in answers[0][0]["blocks"] for line in block["lines"] for word in line["words"]]
        assert words == ["Привет", "мир"]


@pytest.mark.parametrize("detail", DETAILS)
def test_there_may_be_one_result_or_none(detail: Detail) -> None:
    assert to_batch(read("a.png"), detail=detail).num_rows == 1
    assert to_batch(iter([]), detail=detail).schema == schema(detail=detail)


def test_null_is_no_answer_and_empty_a_page_without_words() -> None:
    refused = WireOutcome(AnalyzeResult(error=Status(code=3, message="no image")).SerializeToString(), has_error=True)
    results = [
        read("empty"),
        ImageResult("kept text", known_text="Привет"),
        ImageResult("refused", refused, refused.error()),
    ]
    empty, kept, no_image = _rows(*results, detail="words")
    assert (empty["ok"], empty["text"]) == (True, "")
    assert empty["pages"][0]["blocks"][0]["lines"][0]["words"] == []
    assert (kept["ok"], kept["text"], kept["pages"]) == (True, "Привет", None)
    assert (no_image["ok"], no_image["text"], no_image["pages"]) == (False, None, None)


def test_an_image_of_which_a_feature_failed_has_error_and_words() -> None:
    both = answer("word")
    both.results.add(error=Status(code=8, message="later"))
    outcome = MessageOutcome(both)
    [row] = _rows(ImageResult("a.png", outcome, outcome.error()), detail="words")
    assert (row["ok"], row["error_code"], row["text"], len(row["pages"])) == (False, "RESOURCE_EXHAUSTED", "word", 1)


def _kinds(message: AnalyzeResult) -> list[Outcome]:
    wire = WireOutcome(message.SerializeToString(), has_error=False)
    same = PixelMap((100, 50), (100, 50))
    return [wire, JsonOutcome(to_json(message)), MessageOutcome(message), MappedOutcome(wire, same)]


@pytest.mark.parametrize("detail", DETAILS)
def test_it_does_not_matter_how_the_answer_came(detail: Detail) -> None:
    first, *others = _rows(*(ImageResult("a", outcome) for outcome in _kinds(answer("one", "two"))), detail=detail)
    assert first["text"] == "one two"
    assert others == [first] * 3


def test_boxes_of_a_fitted_picture_are_those_of_the_stored_one() -> None:
    wire = WireOutcome(answer("word").SerializeToString(), has_error=False)
    [row] = _rows(ImageResult("a", MappedOutcome(wire, PixelMap((100, 50), (200, 100)))), detail="words")
    [page] = row["pages"]
    assert (page["width"], page["height"]) == (200, 100)
    assert page["blocks"][0]["lines"][0]["words"][0]["box"] == [2, 4, 60, 18]


@given(keys)
def test_a_key_may_be_any_name(key: str) -> None:
    [row] = _rows(ImageResult(key, error=ImageError(Code.NOT_FOUND, f"{key}: no such file"), request_id=key))
    if key.isprintable():
        assert row["key"] == key
        assert row["key_bytes"] is None
    if key == "caf\udce9.png":
        assert (row["key"], row["key_bytes"]) == ("caf\\xe9.png", b"caf\xe9.png")
        assert row["error_message"] == "caf\\xe9.png: no such file"


_CODES = [Word.DetectedLanguage(language_code=f"l{number}") for number in range(50)]
_LARGE = {
    "key": ImageResult("k" * 10_000),
    "error": failed("a", message="m" * 10_000),
    "text": read("a", "word" * 3_000),
    "words": read("a", *["word"] * 300),
    "empty words": result_of("a", page_of([[""] * 300])),
    "lines": result_of("a", page_of([[]] * 300)),
    "blocks": result_of("a", page_of(*[[]] * 300)),
    "codes": result_of("a", _page(*[Word(languages=_CODES)] * 20)),
    "corners": result_of("a", _page(Word(bounding_box=Polygon(vertices=[Vertex(x=1, y=2)] * 2_000)))),
}


@pytest.mark.parametrize("result", _LARGE.values(), ids=_LARGE)
def test_a_builder_says_about_how_large_it_is(result: ImageResult) -> None:
    """Row groups are ended by it."""
    builder = BatchBuilder("words")
    for _ in range(10):
        builder.add(result)
    size: int = builder.finish().nbytes
    assert size / 4 < builder.bytes < size * 3


@pytest.mark.parametrize("attempts", [2**31, 2**80, -(2**40)])
def test_a_number_of_attempts_is_within_its_column(attempts: int) -> None:
    [row] = _rows(ImageResult("a", attempts=attempts))
    assert row["attempts"] == max(min(attempts, 2**31 - 1), -(2**31))


def test_the_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^detail: one of 'text', 'words', 'wire' is needed, not 'boxes'$"):
        schema(detail="boxes")  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"^results: an ImageResult or an iterable of them is needed, not one with str$"
    ):
        to_batch("ab")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^results: an ImageResult or an iterable of them is needed, not NoneType$"):
        to_batch(None)  # type: ignore[arg-type]


def test_more_than_a_batch_holds_is_said() -> None:
    outcome = WireOutcome(length_delimited(15, bytes(2**25)), has_error=False)
    with pytest.raises(ValueError, match=r"^results: 64 are too many for one batch: a column has more than 2 GB$"):
        to_batch([ImageResult("a", outcome)] * 64, detail="wire")


def test_a_schema_says_its_version_and_has_plain_types() -> None:
    words = schema(detail="words")
    assert words.metadata == {
        b"vision_grpc.schema_version": str(SCHEMA_VERSION).encode(),
        b"vision_grpc.detail": b"words",
    }
    # Version 1: a change of what is here needs another one.
    places = "box: list<element: int32>, polygon: list<element: int32>"
    area = f"text: string, confidence: double, languages: list<element: string>, {places}"
    word = f"list<element: struct<{area}>>"
    line = f"list<element: struct<{area}, words: {word}>>"
    block = f"list<element: struct<{area}, lines: {line}>>"
    assert str(words.field("pages").type) == f"list<element: struct<width: int32, height: int32, blocks: {block}>>"
    place = "box: list<element: int32>"
    numbers = "row: int32, column: int32, row_span: int32, column_span: int32"
    cell = f"list<element: struct<{numbers}, text: string, {place}>>"
    table = f"page: int32, row_count: int32, column_count: int32, {place}, cells: {cell}"
    assert [(field.name, str(field.type)) for field in [*words][-4:]] == [
        ("markdown", "string"),
        ("full_text", "string"),
        ("rotation", "int32"),
        ("tables", f"list<element: struct<{table}>>"),
    ]
    assert schema().equals(pa.schema([*words][:-5]))
    assert schema(detail="wire").field("wire").type == pa.binary()


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("vision_grpc.arrow")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"^vision_grpc.arrow needs pyarrow: pip install 'vision-grpc\[arrow\]'$"):
        import vision_grpc.arrow  # noqa: F401
