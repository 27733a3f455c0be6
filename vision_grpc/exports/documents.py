"""Results as the documents that they are pages of: each image is one by itself, unless its key says `#page=3`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from vision_grpc.messages import AnalyzeResult, FeatureResult, OcrTextAnnotation, RecognizeTextResponse, TextAnnotation
from vision_grpc.results import ImageResult
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.ocr_pages import page_numbers
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
    elif result.has_confidence:
        for number, page in enumerate(pages, 1):
            answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=[page.message]))])
            yield replace(result, key=f"{result.key}#page={number}", outcome=MessageOutcome(answer), known_text=None)
    else:
        whole = _ocr_pages(result)
        for number, response in zip(page_numbers(whole), whole, strict=True):
            yield replace(result, key=f"{result.key}#page={number}", outcome=_outcome(response), known_text=None)


def tables_of(result: ImageResult) -> Iterator[ImageResult]:
    """Yield a result for each table of a result, with nothing else; the key says which one if there are several."""
    whole = _ocr_pages(result)
    several = sum(len(page.text_annotation.tables) for page in whole) > 1
    count = 0
    for page in whole:
        for table in page.text_annotation.tables:
            count += 1
            alone = RecognizeTextResponse(page=page.page, text_annotation=OcrTextAnnotation(tables=[table]))
            key = f"{result.key}#table={count}" if several else result.key
            yield replace(result, key=key, outcome=_outcome(alone), known_text=None)


def _ocr_pages(result: ImageResult) -> list[RecognizeTextResponse]:
    return [page for page in result.raw if isinstance(page, RecognizeTextResponse)]


def _outcome(page: RecognizeTextResponse) -> OcrOutcome:
    return OcrOutcome([page.SerializeToString()])
