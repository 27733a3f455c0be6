"""PDF documents in PDFium, in bounded memory. All of this runs in a worker, on request (`worker.py`).

PDFium's plain functions are called, as the classes of pypdfium2 close what is no longer referred to, in any order.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from vision_grpc.config import Limits
from vision_grpc.sources.containers.pdf.page import DamagedPageError, Page, PdfError
from vision_grpc.sources.fit import Fitted, Origin, fit_picture

# PDFium keeps all that it has read of a document until the document is closed: 1,000 scans of 168 KB took 168 MB. To
# open one anew and find a page takes 0.2 ms for 300 pages and 30 ms for 5,000, where a page takes 60 ms and more.
_PAGES_AT_ONCE = 32
_MOST_OPEN = 2

# Fewer are a page number or a stamp on a scan, which leave its text unread: `Page 1 of 12` has 9.
_LEAST_TEXT = 10


class File(NamedTuple):
    """A file that holds a document, as it was at a time."""

    path: bytes
    state: tuple[int, ...]
    """Its size, time of change and number. A file with another state is another document."""


def count_pages(file: File) -> int:
    """Return how many pages the document says that it has.

    Raises:
        PdfError: the document cannot be opened.
        ImportError: PDFium is not installed.
    """
    count: int = _pdfium().FPDF_GetPageCount(_opened(file).handle)
    return count


def find_pages(file: File, numbers: range) -> list[bool]:
    """Return whether the document has the pages of these numbers, from 1, without a look at their content.

    Raises:
        PdfError: the document cannot be opened.
    """
    pdfium, document = _pdfium(), _opened(file).handle
    size = pdfium.FS_SIZEF()
    return [bool(pdfium.FPDF_GetPageSizeByIndexF(document, number - 1, size)) for number in numbers]


def has_text(file: File, number: int) -> bool:
    """Return whether the page has text that is worth reading, seen or not.

    Raises:
        PdfError: the document cannot be opened, or the page is damaged.
    """
    with open_page(file, number) as page:
        text = page.read_text()
    return sum(character.isprintable() and not character.isspace() for character in text) >= _LEAST_TEXT


def fit_page(file: File, number: int, limits: Limits) -> Fitted:
    """Return how the page looks as an image that may be sent.

    Raises:
        PdfError: the document cannot be opened, or the page is damaged.
        MemoryError: there is not enough memory for the pixels.
        ImportError: PDFium or Pillow is not installed.
    """
    with open_page(file, number) as page:
        rendering = page.render(limits.pixels)
    origin = Origin("PDF", rendering.size, dpi=rendering.dpi, points=rendering.points)
    return fit_picture(rendering.to_picture(), origin, limits)


@contextmanager
def open_page(file: File, number: int) -> Generator[Page]:
    """Give the page of this number, from 1.

    Raises:
        PdfError: the document cannot be opened, or the page is damaged.
    """
    pdfium, document = _pdfium(), _opened(file)
    document.pages_read += 1
    handle = pdfium.FPDF_LoadPage(document.handle, number - 1)
    if not handle:
        message = "this page is damaged"
        raise DamagedPageError(message)
    if document.form:
        pdfium.FORM_OnAfterLoadPage(handle, document.form)
    try:
        yield Page(pdfium, handle, document.form)
    finally:
        if document.form:
            pdfium.FORM_OnBeforeClosePage(handle, document.form)
        pdfium.FPDF_ClosePage(handle)


class _Document:
    """A document that is open in PDFium."""

    def __init__(self, file: File) -> None:
        pdfium = _pdfium()
        self.handle = _load(pdfium, file.path)
        self.pages_read = 0
        # The fields of a form are no part of the page; PDFium goes on using the settings.
        self.form, self._form_settings = None, pdfium.FPDF_FORMFILLINFO(version=2)
        if pdfium.FPDF_GetFormType(self.handle) != pdfium.FORMTYPE_NONE:
            self.form = pdfium.FPDFDOC_InitFormFillEnvironment(self.handle, self._form_settings)

    def close(self) -> None:
        if self.form:
            _pdfium().FPDFDOC_ExitFormFillEnvironment(self.form)
        _pdfium().FPDF_CloseDocument(self.handle)


_open: dict[File, _Document] = {}
"""The documents that are open, the one used last at the end."""


def _opened(file: File) -> _Document:
    document = _open.pop(file, None)
    if document is not None and document.pages_read >= _PAGES_AT_ONCE:
        document.close()
        document = None
    while len(_open) >= _MOST_OPEN:
        _open.pop(next(iter(_open))).close()
    _open[file] = document = document or _Document(file)
    return document


def _load(pdfium: Any, path: bytes) -> Any:  # noqa: ANN401 - PDFium's functions and handles come without types
    handle = pdfium.FPDF_LoadDocument(path, None)
    if handle:
        return handle
    match pdfium.FPDF_GetLastError():
        case pdfium.FPDF_ERR_PASSWORD:
            message = "the PDF is encrypted and needs a password: save it without one"
        case pdfium.FPDF_ERR_SECURITY:
            message = "the PDF is encrypted in a way that PDFium does not know: save it without encryption"
        case pdfium.FPDF_ERR_FILE:
            message = "cannot be read"
        case _:
            message = "the PDF is damaged: save or copy it again"
    raise PdfError(message)


@cache
def _pdfium() -> Any:  # noqa: ANN401 - likewise
    return import_module("pypdfium2.raw")
