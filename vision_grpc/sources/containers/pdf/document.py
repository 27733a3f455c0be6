"""PDF documents, as they are asked for from the processes that PDFium runs in."""

import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.sources.containers.pdf import pdfium
from vision_grpc.sources.containers.pdf.page import DamagedPageError, PdfError
from vision_grpc.sources.containers.pdf.workers import PATIENCE_S, WorkerLostError, one_worker
from vision_grpc.sources.fit import Fitted

_T = TypeVar("_T")

_FOUND_AT_ONCE = 256

_MOST_LOST_S = 2 * PATIENCE_S
"""After two pages that hung, or many that crashed, the other pages of a document are not tried."""


class Document:
    """A PDF document in a file, or in memory, of which a temporary file is made.

    Raises:
        OSError: the temporary file cannot be written.
    """

    def __init__(self, source: str | bytes) -> None:
        self._state: tuple[int, ...] | None = None
        self._lost: dict[int, str] = {}
        self._lost_s = 0.0
        if isinstance(source, str):
            self._path = os.path.abspath(source)  # noqa: PTH100 - a Path would drop `..` after a link
        else:
            # It may be large, and each worker opens it.
            file, self._path = tempfile.mkstemp(prefix="vision-grpc-", suffix=".pdf")
            weakref.finalize(self, _remove, self._path)
            with open(file, "wb") as copy:  # noqa: PTH123 - a descriptor
                copy.write(source)

    def count_pages(self) -> int:
        """Return how many pages the document says that it has.

        Raises:
            PdfError: the document cannot be opened.
            ImportError: PDFium is not installed.
        """
        return self._ask(partial(pdfium.count_pages, self._file()))

    def find_pages(self, most: int) -> Iterator[bool]:
        """Yield whether the document has the first page, the second and so on, without a look at their content.

        Raises:
            PdfError: the document cannot be opened.
        """
        for first in range(1, most + 1, _FOUND_AT_ONCE):
            numbers = range(first, min(first + _FOUND_AT_ONCE, most + 1))
            yield from self._ask(partial(pdfium.find_pages, self._file(), numbers))

    def has_text(self, number: int) -> bool:
        """Return whether the page of this number, from 1, has text that is worth reading, seen or not.

        Raises:
            PdfError: the document cannot be opened, or the page is damaged.
        """
        return self._ask_page(number, partial(pdfium.has_text, self._file(), number))

    def fit_page(self, number: int, limits: Limits) -> Fitted:
        """Return how the page looks as an image that may be sent.

        Raises:
            PdfError: the document cannot be opened, or the page is damaged.
            MemoryError: there is not enough memory for the pixels.
            ImportError: PDFium or Pillow is not installed.
        """
        return self._ask_page(number, partial(pdfium.fit_page, self._file(), number, limits))

    def _ask_page(self, number: int, call: Callable[[], _T]) -> _T:
        with one_worker() as worker:
            if number in self._lost:
                raise WorkerLostError(self._lost[number])
            if self._lost_s >= _MOST_LOST_S:
                message = "not read, as PDFium hung or crashed on other pages: the PDF is damaged or too complex"
                raise DamagedPageError(message)
            began_at = monotonic()
            try:
                return worker.ask(call)
            except WorkerLostError as error:
                self._lost[number] = str(error)
                self._lost_s += monotonic() - began_at
                raise

    def _ask(self, call: Callable[[], _T]) -> _T:
        with one_worker() as worker:
            return worker.ask(call)

    def _file(self) -> pdfium.File:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - names that are not UTF-8 too
        except OSError as error:
            message = f"cannot be read any more ({error.strerror})"
            raise PdfError(message, Code.NOT_FOUND) from error
        state = status.st_size, status.st_mtime_ns, status.st_ino
        if self._state not in {None, state}:
            message = "the file was changed while its pages were read: start again"
            raise PdfError(message, Code.ABORTED)
        self._state = state
        return pdfium.File(os.fsencode(self._path), state)


def _remove(path: str) -> None:
    with suppress(OSError):  # Windows keeps what a worker has open.
        os.unlink(path)  # noqa: PTH108 - likewise
