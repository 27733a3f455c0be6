"""Pages in the messages of ocr/v1: texts, segments, languages, angles."""

import pytest

from vision_grpc.local.ocr.layout import Box, RecognizedWord, arrange
from vision_grpc.local.ocr_v1.annotation import ocr_annotation
from vision_grpc.messages import OcrTextAnnotation, OcrTextSegments, Page
from vision_grpc_pb.yandex.cloud.ai.ocr.v1 import ocr_pb2

_TURNS = [(0, "ANGLE_0"), (1, "ANGLE_90"), (2, "ANGLE_180"), (3, "ANGLE_270")]


def _word(text: str, block: int, line: int, at: int = 0, language: str = "en") -> RecognizedWord:
    box = Box(50 * at, 100 * block + 20 * line, 50 * at + 40, 100 * block + 20 * line + 15)
    return RecognizedWord(block, line, box, text, 0.9, 0.9, language)


def _read(*words: RecognizedWord) -> OcrTextAnnotation:
    [page] = arrange(words, width=300, height=200).pages
    return ocr_annotation(page)


def _turned(page: Page, quarters: int) -> Page:
    """Return the page after so many quarters of a turn clockwise."""
    turned = Page()
    turned.CopyFrom(page)
    for _ in range(quarters):
        lines = [line for block in turned.blocks for line in block.lines]
        boxes = [line.bounding_box for line in lines] + [word.bounding_box for line in lines for word in line.words]
        for vertex in [vertex for box in boxes for vertex in box.vertices]:
            vertex.x, vertex.y = turned.height - vertex.y, vertex.x
        turned.width, turned.height = turned.height, turned.width
    return turned


def test_segments_are_where_the_texts_stand_in_the_full_text() -> None:
    words = _word("Ёж", 0, 0), _word("𝔘ber", 0, 0, 1), _word("am", 0, 1, 0, "de"), _word("Ende", 1, 2, 0, "de")
    read = _read(*words)
    assert read.full_text == "Ёж 𝔘ber\nam\nEnde\n"

    def cut(segments: list[OcrTextSegments]) -> str:
        [segment] = segments
        return read.full_text[segment.start_index : segment.start_index + segment.length]

    assert [cut(list(block.text_segments)) for block in read.blocks] == ["Ёж 𝔘ber\nam", "Ende"]
    for line in [line for block in read.blocks for line in block.lines]:
        assert cut(list(line.text_segments)) == line.text
        assert [cut(list(word.text_segments)) for word in line.words] == [word.text for word in line.words]


def test_a_block_has_the_languages_of_its_words_each_once() -> None:
    words = _word("a", 0, 0, 0, "en"), _word("б", 0, 0, 1, "ru"), _word("c", 0, 1, 0, "en"), _word("ж", 1, 2, 0, "ru")
    read = _read(*words)
    assert [[each.language_code for each in block.languages] for block in read.blocks] == [["en", "ru"], ["ru"]]


def test_sizes_boxes_and_the_lack_of_entities_stay() -> None:
    read = _read(_word("one", 0, 0))
    assert (read.width, read.height) == (300, 200)
    [block] = read.blocks
    [line] = block.lines
    corners = [(0, 0), (0, 15), (40, 15), (40, 0)]
    for each in (block, line, line.words[0]):
        assert [(vertex.x, vertex.y) for vertex in each.bounding_box.vertices] == corners
    assert line.words[0].entity_index == -1
    assert not read.entities


@pytest.mark.parametrize(("quarters", "angle"), _TURNS)
def test_angles_are_clockwise(quarters: int, angle: str) -> None:
    [page] = arrange([_word("one", 0, 0), _word("two", 0, 0, 1)], width=300, height=200).pages
    read = ocr_annotation(_turned(page, quarters))
    assert ocr_pb2.Angle.Name(read.rotate) == angle
    assert ocr_pb2.Angle.Name(read.blocks[0].lines[0].orientation) == angle


@pytest.mark.parametrize(("step", "angle"), [(60, "ANGLE_90"), (-60, "ANGLE_270")])
def test_words_below_each_other_are_a_line_on_its_side(step: int, angle: str) -> None:
    words = [
        RecognizedWord(0, 0, Box(10, 300 + step * number, 30, 350 + step * number), "word", 0.9, 0.9, "en")
        for number in range(3)
    ]
    [page] = arrange(words, width=400, height=800).pages
    # The engine gives all boxes as those of upright words.
    assert ocr_pb2.Angle.Name(ocr_annotation(page).rotate) == angle


def test_the_page_is_turned_as_most_of_its_text() -> None:
    upright, long = _word("up", 0, 0), _word("a-long-text-that-lies-on-its-head", 1, 1)
    [page] = arrange([upright, long], width=300, height=200).pages
    [line] = page.blocks[1].lines
    corners = list(line.bounding_box.vertices)
    del line.bounding_box.vertices[:]
    line.bounding_box.vertices.extend(corners[2:] + corners[:2])
    read = ocr_annotation(page)
    assert ocr_pb2.Angle.Name(read.rotate) == "ANGLE_180"
    assert ocr_pb2.Angle.Name(read.blocks[0].lines[0].orientation) == "ANGLE_0"


def test_a_page_without_text_has_a_size_alone() -> None:
    assert _read() == OcrTextAnnotation(width=300, height=200)
