"""The tables that ocr/v1 finds, as CSV and as HTML. The API does not say which rows are headers, so none is one."""

import csv as csv_format
from collections.abc import Iterator
from html import escape
from io import StringIO
from itertools import chain, islice
from typing import NamedTuple

from vision_grpc.exports.kinds import HTML_TABLES
from vision_grpc.exports.results import each_with_answer
from vision_grpc.exports.tables.cells import clean_line, clean_text
from vision_grpc.results.documents import Table
from vision_grpc.results.each import Results
from vision_grpc.results.grid import Cell

_STYLE = """\
<style>
table { border-collapse: collapse; margin: 1em; }
caption { text-align: start; padding: 0.3em 0; }
td { border: 1px solid; padding: 0.2em 0.5em; vertical-align: top; white-space: pre-line; }
</style>
</head>
<body>
"""


class _Found(NamedTuple):
    """A table, and where it was found."""

    title: tuple[str, str, str]
    """The key, the page and the number of the table on it."""

    table: Table


def tables_csv(results: Results) -> Iterator[bytes]:
    """Yield the tables as CSV (RFC 4180): a row for each of their rows.

    A cell that spans several has its text in the first of them, the others are empty. If there are several tables, each
    has a row before it with its key, its page and its number there, and an empty line is between them.
    """
    found, several = _find(results)
    gap = ""
    for title, table in found:
        text = StringIO(newline="")
        rows = csv_format.writer(text)
        if several:
            rows.writerow(title)
        rows.writerows([[clean_text(cell) for cell in row] for row in table.rows()])
        yield f"{gap}{text.getvalue()}".encode()
        gap = "\r\n"


def tables_html(results: Results) -> Iterator[bytes]:
    """Yield the tables as a page of HTML, in which a cell spans as many rows and columns as on its page.

    If there are several tables, each has a caption with its key, its page and its number there.
    """
    found, several = _find(results)
    head = HTML_TABLES.decode() + _STYLE
    for title, table in found:
        caption = f"<caption>{escape(', '.join(title))}</caption>\n" if several else ""
        rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in table.grid())
        yield f"{head}<table>\n{caption}{rows}</table>\n".encode()
        head = ""
    if not head:
        yield b"</body>\n</html>\n"


def _find(results: Results) -> tuple[Iterator[_Found], bool]:
    """Return the tables, and whether there are several."""
    found = _tables(results)
    first = [*islice(found, 2)]
    return chain(first, found), len(first) > 1


def _tables(results: Results) -> Iterator[_Found]:
    for result in each_with_answer(results):
        page, number = 0, 0
        for table in result.tables:
            page, number = table.page, number + 1 if table.page == page else 1
            yield _Found((clean_line(result.key), f"page {page}", f"table {number}"), table)


def _cell(cell: Cell) -> str:
    spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
    spans += f' colspan="{cell.column_span}"' if cell.column_span > 1 else ""
    return f"<td{spans}>{escape(clean_text(cell.text), quote=False)}</td>"
