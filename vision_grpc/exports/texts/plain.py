"""Texts, as `vision-grpc analyze` prints them, or as ocr/v1 joins them."""

from collections.abc import Callable, Iterator
from itertools import chain, islice

from vision_grpc.exports.results import each_read, said
from vision_grpc.results import ImageResult
from vision_grpc.results.each import Results
from vision_grpc.texts.quoting import quote_word


def txt(results: Results) -> Iterator[bytes]:
    """Yield the texts in UTF-8; if there are several images, each has a header line as `head` prints it.

    A name with control characters, or bytes that are not UTF-8, is quoted there as for a shell.
    """
    return _with_headers(results, lambda result: f"{result.text}\n" if result.text else "")


def full_text(results: Results) -> Iterator[bytes]:
    """Yield the texts as ocr/v1 itself joins their lines, else as `txt` does; with header lines as there."""
    return _with_headers(results, _full_text_of)


def _full_text_of(result: ImageResult) -> str:
    text = result.text if (full := said(result, "full_text")) is None else full
    return text if not text or text.endswith("\n") else f"{text}\n"


def _with_headers(results: Results, text_of: Callable[[ImageResult], str]) -> Iterator[bytes]:
    pulled = each_read(results)
    first = [*islice(pulled, 2)]
    has_headers = len(first) > 1
    gap = ""
    for result in chain(first, pulled):
        text = text_of(result)
        if has_headers:
            shown = result.key if result.key.isprintable() else quote_word(result.key)
            text = f"{gap}==> {shown} <==\n{text}"
            gap = "\n"
        if text:
            yield text.encode("utf-8", "backslashreplace")
