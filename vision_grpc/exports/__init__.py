"""Results as tables, documents and pictures: one writer a format, for one result or any number of them.

    from vision_grpc import exports

    exports.write("scan.tsv", "tsv", client.analyze("scan.png"))
    for chunk in exports.hocr(client.analyze_many(paths)):
        file.write(chunk)

A writer takes an `ImageResult` or an iterable of them and yields bytes; it pulls the next result when those of the one
before are taken. Names are imported when they are first used: no format needs the packages of another one.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vision_grpc.exports.kinds import KINDS, Kind
    from vision_grpc.exports.pdf.searchable import searchable_pdf
    from vision_grpc.exports.pictures.finding import Missing, Picture, Pictures
    from vision_grpc.exports.pictures.overlays import overlay
    from vision_grpc.exports.reports import Report, report
    from vision_grpc.exports.tables.csv_tables import csv, words
    from vision_grpc.exports.tables.found_tables import tables_csv, tables_html
    from vision_grpc.exports.tables.parquet import parquet
    from vision_grpc.exports.tables.tsv import tsv
    from vision_grpc.exports.texts.markdown import markdown
    from vision_grpc.exports.texts.plain import full_text, txt
    from vision_grpc.exports.writing import ExportError, write
    from vision_grpc.exports.xml.alto import alto
    from vision_grpc.exports.xml.hocr import hocr
    from vision_grpc.exports.xml.page import page
    from vision_grpc.results.each import Results

# A module has another name than what it has for users: Python puts each module that is imported here under its name.
_MODULES = {
    "kinds": ("KINDS", "Kind"),
    "pdf.searchable": ("searchable_pdf",),
    "pictures.finding": ("Missing", "Picture", "Pictures"),
    "pictures.overlays": ("overlay",),
    "reports": ("Report", "report"),
    "results": ("Results",),
    "tables.csv_tables": ("csv", "words"),
    "tables.found_tables": ("tables_csv", "tables_html"),
    "tables.parquet": ("parquet",),
    "tables.tsv": ("tsv",),
    "texts.markdown": ("markdown",),
    "texts.plain": ("full_text", "txt"),
    "writing": ("ExportError", "write"),
    "xml.alto": ("alto",),
    "xml.hocr": ("hocr",),
    "xml.page": ("page",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "KINDS",
    "ExportError",
    "Kind",
    "Missing",
    "Picture",
    "Pictures",
    "Report",
    "Results",
    "alto",
    "csv",
    "full_text",
    "hocr",
    "markdown",
    "overlay",
    "page",
    "parquet",
    "report",
    "searchable_pdf",
    "tables_csv",
    "tables_html",
    "tsv",
    "txt",
    "words",
    "write",
]


def __getattr__(name: str) -> object:
    if (module := _MODULE_OF.get(name)) is None:
        message = f"module 'vision_grpc.exports' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"vision_grpc.exports.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
