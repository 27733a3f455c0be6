"""Texts as the messages of an answer, with boxes as of a page in a typewriter's letters."""

from collections.abc import Sequence
from typing import Any, Literal, overload

from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeResponse,
    Block,
    FeatureResult,
    Line,
    OcrBlock,
    OcrLine,
    OcrPolygon,
    OcrTextAnnotation,
    OcrVertex,
    OcrWord,
    Page,
    Polygon,
    RecognizeTextResponse,
    TextAnnotation,
    Vertex,
    Word,
)

_LETTER, _LINE, _MARGIN = 10, 24, 20
_HEIGHT = 20
_CONFIDENCE = 0.99


def text_annotation(text: str) -> TextAnnotation:
    """Return a page of vision/v1 with a text: a line for each of its lines, a block for each paragraph.

    Words are what blanks keep apart, so that the page's text has a single blank there. An empty line begins a block.
    """
    return TextAnnotation(pages=[_page(text)])


def text_result(text: str) -> AnalyzeResult:
    """Return what vision/v1 answers for one image with a text."""
    return AnalyzeResult(results=[FeatureResult(text_detection=text_annotation(text))])


def ocr_annotation_of(page: Page) -> OcrTextAnnotation:
    """Return a page in the messages of ocr/v1, as much of it as a test needs: texts and boxes."""
    blocks = [_ocr_block(block) for block in page.blocks]
    full_text = "".join(f"{line.text}\n" for block in blocks for line in block.lines)
    return OcrTextAnnotation(width=page.width, height=page.height, blocks=blocks, full_text=full_text)


@overload
def text_response(*texts: str, api: Literal["vision/v1"] = "vision/v1") -> BatchAnalyzeResponse: ...
@overload
def text_response(*texts: str, api: Literal["ocr/v1"]) -> list[RecognizeTextResponse]: ...
def text_response(*texts: str, api: str = "vision/v1") -> BatchAnalyzeResponse | list[RecognizeTextResponse]:
    """Return the answer of an API: in vision/v1 a result for each text, in ocr/v1 a message for each page's text.

    Raises:
        ValueError: there is no such API.
    """
    if api == "vision/v1":
        return BatchAnalyzeResponse(results=[text_result(text) for text in texts])
    if api == "ocr/v1":
        return pages_response([_page(text) for text in texts])
    message = f"api {api!r} is neither vision/v1 nor ocr/v1"
    raise ValueError(message)


def pages_response(pages: Sequence[Page]) -> list[RecognizeTextResponse]:
    """Return pages as the answer of ocr/v1."""
    return [
        RecognizeTextResponse(text_annotation=ocr_annotation_of(page), page=number) for number, page in enumerate(pages)
    ]


def _page(text: str) -> Page:
    blocks: list[Block] = []
    lines: list[Line] = []
    rows = text.splitlines()
    for number, row in enumerate(rows):
        if words := _words(row, top=_MARGIN + number * _LINE):
            lines.append(Line(words=words, bounding_box=_around(words), confidence=_CONFIDENCE))
        elif lines:
            blocks.append(Block(lines=lines, bounding_box=_around(lines)))
            lines = []
    if lines:
        blocks.append(Block(lines=lines, bounding_box=_around(lines)))
    width = 2 * _MARGIN + _LETTER * max(map(len, rows), default=0)
    return Page(width=width, height=2 * _MARGIN + _LINE * len(rows), blocks=blocks)


def _words(row: str, *, top: int) -> list[Word]:
    words: list[Word] = []
    left = _MARGIN
    for word in row.split():
        box = _box(left, top, left + _LETTER * len(word), top + _HEIGHT)
        words.append(Word(text=word, bounding_box=box, confidence=_CONFIDENCE, entity_index=-1))
        left += _LETTER * (len(word) + 1)
    return words


def _around(parts: Sequence[Any]) -> Polygon:
    corners = [vertex for part in parts for vertex in part.bounding_box.vertices]
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    return _box(min(across), min(down), max(across), max(down))


def _box(left: int, top: int, right: int, bottom: int) -> Polygon:
    corners = ((left, top), (left, bottom), (right, bottom), (right, top))
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners])


def _ocr_block(block: Block) -> OcrBlock:
    lines = [_ocr_line(line) for line in block.lines]
    return OcrBlock(bounding_box=_ocr_polygon(block.bounding_box), lines=lines)


def _ocr_line(line: Line) -> OcrLine:
    words = [
        OcrWord(text=word.text, bounding_box=_ocr_polygon(word.bounding_box), entity_index=word.entity_index)
        for word in line.words
    ]
    text = " ".join(word.text for word in words)
    return OcrLine(text=text, words=words, bounding_box=_ocr_polygon(line.bounding_box))


def _ocr_polygon(polygon: Polygon) -> OcrPolygon:
    return OcrPolygon(vertices=[OcrVertex(x=vertex.x, y=vertex.y) for vertex in polygon.vertices])
