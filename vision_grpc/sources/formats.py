"""Formats of images that are read here besides those that can be sent, and the errors of what is not read without."""

from dataclasses import replace
from typing import NamedTuple

from vision_grpc.config import Limits
from vision_grpc.contract.foreign import ENCODED, name_foreign, remedy_of
from vision_grpc.contract.image_header import describe_excess_bytes
from vision_grpc.errors import Advice, Code
from vision_grpc.results import ImageError
from vision_grpc.texts.quoting import quote_name


class Format(NamedTuple):
    """A format, and the class that opens it."""

    name: str
    module: str
    opener: str
    feature: str | None = None
    """What Pillow may have been built without."""


JPEG = Format("JPEG", "PIL.JpegImagePlugin", "JpegImageFile")
PNG = Format("PNG", "PIL.PngImagePlugin", "PngImageFile")
_HEIF = ("pillow_heif", "HeifImageFile")

FORMATS = {
    "a WebP": Format("WebP", "PIL.WebPImagePlugin", "WebPImageFile", "webp"),
    "a TIFF": Format("TIFF", "PIL.TiffImagePlugin", "TiffImageFile"),
    "a BMP": Format("BMP", "PIL.BmpImagePlugin", "BmpImageFile"),
    "a GIF": Format("GIF", "PIL.GifImagePlugin", "GifImageFile"),
    "an AVIF": Format("AVIF", "PIL.AvifImagePlugin", "AvifImageFile", "avif"),
    "a HEIC (a photo of an iPhone, often)": Format("HEIC", *_HEIF),
    "a HEIF": Format("HEIF", *_HEIF),
    "a JPEG 2000": Format("JPEG 2000", "PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile", "jpg_2000"),
    "a Netpbm file (PBM, PGM, PPM or PAM)": Format("Netpbm", "PIL.PpmImagePlugin", "PpmImageFile"),
}
"""What images can be fitted from, by the names of `name_foreign`; what is not foreign is a JPEG or PNG."""

MOST_BYTES = 200 * 1_048_576
"""The largest file that is read to be fitted."""

_FIT = (Advice("or add", "fit", "vision_grpc.sources.fit.fit"),)
_PDF_OPENER = "vision_grpc.sources.containers.pdf.open_pdf"
_OPEN_PDF = (Advice("or add", "fit", _PDF_OPENER),)


def raised_to_fit(limits: Limits) -> Limits:
    """Return the limits for what is read to be fitted."""
    return replace(limits, content_bytes=max(MOST_BYTES, limits.content_bytes))


def too_large(name: str, size: int, limits: Limits, *, at_least: bool = False) -> ImageError:
    """Return the error of a file that has more bytes than the limits allow; the name is as the user knows it."""
    fault = describe_excess_bytes(size, limits, at_least=at_least)
    return ImageError.advised(Code.INVALID_ARGUMENT, f"{quote_name(name)}: {fault}", _FIT if size <= MOST_BYTES else ())


def unfit(name: str, fault: str, content: bytes) -> ImageError:
    """Return the error of an image that may not be sent as it is, with the advice to fit it where that helps."""
    return ImageError.advised(Code.INVALID_ARGUMENT, f"{quote_name(name)}: {fault}", _advise(content))


def explain_foreign(kind: str) -> str:
    """Return why a file cannot be fitted that is of a kind by `name_foreign`, and not of `FORMATS`."""
    if kind == "a PDF":
        return f"the file is a PDF, which is read as .pdf alone: rename it, or call {_PDF_OPENER} in Python"
    if kind == "no image":
        return "the file is no image"
    remedy = remedy_of(kind) if kind.endswith(ENCODED) else "convert it to JPEG or PNG first"
    return f"the file is {kind}, which cannot be fitted: {remedy}"


def _advise(content: bytes) -> tuple[Advice, ...]:
    kind = name_foreign(content)
    if kind == "a PDF":
        return _OPEN_PDF
    return _FIT if content and len(content) <= MOST_BYTES and (kind is None or kind in FORMATS) else ()
