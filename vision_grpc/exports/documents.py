"""Results as the documents that they are pages of: each image is one by itself, unless its key says `#page=3`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from vision_grpc.messages import AnalyzeResult, FeatureResult, TextAnnotation
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import MessageOutcome

_PAGE = re.compile(r"(?s)(.+)#page=[1-9]\d*\Z")


def document_of(key: str) -> str:
    """Return the key of the document of a page; that of another image as it is."""
    page = _PAGE.match(key)
    return key if page is None else page[1]


def documents(results: Iterable[ImageResult]) -> Iterator[tuple[str, Iterator[ImageResult]]]:
    """Yield the key of each document and the results of its pages, which stand together."""
    yield from groupby(results, key=lambda result: document_of(result.key))


def pages_of(result: ImageResult) -> Iterator[ImageResult]:
    """Yield a result for each page of a result that has several, as of a whole document; else the result itself."""
    pages = result.pages
    if len(pages) <= 1:
        yield result
        return
    for number, page in enumerate(pages, 1):
        answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page.message]))])
        yield replace(result, key=f"{result.key}#page={number}", outcome=MessageOutcome(answer), known_text=None)
