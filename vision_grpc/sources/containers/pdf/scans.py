"""Pages that are a scan: at which resolution it was made."""

from collections.abc import Iterator
from ctypes import c_uint
from math import hypot, inf
from typing import Any, NamedTuple, TypeAlias

# A white background and the frame of a scan are paths as well; outlines of letters are hundreds.
_FEW_PATHS = 16
_MOST_LOOKED_AT = 1_000
_DEEPEST = 4
_LEAST_COVERED = 0.5
# A scanner cuts a page into strips, or into a sharp black layer over a coarse coloured one: each is large.
_LEAST_OF_PAGE = 0.02
# Less than 50 dpi is a background of a few pixels.
_LEAST_SCALE = 50 / 72

_Matrix: TypeAlias = tuple[float, float, float, float]
"""How an object's x and y are turned and scaled to those of the page."""


class _Image(NamedTuple):
    """An image on a page."""

    area: float
    """In square points."""

    scale: float
    """Its pixels per point, in the direction in which they are denser."""


def find_scan_scale(pdfium: Any, page: Any, area: float) -> float | None:  # noqa: ANN401 - PDFium's come without types
    """Return the pixels per point of the images that a page consists of; None if it has more to see.

    Text that is not seen, as OCR programs lay it over a scan, does not count.
    """
    if pdfium.FPDFPage_GetAnnotCount(page) > 0:
        return None
    images: list[_Image] = []
    paths = 0
    for number, (item, matrix) in enumerate(_walk(pdfium, page)):
        if number >= _MOST_LOOKED_AT:
            return None
        match pdfium.FPDFPageObj_GetType(item):
            case pdfium.FPDF_PAGEOBJ_IMAGE:
                images.append(_measure(pdfium, item, matrix))
            case pdfium.FPDF_PAGEOBJ_PATH:
                paths += 1
            case pdfium.FPDF_PAGEOBJ_TEXT if _is_invisible(pdfium, item):
                pass
            case _:
                return None
    # Damaged matrices have sides that are no numbers, of which any comparison is false.
    large = [image for image in images if _LEAST_OF_PAGE * area <= image.area < inf]
    scale = max((image.scale for image in large if _LEAST_SCALE <= image.scale < inf), default=None)
    return scale if paths <= _FEW_PATHS and sum(image.area for image in large) >= _LEAST_COVERED * area else None


def _walk(pdfium: Any, page: Any) -> Iterator[tuple[Any, _Matrix]]:  # noqa: ANN401 - likewise
    """Yield the objects of a page and of the forms on it, which scanning programs wrap images in."""
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        item = pdfium.FPDFPage_GetObject(page, index)
        yield from _unwrap(pdfium, item, (1.0, 0.0, 0.0, 1.0), _DEEPEST)


def _unwrap(pdfium: Any, item: Any, outer: _Matrix, depth: int) -> Iterator[tuple[Any, _Matrix]]:  # noqa: ANN401 - likewise
    matrix = _multiply(_matrix_of(pdfium, item), outer)
    if depth and pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_FORM:
        for index in range(pdfium.FPDFFormObj_CountObjects(item)):
            yield from _unwrap(pdfium, pdfium.FPDFFormObj_GetObject(item, index), matrix, depth - 1)
    else:
        yield item, matrix


def _measure(pdfium: Any, image: Any, matrix: _Matrix) -> _Image:  # noqa: ANN401 - likewise
    a, b, c, d = matrix
    width, height = c_uint(), c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(image, width, height)
    # An image is a square of side 1, which its matrix stretches.
    wide, high = hypot(a, b), hypot(c, d)
    return _Image(abs(a * d - b * c), max(width.value / (wide or inf), height.value / (high or inf)))


def _is_invisible(pdfium: Any, text: Any) -> bool:  # noqa: ANN401 - likewise
    mode: int = pdfium.FPDFTextObj_GetTextRenderMode(text)
    return mode in {pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP}


def _matrix_of(pdfium: Any, item: Any) -> _Matrix:  # noqa: ANN401 - likewise
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    return matrix.a, matrix.b, matrix.c, matrix.d


def _multiply(inner: _Matrix, outer: _Matrix) -> _Matrix:
    a, b, c, d = inner
    e, f, g, h = outer
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
