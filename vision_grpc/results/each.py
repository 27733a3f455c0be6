"""What functions take that work on results: one or many."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, cast

from vision_grpc.results.result import ImageResult

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
