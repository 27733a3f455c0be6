"""A page of a PDF: what is written on it, and how it looks. Whoever has it has PDFium to themselves."""

import ctypes
from math import ceil, inf, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.pdf.scans import find_scan_scale
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from PIL import Image


POINTS_PER_INCH = 72

# Read by the local service: pages of 6 to 12 points in Latin and Cyrillic script, 12 of each; cost of an A4 page.
#   dpi                            100    150    200    250    300    400
#   wrong characters             2.5 %  0.5 %  0.4 %  0.5 %  0.3 %  0.7 %
#   CPU to render and encode     11 ms  18 ms  30 ms  48 ms  68 ms  116 ms
#   CPU to read                 0.38 s 0.53 s 0.61 s 0.70 s 0.76 s  0.91 s
_DPI = 300
_LONGEST_SIDE = 65_500
"""JPEG has 65,535."""

# Colour is looked for in a picture that is so much smaller. Each of its pixels is a mean of many, so that a small
# colourful detail shows as a little colour.
_LOOK_SMALLER = 8
_GREY_WITHIN = 8

_MOST_CHARACTERS = 10_000


class PdfError(Exception):
    """A document or a page that cannot be read; its text says why."""

    def __init__(self, fault: str, code: Code = Code.INVALID_ARGUMENT) -> None:
        super().__init__(fault)
        self.code = code

    def named(self, name: str) -> ImageError:
        """Return the error of the image of this name."""
        return ImageError(self.code, f"{quote_name(name)}: {self}")


class DamagedPageError(PdfError):
    """A page that cannot be read, in a document that can."""


class Rendering(NamedTuple):
    """A page as pixels, which need no PDFium any more."""

    pixels: bytearray
    size: tuple[int, int]
    is_grey: bool
    dpi: float
    """Pixels per inch of the page, of whose sides each is rounded to whole pixels."""

    points: tuple[float, float]
    """Width and height of the page in points, turned and cropped as it is seen."""

    def to_picture(self) -> "Image.Image":
        """Return the pixels for Pillow, grey or RGB."""
        return _to_picture(self.pixels, self.size, is_grey=self.is_grey)


class Page:
    """A page in PDFium."""

    def __init__(self, pdfium: Any, handle: Any, form: Any) -> None:  # noqa: ANN401 - PDFium's come without types
        self._pdfium = pdfium
        self._handle = handle
        self._form = form
        self._points: tuple[float, float] = pdfium.FPDF_GetPageWidthF(handle), pdfium.FPDF_GetPageHeightF(handle)
        if not all(0 < side < inf for side in self._points):
            message = "this page is damaged: it has no size"
            raise DamagedPageError(message)

    def read_text(self) -> str:
        """Return the beginning of what is written on the page as text, seen or not."""
        pdfium = self._pdfium
        text = pdfium.FPDFText_LoadPage(self._handle)
        if not text:
            return ""
        try:
            count = min(max(pdfium.FPDFText_CountChars(text), 0), _MOST_CHARACTERS)
            units = (ctypes.c_ushort * (count + 1))()
            written = pdfium.FPDFText_GetText(text, 0, count, units)
        finally:
            pdfium.FPDFText_ClosePage(text)
        return bytes(units)[: 2 * max(written - 1, 0)].decode("utf-16-le", "replace")

    def render(self, most_pixels: int) -> Rendering:
        """Return how the page looks, turned, cropped, with annotations and filled forms, within so many pixels.

        It is grey where the page is. A scan is rendered at its own resolution: more gains nothing.

        Raises:
            PdfError: PDFium has not enough memory.
            MemoryError: there is not enough memory for the pixels.
        """
        scale = self._choose_scale(most_pixels)
        size = self._size_at(scale, most_pixels)
        small = max(size[0] // _LOOK_SMALLER, 1), max(size[1] // _LOOK_SMALLER, 1)
        is_grey = _is_grey(_to_picture(self._draw(small, is_grey=False), small, is_grey=False))
        pixels = self._draw(size, is_grey=is_grey)
        return Rendering(pixels, size, is_grey, round(POINTS_PER_INCH * scale, 3), self._points)

    def _choose_scale(self, most_pixels: int) -> float:
        """Return how many pixels a point gets."""
        wide, high = self._points
        largest = min(sqrt(most_pixels / (wide * high)), _LONGEST_SIDE / max(wide, high))
        scan = find_scan_scale(self._pdfium, self._handle, wide * high)
        if scan is None:
            return min(_DPI / POINTS_PER_INCH, largest)
        # Whole numbers of the scan's pixels become one, so that no letter is distorted.
        return scan / ceil(scan / largest)

    def _size_at(self, scale: float, most_pixels: int) -> tuple[int, int]:
        # At least a pixel, also of a page that is nearly nothing.
        for to_whole in (round, int):
            width, height = (max(to_whole(scale * side), 1) for side in self._points)
            if width * height <= most_pixels:
                break
        else:
            width, height = min(width, most_pixels), max(most_pixels // width, 1)
        return width, height

    def _draw(self, size: tuple[int, int], *, is_grey: bool) -> bytearray:
        pdfium, (width, height) = self._pdfium, size
        stride, kind, flags = (
            (width, pdfium.FPDFBitmap_Gray, pdfium.FPDF_ANNOT | pdfium.FPDF_GRAYSCALE)
            if is_grey
            else (3 * width, pdfium.FPDFBitmap_BGR, pdfium.FPDF_ANNOT)
        )
        pixels = bytearray(stride * height)
        in_c = (ctypes.c_ubyte * len(pixels)).from_buffer(pixels)
        bitmap = pdfium.FPDFBitmap_CreateEx(width, height, kind, in_c, stride)
        if not bitmap:
            message = f"cannot be rendered as {width} x {height} pixels"
            raise PdfError(message, Code.RESOURCE_EXHAUSTED)
        try:
            pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, 0xFFFFFFFF)
            pdfium.FPDF_RenderPageBitmap(bitmap, self._handle, 0, 0, width, height, 0, flags)
            if self._form:
                pdfium.FPDF_FFLDraw(self._form, bitmap, self._handle, 0, 0, width, height, 0, flags)
        finally:
            pdfium.FPDFBitmap_Destroy(bitmap)
        return pixels


def _to_picture(pixels: bytearray, size: tuple[int, int], *, is_grey: bool) -> "Image.Image":
    from PIL import Image

    mode, order = ("L", "L") if is_grey else ("RGB", "BGR")
    return Image.frombuffer(mode, size, pixels, "raw", order, 0, 1)


def _is_grey(picture: "Image.Image") -> bool:
    from PIL import ImageChops

    red, green, blue = picture.split()
    return all(not any(ImageChops.difference(green, other).histogram()[_GREY_WITHIN + 1 :]) for other in (red, blue))
