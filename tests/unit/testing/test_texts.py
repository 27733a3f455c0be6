"""Texts as the messages of an answer."""

from itertools import combinations

import pytest

from vision_grpc import VisionClient
from vision_grpc.api.ocr_v1 import OCR_V1
from vision_grpc.messages import BatchAnalyzeResponse
from vision_grpc.results.outcomes import text_of
from vision_grpc.testing import MemoryTransport, blank_image, text_annotation, text_response
from vision_grpc.testing.texts import text_result

TEXTS = [
    "Hello world",
    "one",
    "Total: 42 €\nVAT: 7",
    "first paragraph\nof two lines\n\nsecond",
    "Привет, мир",
    "日本語 テキスト",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_of_an_answer_is_what_was_given(text: str) -> None:
    assert text_of(text_result(text)) == text


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("two  blanks", "two blanks"),
        ("  around  ", "around"),
        ("tab\there", "tab here"),
        ("windows\r\nlines", "windows\nlines"),
        ("\n\n\nlate\n\n\n\nlater\n\n", "late\n\nlater"),
        (" \n\t\n", ""),
    ],
)
def test_blanks_are_as_a_reader_sees_them(given: str, read: str) -> None:
    assert text_of(text_result(given)) == read


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_the_boxes_are_inside_each_other_and_apart(text: str) -> None:
    [page] = text_annotation(text).pages
    boxes: list[tuple[int, int, int, int]] = []
    for block in page.blocks:
        for line in block.lines:
            for word in line.words:
                corners = [(vertex.x, vertex.y) for vertex in word.bounding_box.vertices]
                box = (*map(min, zip(*corners, strict=True)), *map(max, zip(*corners, strict=True)))
                boxes.append(box)
                assert len(corners) == 4
                assert box[0] >= 0
                assert box[2] <= page.width
                assert box[3] <= page.height
                outer = [vertex.x for vertex in block.bounding_box.vertices]
                assert min(outer) <= box[0] < box[2] <= max(outer)
    assert not [(one, other) for one, other in combinations(boxes, 2) if _overlap(one, other)]


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    is_beside = one[2] <= other[0] or other[2] <= one[0]
    return not (is_beside or one[3] <= other[1] or other[3] <= one[1])


@pytest.mark.parametrize("text", TEXTS)
def test_a_response_of_either_api_is_read_by_its_client(text: str) -> None:
    transport = MemoryTransport(lambda _: text_response(text))
    with VisionClient(transport=transport) as client:
        assert client.analyze(blank_image()).text == text
    pages = MemoryTransport(lambda _: text_response(text, api="ocr/v1"), api=OCR_V1)
    with VisionClient(transport=pages, api="ocr/v1") as client:
        assert client.analyze(blank_image()).text == text


def test_several_texts_are_several_results_or_pages() -> None:
    response = text_response("one", "two")
    assert isinstance(response, BatchAnalyzeResponse)
    assert [text_of(result) for result in response.results] == ["one", "two"]
    pages = text_response("one", "two", api="ocr/v1")
    assert [page.page for page in pages] == [0, 1]
    assert [page.text_annotation.full_text for page in pages] == ["one\n", "two\n"]


def test_an_api_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="'v2' is neither vision/v1 nor ocr/v1"):
        text_response("text", api="v2")  # type: ignore[call-overload]
