"""The results that a writer is given: one or many, read or failed."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

from vision_grpc.errors import ProtocolError
from vision_grpc.results import ImageError, ImageResult

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
    """Yield each result of an image that was read and has its text."""
    return (result for result in each(results) if result.ok and damage_of_text(result) is None)


def each_with_answer(results: Results) -> Iterator[ImageResult]:
    """Yield each result of an image that was read and has its answer, which is whole."""
    return (
        result for result in each(results) if result.ok and result.outcome is not None and damage_of(result) is None
    )


def damage_of(result: ImageResult) -> ImageError | None:
    """Return what is wrong with the answer of a result, None if it is whole: its boxes can then be read."""
    try:
        _ = result.result
    except ProtocolError as error:
        return ImageError(error.code, str(error), cause=error)
    return None


def damage_of_text(result: ImageResult) -> ImageError | None:
    """Return what is wrong with the answer of a result, as far as it is needed for the text."""
    try:
        _ = result.text
    except ProtocolError as error:
        return ImageError(error.code, str(error), cause=error)
    return None
