"""The page of a PDF as a picture."""

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import describe_excess_bytes
from vision_grpc.errors import Code, ServiceError


def only_page(content: bytes, limits: Limits) -> bytes:
    """Return the one page of a PDF as a JPEG or PNG; PDFium renders it, in a process of its own.

    Raises:
        ServiceError: the file is too large, has no page or more than one, is encrypted or damaged, or PDFium is not
            installed.
    """
    if len(content) > limits.content_bytes:
        raise ServiceError(Code.INVALID_ARGUMENT, describe_excess_bytes(len(content), limits))
    # Only few services are sent PDFs, and these modules take memory.
    from vision_grpc.sources.containers.pdf.document import Document
    from vision_grpc.sources.containers.pdf.page import PdfError

    try:
        document = Document(content)
        pages = document.count_pages()
        if pages == 1:
            return document.fit_page(1, limits).content
    except ImportError as error:
        message = "this service reads PDFs with pypdfium2, which is not installed: pip install 'vision-grpc[images]'"
        raise ServiceError(Code.FAILED_PRECONDITION, message) from error
    except PdfError as error:
        raise ServiceError(error.code, f"the file cannot be read: {error}") from error
    except OSError as error:
        message = f"the PDF cannot be kept for PDFium ({error.strerror}): free some space"
        raise ServiceError(Code.RESOURCE_EXHAUSTED, message) from error
    if not pages:
        message = "the PDF has no pages: export it again"
        raise ServiceError(Code.INVALID_ARGUMENT, message)
    message = f"the PDF has {pages:,} pages, and this call reads one: send each page as a file of its own"
    raise ServiceError(Code.INVALID_ARGUMENT, message)
