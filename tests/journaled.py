"""Results as a client returns them, for tests of journals."""

from collections.abc import Sequence

from vision_grpc.bulk.sink import Sent
from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.sources.item import Item

SETTINGS = {"api": "vision/v1", "languages": ["ru", "en"], "model": None, "fit": False}


def answer(*words: str) -> AnalyzeResult:
    """Return an answer with these words in a line."""
    box = Polygon(vertices=[Vertex(x=1, y=2), Vertex(x=30, y=2), Vertex(x=30, y=9), Vertex(x=1, y=9)])
    line = Line(words=[Word(text=word, bounding_box=box, confidence=0.98, entity_index=-1) for word in words])
    pages = [Page(width=100, height=50, blocks=[Block(lines=[line])])]
    return AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=pages))])


def read(key: str, *words: str) -> ImageResult:
    """Return the result of an image that was read over gRPC."""
    outcome = WireOutcome(answer(*words).SerializeToString(), has_error=False)
    return ImageResult(key, outcome, attempts=1, transport="grpc", request_id="r-1")


def sent(
    key: str, *, started_at: float = 0.0, languages: Sequence[str] | None = None, model: str | None = None
) -> Sent:
    """Return what is known about an image that was sent."""
    return Sent(Item(key, lambda _: b"", languages=languages, model=model), started_at)


def failed(key: str, code: Code = Code.UNAVAILABLE, message: str = "was not reached") -> ImageResult:
    """Return the result of an image without an answer."""
    return ImageResult(key, error=ImageError(code, message), attempts=2)
