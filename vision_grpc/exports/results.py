"""Which of the results that a writer is given were read, and what is wrong with the others."""

from collections.abc import Callable, Iterator
from typing import Literal

from vision_grpc.errors import ProtocolError
from vision_grpc.exports.documents import pages_of
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.each import Results, each


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
        _ = result.raw
    except ProtocolError as error:
        return ImageError(error.code, str(error), cause=error)
    return None


def said(
    result: ImageResult, name: Literal["markdown", "full_text"], otherwise: Callable[[str], str] = str
) -> str | None:
    """Return what ocr/v1 itself says of a text, None where it says nothing, or only the text is whole.

    Where it says nothing of a page alone, `otherwise` makes that of the page's text.
    """
    try:
        if getattr(result, name) is None:
            return None
        pages: list[str] = [getattr(page, name) or otherwise(page.text) for page in pages_of(result)]
    except ProtocolError:
        return None
    return "\n\n".join([page.rstrip("\n") for page in pages if page])


def damage_of_text(result: ImageResult) -> ImageError | None:
    """Return what is wrong with the answer of a result, as far as it is needed for the text."""
    try:
        _ = result.text
    except ProtocolError as error:
        return ImageError(error.code, str(error), cause=error)
    return None
