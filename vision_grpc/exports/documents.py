"""Results as the documents that they are pages of: each image is one by itself, unless its key says `#page=3`."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from vision_grpc.results import ImageResult

_PAGE = re.compile(r"(?s)(.+)#page=[1-9]\d*\Z")


def document_of(key: str) -> str:
    """Return the key of the document of a page; that of another image as it is."""
    page = _PAGE.match(key)
    return key if page is None else page[1]


def documents(results: Iterable[ImageResult]) -> Iterator[tuple[str, Iterator[ImageResult]]]:
    """Yield the key of each document and the results of its pages, which stand together."""
    yield from groupby(results, key=lambda result: document_of(result.key))
