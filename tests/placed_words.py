"""Results whose words are at places and of confidences that tests name."""

from collections.abc import Sequence
from typing import NamedTuple

from vision_grpc.messages import (
    AnalyzeResult,
    Block,
    FeatureResult,
    Line,
    Page,
    Polygon,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome


class Placed(NamedTuple):
    """A word at a place: left, top, right and bottom, or all corners."""

    text: str
    place: Sequence[int]
    confidence: float = 0.95


def polygon(place: Sequence[int]) -> Polygon:
    if len(place) == 4:
        left, top, right, bottom = place
        place = (left, top, left, bottom, right, bottom, right, top)
    return Polygon(vertices=[Vertex(x=x, y=y) for x, y in zip(place[::2], place[1::2], strict=True)])


def around(words: Sequence[Placed]) -> Polygon:
    xs = [x for word in words for x in word.place[::2]]
    ys = [y for word in words for y in word.place[1::2]]
    return polygon((min(xs), min(ys), max(xs), max(ys)))


def page_with(lines: Sequence[Sequence[Placed]], size: tuple[int, int]) -> AnalyzeResult:
    """Return an answer with a block of these lines."""
    made = [
        Line(
            words=[
                Word(text=word.text, bounding_box=polygon(word.place), confidence=word.confidence) for word in words
            ],
            bounding_box=around(words),
            confidence=min(word.confidence for word in words),
        )
        for words in lines
    ]
    blocks = [Block(lines=made, bounding_box=around([word for words in lines for word in words]))] if lines else []
    page = Page(width=size[0], height=size[1], blocks=blocks)
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page]))])


def placed(key: str, lines: Sequence[Sequence[Placed]], size: tuple[int, int] = (400, 300)) -> ImageResult:
    """Return the result of an image that was read over gRPC."""
    outcome = WireOutcome(page_with(lines, size).SerializeToString(), has_error=False)
    return ImageResult(key, outcome, attempts=1, transport="grpc", request_id="r-1")
