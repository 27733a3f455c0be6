"""What is billed for an image: before it is sent, and for its result."""

from google.protobuf.message import DecodeError

from vision_grpc.contract.foreign import is_pdf
from vision_grpc.errors import ProtocolError
from vision_grpc.results import ImageResult
from vision_grpc.results.ocr_pages import carried_pages
from vision_grpc.results.outcomes import JsonOutcome

MOST_PAGES = 200
"""The pages of the longest document that the service reads."""


def units_of(result: ImageResult) -> int:
    """Return how many units a result costs: of ocr/v1 a unit a page that was read, else one if the image was read.

    What the tape had costs nothing.
    """
    if result.transport == "tape":
        return 0
    return _count_pages(result) or int(result.error is None)


def most_units_of(content: bytes) -> int:
    """Return how many units a file costs at most: those of the pages of a PDF, else one.

    Pages are counted if PDFium is installed. Of a PDF that it cannot open, as of all without it, the service may read
    as many as of any.
    """
    if not is_pdf(content):
        return 1
    from vision_grpc.sources.containers.pdf.document import Document
    from vision_grpc.sources.containers.pdf.page import PdfError

    try:
        pages = Document(content).count_pages()
    except (PdfError, ImportError, OSError):
        return MOST_PAGES
    # A damaged document may count a million pages; the service reads none of it.
    return min(max(pages, 1), MOST_PAGES)


def _count_pages(result: ImageResult) -> int:
    """Return how many pages of ocr/v1 a result has; none that is damaged has any."""
    # Answers of vision/v1 in JSON are not parsed for this.
    if result.outcome is None or isinstance(result.outcome, JsonOutcome):
        return 0
    try:
        return len(carried_pages(result.outcome.wire()))
    except (DecodeError, ProtocolError):
        return 0
