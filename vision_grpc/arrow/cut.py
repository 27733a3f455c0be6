"""The pages of an answer as flat lists, cut from its wire bytes.

Read word by word through messages, a page of 300 words takes three times as long. Instead, the parser collects texts,
confidences, languages and polygons of all words of a page, in a class whose messages are merged and whose values are
lists (see `results.slim`). A list alone does not show which word a value is of: an empty text or a confidence of 0 is
not on the wire, and a word may have several languages. So a second class, of which words are not merged, requires each
word to have each of them; and if there are as many values as words, each word has one. Where that does not hold, the
answer is read through its messages.
"""

from array import array
from collections.abc import Iterator
from itertools import chain
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import DecodeError

from vision_grpc.arrow.areas import Areas, FlatPage, FlatText, LineParts, flat_page
from vision_grpc.arrow.corners import Corners, cut_corners
from vision_grpc.messages import AnalyzeResult, Page
from vision_grpc.results import Outcome, annotation_of
from vision_grpc.results.layout import in_range, languages_of
from vision_grpc.results.slim import slim_class, written


def cut_text(outcome: Outcome) -> FlatText | None:
    """Return what the first text feature of an answer read, None when it has none.

    Raises:
        ProtocolError: the answer is damaged.
    """
    wire = outcome.wire()
    try:
        # Not `outcome.message()`, which would keep the message.
        return _cut(wire) or _read(AnalyzeResult.FromString(wire))
    except (DecodeError, UnicodeDecodeError):
        # It raises the error that names the damage.
        return _read(outcome.message())


def _read(answer: AnalyzeResult) -> FlatText | None:
    """Return it, read through messages."""
    annotation = annotation_of(answer)
    return None if annotation is None else FlatText.of([*map(_read_page, annotation.pages)])


def _read_page(page: Page) -> FlatPage:
    blocks = page.blocks
    lines = [line for block in blocks for line in block.lines]
    words = [word for line in lines for word in line.words]
    languages = [languages_of(word) for word in words]
    of_blocks, of_lines, of_words = _cut_corners(
        *([area.bounding_box.SerializeToString() for area in areas] for areas in (blocks, lines, words))
    )
    return flat_page(
        (page.width, page.height),
        line_counts=[len(block.lines) for block in blocks],
        word_counts=[len(line.words) for line in lines],
        words=Areas(
            [word.text.encode() for word in words],
            [in_range(word.confidence) for word in words],
            [code.encode() for codes in languages for code in codes],
            array("i", map(len, languages)),
            of_words,
        ),
        lines=LineParts([in_range(line.confidence) for line in lines], of_lines),
        blocks=of_blocks,
    )


def _cut_corners(*polygons: list[bytes]) -> Iterator[Corners]:
    # Together: it costs 15 us a call.
    return cut_corners([*chain.from_iterable(polygons)]).split(*map(len, polygons))


def _cut(wire: bytes) -> FlatText | None:
    """Return it from the bytes of an answer with nothing but text, None where it has to be read through messages."""
    merged: Any = _Merged.FromString(wire)
    checked: Any = _Checked.FromString(wire)
    # Written again, what was there twice is there once, such as a second language of a word; nothing gets longer.
    if len(merged.results) != 1 or len(written(checked) or b"") != len(wire):
        return None
    values, counts = merged.results[0].text_detection.pages, checked.results[0].text_detection.pages
    pages = [_cut_page(*both) for both in zip(values, counts, strict=True)]
    whole = [page for page in pages if page is not None]
    return FlatText.of(whole) if whole and len(whole) == len(pages) else None


def _cut_page(page: Any, counted: Any) -> FlatPage | None:  # noqa: ANN401 - of slim classes
    blocks = page.blocks
    lines = blocks.lines
    words = lines.words
    line_counts: list[int] = []
    word_counts: list[int] = []
    for block in counted.blocks:
        counted_lines = block.lines
        line_counts.append(len(counted_lines))
        word_counts += [len(line.words) for line in counted_lines]
    texts, confidences, codes = words.text[:], words.confidence[:], words.languages.language_code[:]
    line_confidences = lines.confidence[:]
    polygons = [blocks.bounding_box[:], lines.bounding_box[:], words.bounding_box[:]]
    number = sum(word_counts)
    if not (
        [*map(len, polygons)] == [len(line_counts), len(word_counts), number]
        and len(line_confidences) == len(word_counts)
        and len(texts) == len(confidences) == len(codes) == number
        and _are_usual(confidences)
        and _are_usual(line_confidences)
    ):
        return None
    # As `FlatText` decodes the words; apart, so that two halves of a letter stay two errors.
    b" ".join(codes).decode()
    of_blocks, of_lines, of_words = _cut_corners(*polygons)
    return flat_page(
        (page.width, page.height),
        line_counts=line_counts,
        word_counts=word_counts,
        words=Areas(texts, confidences, codes, array("i", [1]) * number, of_words),
        lines=LineParts(line_confidences, of_lines),
        blocks=of_blocks,
    )


def _are_usual(confidences: list[float]) -> bool:
    # The sum alone shows a NaN in any place.
    return not confidences or (min(confidences) >= 0 and max(confidences) <= 1 and sum(confidences) >= 0)


_LEVELS = {"Block", "Line", "Word"}
_PARTS = {"blocks", "lines", "words"}


def _redeclare_merged(message: str, field: FieldDescriptorProto) -> None:
    if field.name in {*_PARTS, "languages"}:
        field.label = field.LABEL_OPTIONAL
    elif (message in _LEVELS and field.name != "entity_index") or field.name == "language_code":
        field.label = field.LABEL_REPEATED
        if field.name != "confidence":
            field.type = field.TYPE_BYTES


def _redeclare_checked(message: str, field: FieldDescriptorProto) -> None:
    if (message in _LEVELS and field.name not in {*_PARTS, "entity_index"}) or field.name == "language_code":
        field.label = field.LABEL_REQUIRED
        if field.name == "bounding_box":
            field.type = field.TYPE_BYTES
    elif field.type == field.TYPE_INT32:
        # Of a number with more bits, 32 would be kept, and written again they may be longer.
        field.type = field.TYPE_INT64


_Merged = slim_class(AnalyzeResult, "vision_grpc.arrow.merged_pages", _redeclare_merged)
_Checked = slim_class(AnalyzeResult, "vision_grpc.arrow.checked_pages", _redeclare_checked, syntax="proto2")
