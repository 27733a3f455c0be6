"""Tables of ocr/v1 as CSV and HTML."""

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journaled import read
from ocr_results import NAMES, SPANS, page, result_of, table

from vision_grpc import exports
from vision_grpc.messages import OcrTable
from vision_grpc.results import ImageResult
from vision_grpc.results.documents import Table


def as_csv(*results: ImageResult) -> list[list[str]]:
    return [*csv.reader(io.StringIO(b"".join(exports.tables_csv(results)).decode(), newline=""), strict=True)]


def as_html(*results: ImageResult) -> str:
    html = b"".join(exports.tables_html(results)).decode()
    assert html.startswith("<!DOCTYPE html>")
    assert html.endswith("</body>\n</html>\n")
    return html


class _Cells(HTMLParser):
    """The cells of the tables of a page: the text, the columns and the rows that each spans."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: list[list[list[tuple[str, int, int]]]] = []
        self.captions: list[str] = []
        self._data = ""
        self._spans = (1, 1)
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        self._data = ""
        given = dict(attrs)
        self._spans = int(given.get("colspan") or 1), int(given.get("rowspan") or 1)

    def handle_data(self, data: str) -> None:
        self._data += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.tables[-1][-1].append((self._data, *self._spans))
        elif tag == "caption":
            self.captions.append(self._data)


def test_the_table_of_the_documentation() -> None:
    result = result_of("names.jpg", NAMES)
    assert as_csv(result) == [["Фамилия", "Имя", "Отчество"], ["Иванов", "Иван", "Иванович"]]
    html = as_html(result)
    assert _Cells(html).tables == [[[(text, 1, 1) for text in row] for row in as_csv(result)]]
    # Nobody says that the first row is a header.
    assert "<th" not in html
    [frame] = pd.read_html(io.StringIO(html), encoding="utf-8")
    assert frame.to_numpy().tolist() == as_csv(result)


def test_cells_may_span_and_be_missing_and_have_lines() -> None:
    result = result_of("a.png", SPANS)
    assert as_csv(result) == [
        ["Goods", "Price", ""],
        ["", "net", "gross"],
        ["Bolts,\nlong", "", '"12,5"'],
        ["=SUM(A1)", "", ""],
    ]
    assert _Cells(as_html(result)).tables == [
        [
            [("Goods", 1, 2), ("Price", 2, 1)],
            [("net", 1, 1), ("gross", 1, 1)],
            [("Bolts,\nlong", 1, 1), ("", 1, 1), ('"12,5"', 1, 1)],
            [("=SUM(A1)", 3, 1)],
        ]
    ]


def test_several_tables_have_titles() -> None:
    one, two = table(1, 1, [(0, 0, "one")]), table(1, 2, [(0, 0, "two"), (0, 1, "2")])
    book = result_of("book.pdf", page(0, tables=[one]), page(1), page(2, tables=[two, one]))
    other = result_of("a,<b>.png", page(0, tables=[two]))
    assert as_csv(book, other) == [
        ["book.pdf", "page 1", "table 1"], ["one"], [],
        ["book.pdf", "page 3", "table 1"], ["two", "2"], [],
        ["book.pdf", "page 3", "table 2"], ["one"], [],
        ["a,<b>.png", "page 1", "table 1"], ["two", "2"],
    ]  # fmt: skip
    titles = ["book.pdf, page 1, table 1", "book.pdf, page 3, table 1", "book.pdf, page 3, table 2"]
    assert _Cells(as_html(book, other)).captions == [*titles, "a,<b>.png, page 1, table 1"]


def test_without_tables_there_is_nothing(tmp_path: Path) -> None:
    without = [read("a.png", "one"), result_of("b.png", page(0, "text")), ImageResult("c.png")]
    assert b"".join(exports.tables_csv(without)) == b"".join(exports.tables_html(without)) == b""
    exports.write(f"{tmp_path}/", "tables-csv", without)
    assert [*tmp_path.iterdir()] == []


def test_a_folder_has_a_csv_file_a_table_and_an_html_file_an_image(tmp_path: Path) -> None:
    one = table(1, 1, [(0, 0, "one")])
    results = [
        result_of("scans/a.png", page(0, tables=[one])),
        result_of("b.pdf", page(0, tables=[one]), page(1, tables=[one])),
    ]
    for _ in range(2):
        exports.write(f"{tmp_path}/", "tables-csv", results)
        exports.write(f"{tmp_path}/", "tables-html", results)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "b.pdf#table=1.tables.csv", "b.pdf#table=2.tables.csv", "b.tables.html",
        "scans/a.tables.csv", "scans/a.tables.html",
    ]  # fmt: skip
    assert (tmp_path / "b.pdf#table=2.tables.csv").read_bytes() == b"one\r\n"


@pytest.mark.parametrize(
    ("message", "rows"),
    [
        (table(0, 0, [(0, 0, "a")]), [["a"]]),
        (table(0, 0, [(0, 0, "a", 0, 0), (1, 1, "b", -5, 2**62)]), [["a", ""], ["", "b"]]),
        (table(1, 1, [(0, 0, "a"), (0, 0, "b")]), [["a\nb"]]),
        (table(1, 1, [(-1, 0, "a"), (0, -7, "b")]), [[""]]),
        (table(2**40, 2**40, [(0, 0, "a"), (0, 1, "b")]), [["a", "b"]]),
        (table(2, 2, [(0, 0, "a", 2, 2), (1, 1, "b")]), [["a", ""], ["", "b"]]),
        (table(2, 2, [(0, 0, "a", 2, 2), (1, 0, "b", 1, 2)]), [["a", ""], ["b", ""]]),
        (table(1, 1, [(2**60, 2**60, "a")]), [[""]]),
        (table(1, 2, [(2**60, 0, "a"), (0, 0, "b"), (0, 2**60, "c"), (0, 1, "d")]), [["b", "d"]]),
        (table(1, 1, [(0, 0, ""), (0, 0, "a"), (0, 0, ""), (0, 0, "b")]), [["a\nb"]]),
        (OcrTable(), []),
    ],
    ids=str,
)
def test_a_table_of_any_shape_is_a_whole_grid(message: OcrTable, rows: list[list[str]]) -> None:
    found = Table(message, 1)
    assert found.rows() == rows
    _is_whole(found, rows)


def _is_whole(found: Table, rows: list[list[str]]) -> None:
    covered = [
        (row, column)
        for line in found.grid()
        for cell in line
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    ]
    assert sorted(covered) == [(row, column) for row in range(len(rows)) for column in range(len(rows[0]))]


_numbers = st.integers(-2, 6) | st.sampled_from([2**31, -(2**63), 2**63 - 1])
_cells = st.lists(st.tuples(_numbers, _numbers, st.sampled_from(["", "a", "b\nc"]), _numbers, _numbers), max_size=6)


@given(_numbers, _numbers, _cells)
def test_no_cell_lies_over_another(rows: int, columns: int, cells: list[tuple[int, int, str, int, int]]) -> None:
    found = Table(table(rows, columns, cells), 1)
    texts = found.rows()
    _is_whole(found, texts)
    result = result_of("a.png", page(0, tables=[found.message]))
    parsed = [row for row in as_csv(result) if row or not texts]
    assert len({len(row) for row in texts}) <= 1
    assert [[*map(_line_ends, row)] for row in parsed] == [[*map(_line_ends, row)] for row in texts]
    html = _Cells(as_html(result)).tables[0]
    assert [[cell[0] for cell in row] for row in html] == [[cell.text for cell in row] for row in found.grid()]


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


def test_wild_texts_stay_cells() -> None:
    wild = ["</td><script>alert(1)</script>", "&amp;", "a\x00b\x1b[31m", "\udce9", '"', "a,b", "\r\n", "  "]
    result = result_of("a.png", page(0, tables=[table(1, 8, [(0, at, text) for at, text in enumerate(wild[:3])])]))
    [row] = as_csv(result)
    assert row[:3] == ["</td><script>alert(1)</script>", "&amp;", "a\ufffdb\ufffd[31m"]
    assert [text for text, *_ in _Cells(as_html(result)).tables[0][0]] == row
    assert "<script" not in as_html(result)
    quoted = result_of("a.png", page(0, tables=[table(1, 4, [(0, at, text) for at, text in enumerate(wild[4:])])]))
    assert as_csv(quoted) == [['"', "a,b", "\r\n", "  "]]
