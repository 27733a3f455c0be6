"""Pages of ocr/v1 as an AnalyzeResult of vision/v1, so that whatever reads one reads the other.

What vision/v1 has no field for, such as tables, comes along: the pages themselves are in a field of the AnalyzeResult
that its class does not know, and that protobuf keeps. So they outlast journals, pickles and whatever keeps an answer.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from vision_grpc.codec.wire_format import LENGTH_DELIMITED, length_delimited, read_varint, tag, values_of
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    FeatureResult,
    Line,
    OcrBlock,
    OcrTextAnnotation,
    Page,
    RecognizeTextResponse,
    TextAnnotation,
    Word,
)

# No version of the contract is going to have so many fields.
_CARRIED = 1_000_001
_CARRIED_TAG = read_varint(tag(_CARRIED, LENGTH_DELIMITED), 0, 10)[0]
# The API does not say how sure it is: what is not a number is no confidence, see `layout.in_range`.
_UNKNOWN = float("nan")


def result_of(pages: Sequence[bytes]) -> AnalyzeResult:
    """Return the answer that consists of these pages: RecognizeTextResponse messages in wire format.

    Raises:
        DecodeError: the bytes are something else.
    """
    result = AnalyzeResult(results=[FeatureResult(text_detection=text_of_pages(pages, confidence=_UNKNOWN))])
    result.MergeFromString(b"".join([length_delimited(_CARRIED, page) for page in pages]))
    return result


def text_of_pages(pages: Sequence[bytes], *, confidence: float) -> TextAnnotation:
    """Return the text of these pages in the messages of vision/v1, all of it with one confidence.

    Raises:
        DecodeError: the bytes are something else.
    """
    annotations = [RecognizeTextResponse.FromString(page).text_annotation for page in pages]
    return TextAnnotation(pages=[_page(annotation, confidence) for annotation in annotations])


def read_pages(wire: bytes) -> list[RecognizeTextResponse]:
    """Return the pages that an answer carries, parsed.

    Raises:
        ProtocolError: one of them is damaged.
    """
    try:
        return [RecognizeTextResponse.FromString(page) for page in carried_pages(wire)]
    except DecodeError as error:
        message = f"the {len(wire)} bytes of a result carry pages that are not valid RecognizeTextResponses"
        raise ProtocolError(message) from error


def carried_pages(wire: bytes) -> list[bytes]:
    """Return the pages of ocr/v1 in the wire bytes of an AnalyzeResult; none of an answer of vision/v1.

    Raises:
        DecodeError: the outermost fields are broken.
    """
    return values_of(wire, _CARRIED_TAG)


def page_numbers(pages: Sequence[RecognizeTextResponse]) -> list[int]:
    """Return which pages of their file these are, counted from 1.

    The service counts from 0, as its samples show; where no page is 0, it is taken to count from 1. The contract does
    not say which.
    """
    numbers = [page.page for page in pages]
    first = 1 if 0 in numbers else 0
    are_of_a_file = all(number >= 0 for number in numbers) and len({*numbers}) == len(numbers)
    return [number + first for number in numbers] if are_of_a_file else [*range(1, len(numbers) + 1)]


def carry(result: AnalyzeResult, pages: Iterable[RecognizeTextResponse]) -> None:
    """Let an answer carry other pages than before."""
    result.DiscardUnknownFields()
    result.MergeFromString(b"".join([length_delimited(_CARRIED, page.SerializeToString()) for page in pages]))


def _page(annotation: OcrTextAnnotation, confidence: float) -> Page:
    page = Page(width=annotation.width, height=annotation.height)
    for entity in annotation.entities:
        page.entities.add(name=entity.name, text=entity.text)
    page.blocks.extend([_block(block, confidence) for block in annotation.blocks])
    if not page.blocks and annotation.full_text:
        # A model that knows no places: at least the lines are there.
        lines = annotation.full_text.splitlines()
        page.blocks.add(lines=[Line(words=[_word(text, confidence)], confidence=confidence) for text in lines])
    return page


def _block(ocr: OcrBlock, confidence: float) -> Block:
    block = Block()
    _place(block, ocr)
    languages = [
        Word.DetectedLanguage(language_code=each.language_code, confidence=confidence) for each in ocr.languages
    ]
    for ocr_line in ocr.lines:
        line = block.lines.add(confidence=confidence)
        _place(line, ocr_line)
        for ocr_word in ocr_line.words:
            word = _word(ocr_word.text, confidence, languages)
            word.entity_index = ocr_word.entity_index
            _place(word, ocr_word)
            line.words.append(word)
        if not line.words and ocr_line.text:
            line.words.append(_word(ocr_line.text, confidence, languages))
            _place(line.words[0], ocr_line)
    return block


def _word(text: str, confidence: float, languages: Sequence[Word.DetectedLanguage] = ()) -> Word:
    return Word(text=text, confidence=confidence, languages=languages)


def _place(area: Any, ocr_area: Any) -> None:  # noqa: ANN401 - of any level
    # Polygons of both are equal on the wire.
    if ocr_area.HasField("bounding_box"):
        area.bounding_box.MergeFromString(ocr_area.bounding_box.SerializeToString())
