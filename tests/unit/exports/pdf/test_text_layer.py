"""Words at any angle, in any script, found by readers of PDF where they are."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pdf_words import (
    Corners,
    around,
    find_words,
    find_words_at_angles,
    overlap,
    read_lines,
    rectangle,
    result_of,
    turned,
)

from vision_grpc.exports.pdf.layers import render_layers
from vision_grpc.exports.pdf.text_layer import page_tree
from vision_grpc.results import ImageResult

_SIZE = (800, 600)
_WORDS = ["Первое", "second", "third"]

Line = tuple[Corners, list[tuple[str, Corners]]]


def laid(results: Sequence[ImageResult], folder: Path) -> Path:
    """Return the file with the words of results, a page each, a point a pixel."""
    return render_layers([page_tree(result, _SIZE, lambda x, y: (x, y), 72) for result in results], folder)


def line(words: Sequence[str], *, degrees: float = 0, top: float = 290, high: float = 20) -> Line:
    """Return a line of words in boxes of the same size, turned around the middle of the page."""
    center = (400, 300)
    boxes = [rectangle(150 + 140 * place, top, 120, high) for place in range(len(words))]
    whole = rectangle(150, top, 140 * len(words) - 20, high)
    return turned(whole, degrees, center), [
        (word, turned(box, degrees, center)) for word, box in zip(words, boxes, strict=True)
    ]


def other_way_round(corners: Corners) -> Corners:
    return [corners[0], *corners[:0:-1]]


def test_lines_at_any_angle(tmp_path: Path) -> None:
    angles = [0, 2, 10, 30, 44, 46, 85, 90, 95, 120, 178, 180, 183, 225, 265, 270, 272, 330, 358]
    lines = [line(_WORDS, degrees=angle) for angle in angles]
    lines += [
        (other_way_round(corners), [(word, other_way_round(box)) for word, box in words]) for corners, words in lines
    ]
    pages = find_words_at_angles(laid([result_of("a", _SIZE, [each]) for each in lines], tmp_path))
    for (_, words), page in zip(lines, pages, strict=True):
        # PDFium gives the words of a line that is upside down in the order of their places.
        assert sorted(page.texts) == sorted(_WORDS)
        for text, place in words:
            assert overlap(page.box(text), around(place)) > 0.8, text


@pytest.mark.parametrize("degrees", [0, 1, 90, 180, 270])
def test_pdftotext_finds_words_at_their_places(tmp_path: Path, degrees: float) -> None:
    corners, words = line(_WORDS, degrees=degrees)
    (page,) = find_words(laid([result_of("a", _SIZE, [(corners, words)])], tmp_path))
    assert sorted(page.texts) == sorted(_WORDS)
    for text, place in words:
        assert overlap(page.box(text), around(place)) > 0.8, text


def test_words_of_any_script(tmp_path: Path) -> None:
    words = [
        *("Ёжик", "ѣ", "naïve", "Ωμέγα", "office", "ﬁne", "e\u0301te\u0301"),
        *("שלום", "مرحبا", "سلاح", "हिन्दी", "क्षेत्र", "ภาษาไทย", "น้ำ", "ខ្មែរ", "தொ", "ქართული"),
        *("日本語", "한국어", "𠮷野家", "😀", "👨\u200d👩\u200d👧", "a😀Ж", "𝔘", "<script>", "]]>", "(\\)", "&amp;"),
    ]
    # A line each, so that no reader joins or sorts them.
    lines = [line([word], top=20 * number, high=15) for number, word in enumerate(words)]
    assert read_lines(laid([result_of("a", _SIZE, lines)], tmp_path), "-raw") == words


def test_hebrew_reads_from_right_to_left(tmp_path: Path) -> None:
    corners, words = line(["שלום", "עולם"])
    places = [box for _, box in words]
    mirrored = [(text, place) for (text, _), place in zip(words, reversed(places), strict=True)]
    assert read_lines(laid([result_of("a", _SIZE, [(corners, mirrored)])], tmp_path)) == ["שלום", "עולם"]


def test_what_no_pdf_can_hold(tmp_path: Path) -> None:
    written = ["a\x00b", "tab\there", " \n ", "", "bell\x07"]
    (page,) = find_words(laid([result_of("a", _SIZE, [line(written)])], tmp_path))
    assert page.texts == ["a\ufffdb", "tab", "here", "bell\ufffd"]


def test_words_without_a_place(tmp_path: Path) -> None:
    _, words = line(_WORDS)
    placed: list[tuple[str, Corners]] = [words[0], ("nowhere", ()), words[2]]
    far = [(10**12, -(10**12))] * 4
    lines: list[Line] = [
        # The line has no place of its own, the first word's is enough.
        ((), placed),
        ([(5, 5)] * 4, [("flat", [(5, 5)] * 4)]),
        (far, [("far", far)]),
        ((), []),
    ]
    (page,) = find_words(laid([result_of("a", _SIZE, lines)], tmp_path))
    assert page.texts == ["Первое", "third"]
    assert overlap(page.box("third"), around(words[2][1])) > 0.8


def test_pages_without_words(tmp_path: Path) -> None:
    results = [ImageResult("a"), result_of("b", _SIZE, [line(["word"])]), result_of("c", _SIZE, [])]
    assert [page.texts for page in find_words(laid(results, tmp_path))] == [[], ["word"], []]


def test_ten_thousand_words_on_a_page(tmp_path: Path) -> None:
    lines = []
    for top in range(0, 3000, 30):
        boxes = [rectangle(35 * place, top, 30, 20) for place in range(100)]
        lines.append((rectangle(0, top, 3500, 20), [(f"{top}", box) for box in boxes]))
    tree = page_tree(result_of("a", _SIZE, lines), (3500, 3000), lambda x, y: (x, y), 72)
    (page,) = find_words(render_layers([tree], tmp_path))
    assert len(page.words) == 10_000
