"""What a run of OCRmyPDF has of its own: the client, the local service where it is asked for, and the languages."""

import logging
import weakref
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

from ocrmypdf import OcrOptions
from ocrmypdf.exceptions import InputFileError
from ocrmypdf.pdfinfo import PageInfo, PdfInfo

from vision_grpc.auth import Anonymous
from vision_grpc.client import VisionClient
from vision_grpc.config import Limits
from vision_grpc.errors import Code, VisionError
from vision_grpc.ocrmypdf.errors import VisionFailedError, as_ocrmypdf
from vision_grpc.ocrmypdf.languages import to_two_letters
from vision_grpc.ocrmypdf.local_service import start_local_service
from vision_grpc.ocrmypdf.options import VisionOptions
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.sources.fit import fit
from vision_grpc.sources.image import Image

_logger = logging.getLogger("ocrmypdf.vision")

# The next page would fail alike.
_OF_ALL_PAGES = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED, Code.FAILED_PRECONDITION})


class Run:
    """A run: its pages are read by threads, which share it."""

    def __init__(self, options: OcrOptions) -> None:
        self._given = given = VisionOptions.of(options)
        self._languages = to_two_letters(options.languages)
        with as_ocrmypdf(), ExitStack() as stack:
            limits = Limits(images_per_s=given.rps)
            if given.local:
                endpoint = start_local_service(stack)
                client = VisionClient(endpoint, insecure=True, credentials=Anonymous(), limits=limits)
            else:
                client = VisionClient(given.endpoint, insecure=given.insecure, limits=limits)
            self._client = stack.enter_context(client)
            self._open = stack.pop_all()

    def read(self, picture: Path, number: int) -> ImageResult | None:
        """Return the result of a page's picture, with boxes in its pixels; None if it failed and the run goes on.

        Raises:
            ExitCodeException: the page failed.
        """
        fitted = fit(picture)
        if isinstance(fitted, ImageError):
            self._leave_out(number, fitted.message)
            return None
        image = Image(f"page {number + 1}", fitted.content)
        try:
            with as_ocrmypdf():
                result = self._client.analyze(image, languages=self._languages, model=self._given.model).check()
        except VisionFailedError as error:
            if isinstance(error.__cause__, VisionError) and error.__cause__.code in _OF_ALL_PAGES:
                raise
            self._leave_out(number, str(error))
            return None
        if result.error is not None:
            self._leave_out(number, str(result.error))
            return None
        return fitted.change.restore(result)

    def close(self) -> None:
        """End the client, and the local service."""
        self._open.close()

    def _leave_out(self, number: int, reason: str) -> None:
        if not self._given.keep_going:
            message = f"page {number + 1} was not read: {reason}\n--vision-keep-going leaves such pages without text"
            raise VisionFailedError(message)
        _logger.warning("page %d has no text, as it was not read: %s", number + 1, reason)


def begin_run(options: OcrOptions, document: PdfInfo) -> None:
    """Make what a run needs.

    Raises:
        ExitCodeException: more pages would be read than are allowed, or the service cannot be used so.
    """
    most = VisionOptions.of(options).max_pages
    pages = sum(_may_be_read(document[number], options) for number in range(len(document)))
    if most is not None and pages > most:
        message = f"{pages:,} pages would be read, more than --vision-max-pages {most:,}: raise it, or name --pages"
        raise InputFileError(message)
    run_of(options)


def run_of(options: OcrOptions) -> Run:
    """Return what the run with these options has; it is closed when they are gone, or with the process."""
    with _lock:
        run = _runs.get(id(options))
        if run is None:
            run = _runs[id(options)] = Run(options)
            weakref.finalize(options, _end, id(options))
        return run


_runs: dict[int, Run] = {}
_lock = Lock()


def _end(number: int) -> None:
    with _lock:
        run = _runs.pop(number)
    run.close()


def _may_be_read(page: PageInfo, options: OcrOptions) -> bool:
    """Return whether OCRmyPDF may have a page read; it decides when the page's turn comes."""
    is_named = not isinstance(options.pages, set) or page.pageno in options.pages
    return is_named and options.mode != "strip" and not (page.has_text and options.mode == "skip")
