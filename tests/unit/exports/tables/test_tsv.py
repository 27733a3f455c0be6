import os
from pathlib import Path

import pytest
import tesserocr
from hostile_results import HOSTILE, damaged, keys, page_of, read, result_of, texts
from hypothesis import given
from hypothesis import strategies as st
from journaled import failed
from PIL import Image

from vision_grpc import exports
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word

_HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"


def _rows(*results: object) -> list[list[str]]:
    head, *rows = b"".join(exports.tsv(results)).decode().removesuffix("\n").split("\n")  # type: ignore[arg-type]
    assert head == _HEADER
    return [row.split("\t") for row in rows]


def _box(left: int, top: int, width: int, height: int) -> Polygon:
    right, bottom = left + width, top + height
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in ((left, top), (left, bottom), (right, bottom), (right, top))])


def _message_of(tsv: str) -> AnalyzeResult:
    """Return the answer that has what rows of Tesseract have."""
    page = Page()
    for row in tsv.splitlines():
        level, *_, left, top, width, height, confidence, text = row.split("\t")
        box = _box(int(left), int(top), int(width), int(height))
        match level:
            case "1":
                page = Page(width=int(width), height=int(height))
            case "2":
                page.blocks.append(Block(bounding_box=box))
            case "4":
                page.blocks[-1].lines.append(Line(bounding_box=box))
            case "5":
                word = Word(bounding_box=box, text=text, confidence=float(confidence) / 100)
                page.blocks[-1].lines[-1].words.append(word)
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


@pytest.mark.parametrize("name", ["en_sans.png", "ru_sans.png"])
def test_rows_are_those_of_tesseract(name: str) -> None:
    path = Path(__file__).parents[3] / "data" / "pages" / name
    with tesserocr.PyTessBaseAPI(path=str(find_tessdata(os.environ)), lang="eng+rus") as api, Image.open(path) as image:
        api.SetImage(image)
        theirs = api.GetTSVText(0)
    ours = _rows(result_of("a.png", _message_of(theirs)))
    expected = [row.split("\t") for row in theirs.removesuffix("\n").split("\n")]
    # A block of ours has one paragraph, so that lines of the second one are numbered on.
    for row, their in zip(ours, [row for row in expected if row[0] != "3" or row[3] == "1"], strict=True):
        assert row[:3] + row[5:10] + row[11:] == their[:3] + their[5:10] + their[11:]
        assert float(row[10]) == pytest.approx(float(their[10]), abs=1e-4)
        assert len(row[10].partition(".")[2]) == len(their[10].partition(".")[2])


def test_images_are_pages() -> None:
    rows = _rows(read("a.png", "one", "two"), failed("b.png"), damaged("c.png"), read("d.png", "three"))
    assert [row[1] for row in rows if row[0] == "1"] == ["1", "2"]
    assert [(row[1], row[11]) for row in rows if row[0] == "5"] == [("1", "one"), ("1", "two"), ("2", "three")]
    assert rows[0] == ["1", "1", "0", "0", "0", "0", "0", "0", "100", "50", "-1", ""]
    assert rows[4] == ["5", "1", "1", "1", "1", "1", "1", "2", "29", "7", "98.000000", "one"]


def test_what_has_no_text_has_no_row() -> None:
    rows = _rows(result_of("a.png", page_of([[]], [["", ""], ["", "one"]], [["two"], [""], ["three"]])))
    assert [(*row[:6], row[11]) for row in rows if row[0] in {"4", "5"}] == [
        ("4", "1", "1", "1", "1", "0", ""),
        ("5", "1", "1", "1", "1", "1", "one"),
        ("4", "1", "2", "1", "1", "0", ""),
        ("5", "1", "2", "1", "1", "1", "two"),
        ("4", "1", "2", "1", "2", "0", ""),
        ("5", "1", "2", "1", "2", "1", "three"),
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_word_is_a_cell(text: str) -> None:
    whole = b"".join(exports.tsv(read("a.png", text))).decode()
    assert len(whole.splitlines()) == 6
    assert {len(line.split("\t")) for line in whole.splitlines()} == {12}
    assert not any(ord(character) < 32 for character in whole if character not in "\t\n")


@given(keys, st.lists(texts, min_size=1))
def test_any_text_makes_rows(key: str, words: list[str]) -> None:
    rows = _rows(read(key, *words))
    assert {len(row) for row in rows} == {12}
    assert sum(row[0] == "5" for row in rows) == sum(map(bool, words))
