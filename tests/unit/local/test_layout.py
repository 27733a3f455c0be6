import pytest

from vision_grpc.local.ocr.layout import Box, RecognizedWord, arrange
from vision_grpc.messages import Polygon

SMALL = Box(0, 0, 9, 9)


def word(text: str, *, block: int = 1, line: int = 1, box: Box = SMALL) -> RecognizedWord:
    return RecognizedWord(block, line, box, text, confidence=0.9, line_confidence=0.8, language="en")


def corners(polygon: Polygon) -> list[tuple[int, int]]:
    return [(vertex.x, vertex.y) for vertex in polygon.vertices]


def test_words_are_grouped_into_lines_and_blocks() -> None:
    words = [word("a"), word("b"), word("c", line=2), word("d", block=2, line=3)]
    (page,) = arrange(words, width=30, height=20).pages
    assert (page.width, page.height) == (30, 20)
    texts = [[[one.text for one in line.words] for line in block.lines] for block in page.blocks]
    assert texts == [[["a", "b"], ["c"]], [["d"]]]


def test_corners_run_top_left_bottom_left_bottom_right_top_right() -> None:
    (page,) = arrange([word("a", box=Box(1, 2, 3, 4))], width=30, height=20).pages
    assert corners(page.blocks[0].lines[0].words[0].bounding_box) == [(1, 2), (1, 4), (3, 4), (3, 2)]


def test_boxes_of_lines_and_blocks_enclose_what_is_in_them() -> None:
    words = [
        word("a", box=Box(5, 5, 9, 9)),
        word("b", box=Box(12, 3, 19, 8)),
        word("c", line=2, box=Box(2, 12, 4, 18)),
    ]
    (block,) = arrange(words, width=30, height=20).pages[0].blocks
    assert corners(block.lines[0].bounding_box)[::2] == [(5, 3), (19, 9)]
    assert corners(block.bounding_box)[::2] == [(2, 3), (19, 18)]


def test_a_words_confidence_is_its_lines_and_its_languages_its_own() -> None:
    (line,) = arrange([word("a")], width=30, height=20).pages[0].blocks[0].lines
    (only,) = line.words
    assert line.confidence == only.confidence == 0.8
    assert [(language.language_code, language.confidence) for language in only.languages] == [("en", 0.9)]
    assert only.entity_index == -1


@pytest.mark.parametrize(
    "junk",
    [
        word(" "),
        word("|")._replace(confidence=0.5),
        word("scrap")._replace(confidence=0.2, line_confidence=0.2),
    ],
)
def test_what_is_no_text_is_dropped_with_the_room_it_took(junk: RecognizedWord) -> None:
    words = [junk._replace(box=Box(0, 0, 30, 20)), word("a", line=2, box=Box(5, 5, 9, 9)), junk._replace(block=2)]
    (block,) = arrange(words, width=30, height=20).pages[0].blocks
    assert [[one.text for one in line.words] for line in block.lines] == [["a"]]
    assert corners(block.bounding_box)[::2] == [(5, 5), (9, 9)]


def test_sure_marks_and_unsure_words_of_a_good_line_stay() -> None:
    words = [word("—")._replace(confidence=0.75), word("London")._replace(confidence=0.1)]
    (line,) = arrange(words, width=30, height=20).pages[0].blocks[0].lines
    assert [one.text for one in line.words] == ["—", "London"]


def test_a_page_without_words_is_a_page() -> None:
    (page,) = arrange([], width=30, height=20).pages
    assert (page.width, page.height, len(page.blocks)) == (30, 20, 0)
