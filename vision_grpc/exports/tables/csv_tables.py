"""CSV (RFC 4180) in UTF-8: a table of images, and one of words."""

import csv as csv_format
from collections.abc import Iterator, Sequence
from io import StringIO

from vision_grpc.exports.results import damage_of, each_with_answer
from vision_grpc.exports.tables.cells import clean_line, clean_text
from vision_grpc.results import ImageResult
from vision_grpc.results.each import Results, each

_IMAGES = [
    "key",
    "ok",
    "error_code",
    "error_message",
    "text",
    "words",
    "mean_confidence",
    "languages",
    "width",
    "height",
    "attempts",
    "transport",
    "request_id",
]
_WORDS = [
    "key",
    "page",
    "block",
    "line",
    "word",
    "text",
    "confidence",
    "left",
    "top",
    "right",
    "bottom",
    "languages",
]
_Cell = str | float | None


def csv(results: Results) -> Iterator[bytes]:
    """Yield a row for each image, those that failed included.

    Its columns are key, ok (true or false), error_code, error_message, text, words (how many), mean_confidence (of the
    words, from 0 to 1), languages (codes, separated by spaces), width, height, attempts, transport, request_id. A cell
    is empty where there is nothing to say: words and sizes, if the answer is not there.
    """
    yield _rows([_IMAGES])
    for result in each(results):
        yield _rows([_image(result)])


def words(results: Results) -> Iterator[bytes]:
    """Yield a row for each word.

    Its columns are key, page, block, line and word (each counted from 1 within the one before), text, confidence (from
    0 to 1), left, top, right, bottom (pixels), languages (codes, separated by spaces).
    """
    yield _rows([_WORDS])
    for result in each_with_answer(results):
        yield _rows([*_words(result)])


def _image(result: ImageResult) -> Sequence[_Cell]:
    error = result.error or damage_of(result)
    row: list[_Cell] = [clean_line(result.key), "true" if error is None else "false"]
    row += ["", ""] if error is None else [error.code.name, clean_text(error.message)]
    is_whole = result.outcome is not None and damage_of(result) is None
    row.append(clean_text(result.text) if is_whole or error is None else "")
    row += _measures(result) if is_whole else [None] * 5
    # Texts of the service, or of whoever wrote the journal.
    return [*row, result.attempts, clean_line(result.transport or ""), clean_line(result.request_id or "")]


def _measures(result: ImageResult) -> Sequence[_Cell]:
    """Return what the answer says of the words and the pages."""
    everything = [*result.words()]
    confidences = [word.confidence for word in everything if word.confidence is not None]
    mean = f"{sum(confidences) / len(confidences):.6g}" if confidences else None
    languages = dict.fromkeys(code for word in everything for code in word.languages)
    page = next(iter(result.pages), None)
    size = [None, None] if page is None else [page.width, page.height]
    return [len(everything), mean, clean_line(" ".join(languages)), *size]


def _words(result: ImageResult) -> Iterator[Sequence[_Cell]]:
    key = clean_line(result.key)
    for page_number, page in enumerate(result.pages, 1):
        for block_number, block in enumerate(page.blocks, 1):
            for line_number, line in enumerate(block.lines, 1):
                for number, word in enumerate(line.words, 1):
                    confidence = word.confidence
                    yield (
                        key,
                        page_number,
                        block_number,
                        line_number,
                        number,
                        clean_line(word.text),
                        None if confidence is None else f"{confidence:.6g}",
                        *word.box,
                        clean_line(" ".join(word.languages)),
                    )


def _rows(rows: Sequence[Sequence[_Cell]]) -> bytes:
    text = StringIO(newline="")
    csv_format.writer(text).writerows(rows)
    return text.getvalue().encode()
