"""The formats of exports, as values: the command line and `write` are made from them."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    # Not imported: help is printed without results.
    from vision_grpc.results import ImageResult
    from vision_grpc.results.each import Results

Writer = Callable[["Results"], Iterator[bytes]]
"""Makes the bytes of a file, in chunks; it may have options as keywords, too."""

HTML_TABLES = b"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Tables</title>
"""
"""How the HTML of tables begins."""

_XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A format."""

    name: str
    """What users call it, such as `searchable-pdf`; the writer is the function of that name, `searchable_pdf`."""

    module: str
    """The module of `vision_grpc.exports` that has the writer. It has another name than the writer."""

    about: str
    """What it is, in a few words for the help."""

    suffixes: Sequence[str]
    """The ends of names that stand for it, such as `.hocr`; files get the first one."""

    a_file: Literal["document", "page", "table"] = "document"
    """What a file of a folder has, at most. A file of pages holds one page alone, wherever it is written."""

    is_text: bool = True
    """Whether it may be shown on a terminal."""

    has_failed: bool = False
    """Whether images that failed are in it, with their errors. Other formats leave them out."""

    needs_pictures: bool = False
    """Whether the pictures are in it: the writer then takes `pictures` and `left_out`."""

    needs_answers: bool = True
    """Whether it needs the boxes or words of the answers, rather than the texts alone."""

    takes_answers: bool = False
    """Whether it is made from the answers where there are some, though the texts would do."""

    begins: bytes = b""
    """How each file of the format begins, as far as that is known: another file of its name is not replaced."""

    differs: re.Pattern[bytes] | None = None
    """What may be another text each time the same is exported, such as the time of it."""

    is_own: Callable[["Path"], bool] | None = None
    """Returns whether a file is one of this program, where its beginning does not say so; another is not replaced."""

    is_in: Callable[["ImageResult"], bool] | None = None
    """Returns whether a result that was read has what the format is made of; None: each has."""

    missing: str = ""
    """What the others do not have, such as `tables`."""

    extra: str | None = None
    """The extra of this package that it needs."""

    @property
    def holds_several(self) -> bool:
        """Whether one file may hold several images."""
        return self.a_file != "page"

    @property
    def suffix(self) -> str:
        """The end of the names of its files."""
        return self.suffixes[0]

    @property
    def is_of_texts(self) -> bool:
        """Whether it is made from the texts alone."""
        return not (self.needs_answers or self.takes_answers or self.has_failed)

    @property
    def function(self) -> str:
        """The name of the writer."""
        return self.name.replace("-", "_")

    def writer(self) -> Writer:
        """Return the writer.

        Raises:
            ImportError: the extra is not installed.
        """
        writer: Writer = getattr(import_module(f"vision_grpc.exports.{self.module}"), self.function)
        return writer


def _has_tables(result: "ImageResult") -> bool:
    return bool(result.tables)


def _is_own_pdf(path: "Path") -> bool:
    from vision_grpc.exports.pdf.producer import is_own

    return is_own(path)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="txt",
            module="texts.plain",
            about="the texts, as analyze prints them",
            suffixes=[".txt"],
            needs_answers=False,
        ),
        Kind(
            name="tsv",
            module="tables.tsv",
            about="words with boxes and confidences, as Tesseract's",
            suffixes=[".tsv"],
            begins=b"level\tpage_num\t",
        ),
        Kind(
            name="csv",
            module="tables.csv_tables",
            about="a row for each image, failed ones too",
            suffixes=[".csv"],
            has_failed=True,
            needs_answers=False,
            begins=b"key,ok,",
        ),
        Kind(
            name="words",
            module="tables.csv_tables",
            about="CSV with a row for each word",
            suffixes=[".words.csv"],
            begins=b"key,page,",
        ),
        Kind(
            name="tables-csv",
            module="tables.found_tables",
            about="the tables that ocr/v1 finds, as CSV",
            suffixes=[".tables.csv"],
            a_file="table",
            is_in=_has_tables,
            missing="tables",
        ),
        Kind(
            name="tables-html",
            module="tables.found_tables",
            about="the tables that ocr/v1 finds, as HTML",
            suffixes=[".tables.html", ".tables.htm"],
            is_in=_has_tables,
            missing="tables",
            begins=HTML_TABLES,
        ),
        Kind(
            name="full-text",
            module="texts.plain",
            about="the texts as ocr/v1 itself joins their lines",
            suffixes=[".full.txt"],
            needs_answers=False,
            takes_answers=True,
        ),
        Kind(
            name="markdown",
            module="texts.markdown",
            about="the texts as Markdown, that of ocr/v1 where there is one",
            suffixes=[".md", ".markdown"],
            needs_answers=False,
            takes_answers=True,
        ),
        Kind(
            name="hocr",
            module="xml.hocr",
            about="hOCR: HTML with the places of the words",
            suffixes=[".hocr"],
            begins=_XML + b"<!DOCTYPE html>\n<html xmlns=",
        ),
        Kind(
            name="alto",
            module="xml.alto",
            about="ALTO 4.4, the XML of libraries",
            suffixes=[".alto.xml", ".alto"],
            begins=_XML + b"<alto xmlns=",
        ),
        Kind(
            name="page",
            module="xml.page",
            about="PAGE XML 2019-07-15, a page a file",
            suffixes=[".page.xml"],
            begins=_XML + b"<PcGts xmlns=",
            differs=re.compile(rb"<(?:Created|LastChange)>[^<]*"),
            a_file="page",
        ),
        Kind(
            name="searchable-pdf",
            module="pdf.searchable",
            about="the pictures, with their texts below, not seen",
            suffixes=[".pdf"],
            needs_pictures=True,
            is_text=False,
            is_own=_is_own_pdf,
            extra="pdf",
        ),
        Kind(
            name="parquet",
            module="tables.parquet",
            about="a row for each image, words with boxes nested in it",
            suffixes=[".parquet"],
            is_text=False,
            has_failed=True,
            needs_answers=False,
            begins=b"PAR1",
            extra="arrow",
        ),
    )
}
"""The formats by name, in the order of the help."""


def kind_of_path(path: str | os.PathLike[str]) -> Kind | None:
    """Return the format that the name of a file says, None if it says none."""
    name = os.path.basename(os.fsdecode(path)).lower()  # noqa: PTH119 - the path may end in a slash
    ends = [(suffix, kind) for kind in KINDS.values() for suffix in kind.suffixes if name.endswith(suffix)]
    # Of `.csv` and `.words.csv`, the longer one.
    return max(ends, key=lambda end: len(end[0]))[1] if ends else None
