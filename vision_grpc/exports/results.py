"""The results that a writer is given: one or many, read or failed."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

from vision_grpc.errors import ProtocolError
from vision_grpc.results import ImageResult

Results: TypeAlias = ImageResult | Iterable[ImageResult]
"""One result, or any number of them."""


def each(results: Results) -> Iterator[ImageResult]:
    """Yield each result.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(results, ImageResult):
        yield results
        return
    for result in cast("Iterable[object]", results):
        if not isinstance(result, ImageResult):
            message = f"results: an ImageResult or an iterable of them is needed, not one with {type(result).__name__}"
            raise TypeError(message)
        yield result


def each_read(results: Results) -> Iterator[ImageResult]:
    """Yield each result of an image that was read and whose answer, if it has one, is whole."""
    for result in each(results):
        if result.check().ok:
            yield result


def each_with_answer(results: Results) -> Iterator[ImageResult]:
    """Yield each result of an image that was read and has its answer, which is whole."""
    for result in each(results):
        if result.ok and result.outcome is not None and is_whole(result):
            yield result


def is_whole(result: ImageResult) -> bool:
    """Return whether the answer of a result can be parsed; its boxes are then read without parsing it again."""
    try:
        _ = result.result
    except ProtocolError:
        return False
    return True
