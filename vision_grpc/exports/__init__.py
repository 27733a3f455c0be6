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
    from vision_grpc.exports.alto_xml import alto
    from vision_grpc.exports.csv_tables import csv, words
    from vision_grpc.exports.hocr_html import hocr
    from vision_grpc.exports.kinds import KINDS, Kind
    from vision_grpc.exports.markdown_text import markdown
    from vision_grpc.exports.overlays import overlay
    from vision_grpc.exports.page_xml import page
    from vision_grpc.exports.parquet_file import parquet
    from vision_grpc.exports.pdf.searchable import searchable_pdf
    from vision_grpc.exports.pictures import Missing, Picture, Pictures
    from vision_grpc.exports.plain_text import txt
    from vision_grpc.exports.reports import Report, report
    from vision_grpc.exports.results import Results
    from vision_grpc.exports.tesseract_tsv import tsv
    from vision_grpc.exports.writing import ExportError, write

# A module has another name than what it has for users: Python puts each module that is imported here under its name.
_MODULES = {
    "alto_xml": ("alto",),
    "csv_tables": ("csv", "words"),
    "hocr_html": ("hocr",),
    "kinds": ("KINDS", "Kind"),
    "markdown_text": ("markdown",),
    "overlays": ("overlay",),
    "page_xml": ("page",),
    "parquet_file": ("parquet",),
    "pdf.searchable": ("searchable_pdf",),
    "pictures": ("Missing", "Picture", "Pictures"),
    "plain_text": ("txt",),
    "reports": ("Report", "report"),
    "results": ("Results",),
    "tesseract_tsv": ("tsv",),
    "writing": ("ExportError", "write"),
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
    "hocr",
    "markdown",
    "overlay",
    "page",
    "parquet",
    "report",
    "searchable_pdf",
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
