"""A picture as a page of a PDF: as its file has it where a PDF can hold that, and upright."""

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import img2pdf
import pikepdf

from vision_grpc.exports.pdf.page import TextPage
from vision_grpc.exports.pdf.sizes import page_size, turning, written
from vision_grpc.exports.pictures.finding import Missing, of_another_size, size_read, to_upright
from vision_grpc.results import ImageResult
from vision_grpc.results.pixels import UPRIGHT, swap_size
from vision_grpc.sources.fit.change import UnfitError
from vision_grpc.sources.fit.flattening import flatten
from vision_grpc.sources.fit.opening import Opened, load_picture, open_picture, turn_upright

if TYPE_CHECKING:
    from PIL import Image

_HELD = frozenset({"JPEG", "JPEG 2000", "PNG", "TIFF"})
"""The formats of which a PDF can hold the encoded pixels, mostly."""

_TURNED_BY_PILLOW = "TIFF"
_LOSSY = frozenset({"AVIF", "HEIC", "HEIF", "JPEG", "JPEG 2000", "WebP"})
_QUALITY = 92

_untyped: Any = img2pdf


def add_picture(pdf: pikepdf.Pdf, content: bytes, result: ImageResult) -> TextPage | Missing:
    """Add the picture of a file to a PDF as a page, and return that; or why it is not possible.

    Raises:
        ImportError: the picture's format needs a package that is not installed.
    """
    try:
        with open_picture(content) as opened:
            return _add(pdf, content, opened, result)
    except UnfitError as error:
        return Missing(str(error))


def _add(pdf: pikepdf.Pdf, content: bytes, opened: Opened, result: ImageResult) -> TextPage | Missing:
    origin = opened.origin
    # The pixels of the boxes: those of the file where it was fitted, else those that are seen.
    orientation = UPRIGHT if result.fitted is None else origin.orientation
    size = swap_size(origin.size, UPRIGHT if result.fitted is not None else origin.orientation)
    if (before := size_read(result)) is not None and before != size:
        return of_another_size("pixels", size, before)
    dpi = opened.image.info.get("dpi")
    stored = page_size(origin.size, dpi)
    wide, high = seen = _swap(stored, origin.orientation)
    if not (_can_hold(opened) and _append(pdf, content, stored, origin.orientation)):
        _append_encoded(pdf, opened, seen)
    seen_pixels = swap_size(size, orientation)

    def place(x: int, y: int) -> tuple[float, float]:
        x, y = to_upright(x, y, size, orientation)
        return x / seen_pixels[0] * wide, y / seen_pixels[1] * high

    return TextPage(pdf.pages[-1], seen, place)


def _can_hold(opened: Opened) -> bool:
    origin = opened.origin
    # Whether the pixels of a TIFF come turned depends on their encoding. Light text with nothing behind it would not be
    # seen on a page.
    is_turned = origin.format == _TURNED_BY_PILLOW and origin.orientation != UPRIGHT
    return origin.format in _HELD and not (is_turned or opened.image.has_transparency_data)


def _append_encoded(pdf: pikepdf.Pdf, opened: Opened, size: tuple[float, float]) -> None:
    """Add a picture that a PDF cannot hold as its file has it: without transparency, and encoded anew."""
    wide, high = opened.origin.size
    picture = flatten(turn_upright(load_picture(opened, pixels=wide * high), opened.origin))
    is_lossy = opened.origin.format in _LOSSY and picture.mode in {"L", "RGB"}
    encoded = _encode(picture, "JPEG" if is_lossy else "PNG")
    if not _append(pdf, encoded, size, UPRIGHT):
        message = "the picture cannot be put into a PDF: convert it to JPEG or PNG first"
        raise UnfitError(message)


def _encode(picture: "Image.Image", form: str) -> bytes:
    file = BytesIO()
    picture.save(file, form, quality=_QUALITY)
    return file.getvalue()


def _append(pdf: pikepdf.Pdf, content: bytes, size: tuple[float, float], orientation: int) -> bool:
    """Add a picture to a PDF with its pixels as they are encoded, and return whether that is possible."""
    try:
        made: bytes = _untyped.convert(
            BytesIO(content),
            layout_fun=partial(_layout, size),
            rotation=_untyped.Rotation.none,
            first_frame_only=True,
            nodate=True,
        )
    # What it does not take makes it raise errors of many kinds, also plain ones; the picture is decoded then.
    except Exception:  # noqa: BLE001
        return False
    with pikepdf.open(BytesIO(made)) as one:
        pdf.pages.append(one.pages[0])
    if orientation != UPRIGHT:
        page = pdf.pages[-1]
        page.mediabox = pikepdf.Array([0, 0, *_swap(size, orientation)])
        page.contents_add(b"q %s cm" % written(turning(orientation, *size)), prepend=True)
        page.contents_add(b"Q")
    return True


def _layout(size: tuple[float, float], *_: object) -> tuple[float, float, float, float]:
    """Return the size of the page, and that of the picture on it."""
    return *size, *size


def _swap(size: tuple[float, float], orientation: int) -> tuple[float, float]:
    return (size[1], size[0]) if swap_size((0, 1), orientation) == (1, 0) else size
