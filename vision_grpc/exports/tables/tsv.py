"""TSV as Tesseract writes it (`tesseract image out tsv`), so that what reads that reads this."""

from collections.abc import Iterator

from vision_grpc.exports.results import each_with_answer
from vision_grpc.exports.tables.cells import clean_line
from vision_grpc.results.each import Results
from vision_grpc.results.layout import Block, Box, Line, Page

_HEADER = b"level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"


def tsv(results: Results) -> Iterator[bytes]:
    """Yield rows for each page, block, paragraph, line and word; an image is a page, counted from 1.

    As in Tesseract's, words without text have no row, nor do lines and blocks without such words; cells are not quoted.
    A block has one paragraph. Confidences are from 0 to 100, and -1 for all but words.
    """
    yield _HEADER
    number = 0
    for result in each_with_answer(results):
        for page in result.pages:
            number += 1
            yield "".join(_rows(page, number)).encode()


def _rows(page: Page, number: int) -> Iterator[str]:
    yield f"1\t{number}\t0\t0\t0\t0\t0\t0\t{page.width}\t{page.height}\t-1\t\n"
    block_number = 0
    for block in page.blocks:
        if rows := _lines(block, f"{number}\t{block_number + 1}\t1"):
            block_number += 1
            at = _area(block.box)
            yield f"2\t{number}\t{block_number}\t0\t0\t0\t{at}\t-1\t\n"
            yield f"3\t{number}\t{block_number}\t1\t0\t0\t{at}\t-1\t\n"
            yield from rows


def _lines(block: Block, place: str) -> list[str]:
    rows: list[str] = []
    line_number = 0
    for line in block.lines:
        if words := _words(line, f"5\t{place}\t{line_number + 1}"):
            line_number += 1
            rows.append(f"4\t{place}\t{line_number}\t0\t{_area(line.box)}\t-1\t\n")
            rows += words
    return rows


def _words(line: Line, place: str) -> list[str]:
    with_text = [(word, text) for word in line.words if (text := word.text)]
    return [
        f"{place}\t{number}\t{_area(word.box)}\t{_percent(word.confidence)}\t{clean_line(text)}\n"
        for number, (word, text) in enumerate(with_text, 1)
    ]


def _percent(confidence: float | None) -> str:
    """Return a confidence as Tesseract writes it, for which -1 is none."""
    return "-1" if confidence is None else f"{100 * confidence:.6f}"


def _area(box: Box) -> str:
    left, top, right, bottom = box
    return f"{left}\t{top}\t{right - left}\t{bottom - top}"
