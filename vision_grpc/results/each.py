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
    if not isinstance(cast("object", results), Iterable):
        raise _type_error(results)
    for result in cast("Iterable[object]", results):
        if not isinstance(result, ImageResult):
            raise _type_error(result, before="one with ")
        yield result


def _type_error(given: object, *, before: str = "") -> TypeError:
    name = type(given).__name__
    return TypeError(f"results: an ImageResult or an iterable of them is needed, not {before}{name}")
