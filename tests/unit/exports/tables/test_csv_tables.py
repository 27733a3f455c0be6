import csv
import io
from typing import cast

import journaled
import pytest
from hostile_results import HOSTILE, damaged, keys, page_of, read, result_of, texts
from hypothesis import given
from hypothesis import strategies as st
from journaled import failed

from vision_grpc import exports
from vision_grpc.errors import Code, TransportName
from vision_grpc.exports import Results
from vision_grpc.exports.tables.csv_tables import csv as write_images
from vision_grpc.exports.tables.csv_tables import words as write_words
from vision_grpc.results import ImageResult


def _images(results: Results) -> list[dict[str, str]]:
    return _read(b"".join(write_images(results)))


def _words(results: Results) -> list[dict[str, str]]:
    return _read(b"".join(write_words(results)))


def _read(data: bytes) -> list[dict[str, str]]:
    assert data.endswith(b"\r\n")
    return [*csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True)]


def test_each_image_has_a_row() -> None:
    results = [
        journaled.read("a.png", "Привет,", 'the "world"'),
        failed("b.png", Code.NOT_FOUND, "no\nfile"),
        damaged("c.png"),
    ]
    ok, refused, broken = _images(results)
    assert ok == {
        "key": "a.png",
        "ok": "true",
        "error_code": "",
        "error_message": "",
        "text": 'Привет, the "world"',
        "words": "2",
        "mean_confidence": "0.98",
        "languages": "",
        "width": "100",
        "height": "50",
        "attempts": "1",
        "transport": "grpc",
        "request_id": "r-1",
    }
    assert (refused["ok"], refused["error_code"], refused["error_message"]) == ("false", "NOT_FOUND", "no\nfile")
    assert (refused["text"], refused["words"], refused["width"], refused["attempts"]) == ("", "", "", "2")
    assert (broken["ok"], broken["error_code"]) == ("false", "DATA_LOSS")


@pytest.mark.parametrize("text", [*HOSTILE, "caf\udce9", "\ud800"])
def test_every_cell_is_a_text_that_readers_take(text: str) -> None:
    [row] = _images(ImageResult(text, known_text=text, request_id=text, transport=cast("TransportName", text)))
    assert row["request_id"] == row["transport"] == row["key"]
    assert "\0" not in "".join(row.values())


def test_without_an_answer_there_is_still_the_text() -> None:
    [row] = _images(ImageResult("a.png", attempts=1, known_text="kept\ntext"))
    assert (row["ok"], row["text"], row["words"], row["width"]) == ("true", "kept\ntext", "", "")
    [row] = _images(read("a.png"))
    assert (row["ok"], row["text"], row["words"], row["width"]) == ("true", "", "0", "100")


def test_each_word_has_a_row() -> None:
    rows = _words([read("a.png", "one", "two"), failed("b.png"), damaged("c.png"), read("d.png", "three")])
    assert [(row["key"], row["word"], row["text"]) for row in rows] == [
        ("a.png", "1", "one"),
        ("a.png", "2", "two"),
        ("d.png", "1", "three"),
    ]
    assert rows[0] == {
        "key": "a.png",
        "page": "1",
        "block": "1",
        "line": "1",
        "word": "1",
        "text": "one",
        "confidence": "0.98",
        "left": "1",
        "top": "2",
        "right": "30",
        "bottom": "9",
        "languages": "",
    }


def test_words_are_counted_in_lines_and_lines_in_blocks() -> None:
    rows = _words(result_of("a.png", page_of([["a", "b"], ["c"]], [["d"]])))
    assert [(row["block"], row["line"], row["word"]) for row in rows] == [
        ("1", "1", "1"),
        ("1", "1", "2"),
        ("1", "2", "1"),
        ("2", "1", "1"),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_in_its_cell(text: str) -> None:
    [row] = _words(read("a.png", text))
    assert row["left"] == "1"
    assert "\n" not in row["text"]
    [row] = _images(read("a.png", text))
    assert row["words"] == "1"


def test_quotes_commas_and_line_ends_come_back() -> None:
    text = 'a,"b"\r\nc;\td'
    assert _images(ImageResult("a.png", attempts=1, known_text=text))[0]["text"] == text


@given(st.lists(st.tuples(keys, st.lists(texts))))
def test_any_text_makes_rows(images: list[tuple[str, list[str]]]) -> None:
    results = [read(key, *words) for key, words in images]
    assert len(_images(results)) == len(images)
    assert len(_words(results)) == sum(len(words) for _, words in images)


def test_keys_are_shown_as_in_a_journal() -> None:
    assert [row["key"] for row in _images([read("caf\udce9.png"), read("\ud800")])] == [r"caf\xe9.png", r"\ud800"]


def test_what_is_no_result_is_said() -> None:
    with pytest.raises(TypeError, match="results: an ImageResult or an iterable of them is needed, not one with str"):
        b"".join(exports.csv(["a.png"]))  # type: ignore[list-item]
