"""A page of vision/v1 in the messages of ocr/v1.

`full_text` has the lines one after the other, each with a line feed behind it, its words apart by spaces. Segments are
places in it, counted in characters (Unicode code points, as `len` counts in Python).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from vision_grpc.messages import (
    Block,
    Line,
    OcrBlock,
    OcrLine,
    OcrPolygon,
    OcrTextAnnotation,
    OcrTextSegments,
    OcrVertex,
    OcrWord,
    Page,
    Polygon,
    Vertex,
)
from vision_grpc_pb.yandex.cloud.ai.ocr.v1 import ocr_pb2


def ocr_annotation(page: Page) -> OcrTextAnnotation:
    """Return a page in the messages of ocr/v1, without the confidences that these have no place for.

    Angles say by how many degrees the text is turned clockwise from upright; `rotate` is that of most of it, and is not
    set on a page without text.
    """
    blocks: list[OcrBlock] = []
    start = 0
    for block in page.blocks:
        blocks.append(_block(block, start))
        start = _end_of(blocks[-1]) + 1
    lines = [line for block in blocks for line in block.lines]
    turned: Counter[ocr_pb2.Angle.ValueType] = Counter()
    for line in lines:
        turned[line.orientation] += len(line.text)
    return OcrTextAnnotation(
        width=page.width,
        height=page.height,
        blocks=blocks,
        full_text="".join(f"{line.text}\n" for line in lines),
        rotate=max(turned, key=lambda angle: turned[angle], default=ocr_pb2.ANGLE_UNSPECIFIED),
    )


def _block(block: Block, start: int) -> OcrBlock:
    lines: list[OcrLine] = []
    end = start
    for line in block.lines:
        lines.append(_line(line, end))
        end += len(lines[-1].text) + 1
    codes = dict.fromkeys(
        language.language_code for line in block.lines for word in line.words for language in word.languages
    )
    return OcrBlock(
        bounding_box=_polygon(block.bounding_box),
        lines=lines,
        languages=[OcrBlock.DetectedLanguage(language_code=code) for code in codes],
        # The last line feed is behind the block.
        text_segments=[OcrTextSegments(start_index=start, length=max(end - 1 - start, 0))],
    )


def _line(line: Line, start: int) -> OcrLine:
    words: list[OcrWord] = []
    begin = start
    for word in line.words:
        words.append(
            OcrWord(
                bounding_box=_polygon(word.bounding_box),
                text=word.text,
                entity_index=word.entity_index,
                text_segments=[OcrTextSegments(start_index=begin, length=len(word.text))],
            )
        )
        begin += len(word.text) + 1
    text = " ".join(word.text for word in words)
    return OcrLine(
        bounding_box=_polygon(line.bounding_box),
        text=text,
        words=words,
        text_segments=[OcrTextSegments(start_index=start, length=len(text))],
        orientation=_angle_of(line),
    )


def _end_of(block: OcrBlock) -> int:
    [segment] = block.text_segments
    return segment.start_index + segment.length


def _polygon(polygon: Polygon) -> OcrPolygon:
    return OcrPolygon(vertices=[OcrVertex(x=vertex.x, y=vertex.y) for vertex in polygon.vertices])


def _angle_of(line: Line) -> ocr_pb2.Angle.ValueType:
    """Return how a line is turned: its corners begin with the one that is upper left for whoever reads it."""
    corners = line.bounding_box.vertices
    if len(corners) < 4:  # noqa: PLR2004 - a box
        return ocr_pb2.ANGLE_UNSPECIFIED
    first, last = corners[0], corners[3]
    x, y = last.x - first.x, last.y - first.y
    middles = [_middle(word.bounding_box.vertices) for word in line.words]
    over, down = (sum(after[at] - before[at] for before, after in pairwise(middles)) for at in (0, 1))
    # Tesseract itself reads lines that run up or down, and its boxes do not show it: their words lie below each other.
    if abs(down) > abs(over) and abs(x) >= abs(y):
        return ocr_pb2.ANGLE_90 if down > 0 else ocr_pb2.ANGLE_270
    if abs(x) >= abs(y):
        return ocr_pb2.ANGLE_0 if x >= 0 else ocr_pb2.ANGLE_180
    return ocr_pb2.ANGLE_90 if y > 0 else ocr_pb2.ANGLE_270


def _middle(corners: Sequence[Vertex]) -> tuple[float, float]:
    return _mean(corner.x for corner in corners), _mean(corner.y for corner in corners)


def _mean(values: Iterable[int]) -> float:
    counted = list(values)
    return sum(counted) / len(counted) if counted else 0.0
