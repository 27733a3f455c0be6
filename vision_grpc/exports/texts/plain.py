"""Texts, as `vision-grpc analyze` prints them."""

from collections.abc import Iterator
from itertools import chain, islice

from vision_grpc.exports.results import each_read
from vision_grpc.results.each import Results
from vision_grpc.texts.quoting import quote_word


def txt(results: Results) -> Iterator[bytes]:
    """Yield the texts in UTF-8; if there are several images, each has a header line as `head` prints it.

    A name with control characters, or bytes that are not UTF-8, is quoted there as for a shell.
    """
    pulled = each_read(results)
    first = [*islice(pulled, 2)]
    has_headers = len(first) > 1
    gap = ""
    for result in chain(first, pulled):
        text = f"{result.text}\n" if result.text else ""
        if has_headers:
            shown = result.key if result.key.isprintable() else quote_word(result.key)
            text = f"{gap}==> {shown} <==\n{text}"
            gap = "\n"
        if text:
            yield text.encode("utf-8", "backslashreplace")
