"""The writer of searchable PDFs."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from vision_grpc.exports.documents import pages_of
from vision_grpc.exports.pdf.document_page import Documents
from vision_grpc.exports.pdf.parts import Parts
from vision_grpc.exports.pdf.picture_page import add_picture
from vision_grpc.exports.pictures.finding import Missing, PdfPage, Pictures
from vision_grpc.exports.results import each_with_answer
from vision_grpc.results import ImageResult
from vision_grpc.results.each import Results
from vision_grpc.texts.quoting import quote_name

LeftOut = Callable[[ImageResult, str], None]
"""Is called with a result that is left out, and the reason."""

_CHUNK_BYTES = 1_048_576

_logger = logging.getLogger("vision_grpc")


def searchable_pdf(
    results: Results, *, pictures: Pictures | None = None, left_out: LeftOut | None = None
) -> Iterator[bytes]:
    """Yield a PDF with a page for each image or page: its picture, with the words as text below that is not seen.

    Pictures are the files that the keys name, or those that `pictures` finds. A page of a PDF is taken as it is there,
    and a picture is not encoded anew where a PDF can hold it. What has no picture at hand is left out: `left_out` is
    called, once for a result of several pages, by default it is logged. A PDF without pages has no bytes. It needs the
    extra `pdf`.

    Raises:
        OSError: there is no room for temporary files.
    """
    found = Pictures() if pictures is None else pictures
    left_out = _log if left_out is None else left_out
    with TemporaryDirectory(prefix="vision-grpc-") as name, closing(Documents()) as documents:
        parts = Parts(Path(name))
        for result in each_with_answer(results):
            pages = (_add(parts, page, found, documents) for page in pages_of(result))
            missing = [page.reason for page in pages if page is not None]
            if missing:
                left_out(result, missing[0])
        if (whole := parts.finish()) is not None:
            with whole.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk


def _add(parts: Parts, result: ImageResult, pictures: Pictures, documents: Documents) -> Missing | None:
    """Add a page; return why that is not possible."""
    original = pictures.original(result)
    if isinstance(original, bytes):
        page, held_bytes = add_picture(parts.pdf, original, result), len(original)
    elif isinstance(original, PdfPage):
        page, held_bytes = documents.add_page(parts.pdf, original, result), documents.page_bytes
    else:
        page, held_bytes = original, 0
    if isinstance(page, Missing):
        return page
    parts.add(page, result, held_bytes)
    return None


def _log(result: ImageResult, reason: str) -> None:
    _logger.warning("%s is not in the PDF: its picture %s", quote_name(result.key), reason)
