"""PDF documents in PDFium, for any thread and in bounded memory.

PDFium takes one call at a time, whatever the document (https://pypdfium2-team.github.io/pypdfium2/python_api.html,
"Incompatibility with Threading"), so there is one lock around all of it. Its plain functions are called rather than
the classes of pypdfium2, whose finalizers would call PDFium from any thread.
"""

import atexit
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import Event, Lock
from typing import Any

from vision_grpc.errors import Code
from vision_grpc.sources.containers.pdf.page import DamagedPageError, Page, PdfError

# PDFium keeps all that it has read of a document until the document is closed: 1,000 scans of 168 KB took 168 MB. To
# open one anew and find a page takes 0.2 ms for 300 pages and 30 ms for 5,000, where a page takes 60 ms and more.
_PAGES_AT_ONCE = 32
_MOST_OPEN = 4
_PATIENCE_AT_EXIT_S = 10.0

_lock = Lock()
_over = Event()
_open: "dict[Document, None]" = {}
"""The documents that are open in PDFium, the one used last at the end."""


class Document:
    """A PDF document in a file or in memory, which is open in PDFium only while its pages are wanted."""

    def __init__(self, source: str | bytes) -> None:
        self._source = source
        self._state: tuple[int, ...] | None = None
        self._handle: Any = None
        self._form: Any = None
        self._form_settings: Any = None
        self._pages_read = self._holders = 0

    def count_pages(self) -> int:
        """Return how many pages the document says that it has.

        Raises:
            PdfError: the document cannot be opened.
            ImportError: PDFium is not installed.
        """
        with _alone():
            count: int = _pdfium().FPDF_GetPageCount(self._opened())
            return count

    def has_page(self, number: int) -> bool:
        """Return whether the document has the page of this number, from 1, without a look at its content.

        Raises:
            PdfError: the document cannot be opened.
        """
        with _alone():
            size = _pdfium().FS_SIZEF()
            return bool(_pdfium().FPDF_GetPageSizeByIndexF(self._opened(), number - 1, size))

    @contextmanager
    def page(self, number: int) -> Generator[Page]:
        """Give the page of this number, from 1. All of PDFium waits until it is given back.

        Raises:
            PdfError: the document cannot be opened, or the page is damaged.
        """
        with _alone():
            pdfium, document = _pdfium(), self._opened()
            self._pages_read += 1
            handle = pdfium.FPDF_LoadPage(document, number - 1)
            if not handle:
                message = "this page is damaged"
                raise DamagedPageError(message)
            if self._form:
                pdfium.FORM_OnAfterLoadPage(handle, self._form)
            try:
                yield Page(pdfium, handle, self._form)
            finally:
                if self._form:
                    pdfium.FORM_OnBeforeClosePage(handle, self._form)
                pdfium.FPDF_ClosePage(handle)

    def hold(self) -> None:
        """Count one more who will want pages."""
        with _lock:
            self._holders += 1

    def release(self) -> None:
        """Count one less who wants pages, and close the document after the last."""
        with _lock:
            self._holders -= 1
            if not (self._holders or _over.is_set()):
                self.drop()

    def _opened(self) -> Any:  # noqa: ANN401 - PDFium's handles come without types
        if isinstance(self._source, str):
            self._check_state(self._source)
        if self._pages_read >= _PAGES_AT_ONCE:
            self.drop()
        if self._handle is None:
            while len(_open) >= _MOST_OPEN:
                next(iter(_open)).drop()
            self._handle = self._load()
            self._open_form()
        _open.pop(self, None)
        _open[self] = None
        return self._handle

    def _load(self) -> Any:  # noqa: ANN401 - likewise
        pdfium = _pdfium()
        if isinstance(self._source, bytes):
            handle = pdfium.FPDF_LoadMemDocument64(self._source, len(self._source), None)
        else:
            handle = pdfium.FPDF_LoadDocument(os.fsencode(self._source), None)
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

    def _check_state(self, path: str) -> None:
        try:
            status = os.stat(path)  # noqa: PTH116 - names that are not UTF-8 too
        except OSError as error:
            message = f"cannot be read any more ({error.strerror})"
            raise PdfError(message, Code.NOT_FOUND) from error
        state = status.st_size, status.st_mtime_ns, status.st_ino
        if self._state not in {None, state}:
            message = "the file was changed while its pages were read: start again"
            raise PdfError(message, Code.ABORTED)
        self._state = state

    def _open_form(self) -> None:
        """Prepare PDFium to draw the fields of a form, which are no part of the page."""
        pdfium = _pdfium()
        if pdfium.FPDF_GetFormType(self._handle) != pdfium.FORMTYPE_NONE:
            # PDFium goes on using the settings.
            self._form_settings = pdfium.FPDF_FORMFILLINFO(version=2)
            self._form = pdfium.FPDFDOC_InitFormFillEnvironment(self._handle, self._form_settings)

    def drop(self) -> None:
        """Close the document, for whoever has the lock. It is opened again when more is wanted of it."""
        if self._handle is not None:
            if self._form:
                _pdfium().FPDFDOC_ExitFormFillEnvironment(self._form)
            _pdfium().FPDF_CloseDocument(self._handle)
        self._handle = self._form = self._form_settings = None
        self._pages_read = 0
        _open.pop(self, None)


@cache
def _pdfium() -> Any:  # noqa: ANN401 - its functions come without types
    pdfium = import_module("pypdfium2.raw")
    # After pypdfium2's, so that it runs before it.
    atexit.register(_end)
    return pdfium


@contextmanager
def _alone() -> Generator[None]:
    with _lock:
        if _over.is_set():
            message = "cannot be read any more: the process ends"
            raise PdfError(message, Code.CANCELLED)
        yield


def _end() -> None:
    """Keep all threads out of PDFium, as pypdfium2 ends it now: a call afterwards would crash the process."""
    _over.set()
    if _lock.acquire(timeout=_PATIENCE_AT_EXIT_S):
        for document in list(_open):
            document.drop()
        # Documents that are let go of later find that it is over.
        _lock.release()
