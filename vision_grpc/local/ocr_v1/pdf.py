"""The pages of a PDF as pictures."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vision_grpc.config import Limits
from vision_grpc.errors import Code, ServiceError

if TYPE_CHECKING:
    from vision_grpc.sources.containers.pdf.document import Document


class Pdf:
    """A PDF whose pages PDFium renders, in a process of its own: one when it is asked for, and none is kept.

    Raises:
        ServiceError: it has no page or more than `most_pages`, is encrypted or damaged, or PDFium is not installed.
    """

    def __init__(self, content: bytes, limits: Limits, *, most_pages: int) -> None:
        self._limits = limits
        with _errors("the file"):
            self._document = _open(content)
            self.pages: int = self._document.count_pages()
        if not self.pages:
            message = "the PDF has no pages: export it again"
            raise ServiceError(Code.INVALID_ARGUMENT, message)
        if self.pages > most_pages:
            raise ServiceError(Code.INVALID_ARGUMENT, _too_many(self.pages, most_pages))

    def picture(self, number: int) -> bytes:
        """Return a page as a JPEG or PNG; they count from 0.

        Raises:
            ServiceError: the page is damaged, or there is no memory for it.
        """
        with _errors("the file" if self.pages == 1 else f"page {number + 1} of {self.pages}"):
            return self._document.fit_page(number + 1, self._limits).content


def _open(content: bytes) -> "Document":
    # Only few services are sent PDFs, and this module takes memory.
    from vision_grpc.sources.containers.pdf.document import Document

    return Document(content)


@contextmanager
def _errors(what: str) -> Generator[None]:
    """Turn the errors of what is done into those of the service."""
    from vision_grpc.sources.containers.pdf.page import PdfError

    try:
        yield
    except ImportError as error:
        message = "this service reads PDFs with pypdfium2, which is not installed: pip install 'vision-grpc[images]'"
        raise ServiceError(Code.FAILED_PRECONDITION, message) from error
    except PdfError as error:
        raise ServiceError(error.code, f"{what} cannot be read: {error}") from error
    except MemoryError as error:
        message = f"{what} cannot be read: there is not enough memory for its pixels"
        raise ServiceError(Code.RESOURCE_EXHAUSTED, message) from error
    except OSError as error:
        message = f"the PDF cannot be kept for PDFium ({error.strerror}): free some space"
        raise ServiceError(Code.RESOURCE_EXHAUSTED, message) from error


def _too_many(pages: int, most: int) -> str:
    if most == 1:
        return (
            f"the PDF has {pages:,} pages, and this call reads one: let the service read it in the background "
            "(TextRecognitionAsyncService, recognizeTextAsync), or send each page as a file of its own"
        )
    return f"the PDF has {pages:,} pages, and at most {most} are read: split it"
