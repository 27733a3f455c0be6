"""A page of a PDF as it is in its document."""

from contextlib import suppress
from pathlib import Path

import pikepdf

from vision_grpc.exports.pdf.page import TextPage
from vision_grpc.exports.pdf.sizes import Matrix
from vision_grpc.exports.pictures.finding import POINTS_WITHIN, Missing, PdfPage, numbers_of, of_another_size, size_read
from vision_grpc.results import ImageResult

_TURN = 360


class Documents:
    """The PDFs whose pages are taken; the last one stays open, as its pages mostly come one after the other."""

    def __init__(self) -> None:
        self._open: tuple[str, pikepdf.Pdf] | None = None
        self.page_bytes: int = 0
        """How many bytes the pages of the last one have, on average."""

    def add_page(self, pdf: pikepdf.Pdf, place: PdfPage, result: ImageResult) -> TextPage | Missing:
        """Add a page of a document to a PDF, and return it; or why that is not possible."""
        try:
            document = self._document(place.path)
            if place.number > len(document.pages):
                return Missing("the document does not have this page")
            page = document.pages[place.number - 1]
        except (OSError, pikepdf.PdfError) as error:
            return Missing(f"the document cannot be opened ({error})")
        return _add(pdf, page, result)

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _document(self, path: str) -> pikepdf.Pdf:
        if self._open is None or self._open[0] != path:
            self.close()
            self._open = path, (document := pikepdf.open(path))
            self.page_bytes = Path(path).stat().st_size // max(len(document.pages), 1)
        return self._open[1]


def _add(pdf: pikepdf.Pdf, page: pikepdf.Page, result: ImageResult) -> TextPage | Missing:
    left, bottom, right, top = box = _visible(page)
    turn = page.rotation % _TURN
    wide, high = right - left, top - bottom
    size = (high, wide) if turn in {90, 270} else (wide, high)
    if (stated := numbers_of(result.fitted, "points")) is not None and not _are_near(size, stated, page):
        return of_another_size("points", size, stated)
    pixels = size_read(result) or size
    if not all(pixels):
        return Missing("the page is empty: it has no size")
    pdf.pages.append(page)
    _make_room(pdf.pages[-1])

    def place(x: int, y: int) -> tuple[float, float]:
        return x / pixels[0] * size[0], y / pixels[1] * size[1]

    return TextPage(pdf.pages[-1], size, place, _turned(turn, box))


def _make_room(page: pikepdf.Page) -> None:
    """Let a form be added to what a page shows: viewers pass over a list of forms that is not one, pikepdf does not."""
    resources = page.resources
    if not isinstance(resources.get("/XObject", pikepdf.Dictionary()), pikepdf.Dictionary):
        del resources["/XObject"]


def _visible(page: pikepdf.Page) -> tuple[float, float, float, float]:
    """Return the left, bottom, right and top of what PDFium shows of a page."""
    media = crop = _sorted(page.mediabox)
    with suppress(TypeError, ValueError):  # PDFium passes over what is not a box.
        crop = _sorted(page.cropbox)
    left, bottom, right, top = *map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:])
    return (left, bottom, right, top) if left < right and bottom < top else media


def _sorted(box: pikepdf.Object) -> tuple[float, float, float, float]:
    x, y, other_x, other_y = (float(each) for each in box.as_list())
    return min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)


def _are_near(size: tuple[float, float], stated: tuple[float, float], page: pikepdf.Page) -> bool:
    units = {1.0}
    with suppress(TypeError, ValueError):
        units.add(float(page.obj.get("/UserUnit", 1)))
    return any(
        all(abs(side * unit - before) <= POINTS_WITHIN for side, before in zip(size, stated, strict=True))
        for unit in units
    )


def _turned(turn: int, box: tuple[float, float, float, float]) -> Matrix:
    """Return where what is seen of a page that is turned clockwise lies in the page's own coordinates."""
    left, bottom, right, top = box
    match turn:
        case 90:
            return 0, 1, -1, 0, right, bottom
        case 180:
            return -1, 0, 0, -1, right, top
        case 270:
            return 0, -1, 1, 0, left, top
        case _:
            return 1, 0, 0, 1, left, bottom
