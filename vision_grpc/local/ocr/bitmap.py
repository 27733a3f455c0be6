"""Image files decoded into the pixels that Tesseract reads."""

import io
import logging
import warnings
from typing import NamedTuple

from PIL import Image, ImageChops

from vision_grpc.config import Limits
from vision_grpc.contract import png
from vision_grpc.contract.foreign import describe_foreign
from vision_grpc.contract.image_header import describe_excess_pixels
from vision_grpc.local.ocr.engine import UnreadableImageError, damaged
from vision_grpc.local.ocr.jpeg_file import open_jpeg
from vision_grpc.local.ocr.picture_file import PictureFile
from vision_grpc.local.ocr.png_file import complete_png, open_png
from vision_grpc.pictures.orientation import orientation_of, turn
from vision_grpc.pictures.transparency import lay_on_ground

_LIMITS = Limits()
# A file may have a fault in each of thousands of chunks.
_MOST_TOLD = 5

_log = logging.getLogger(__name__)


class Bitmap(NamedTuple):
    """An upright picture: rows from the top without padding, `channels` bytes per pixel (1 for grey, 3 for RGB)."""

    width: int
    height: int
    channels: int
    pixels: bytes
    complete: bool = True
    """Whether the file had all of the picture; what was missing is blank."""
    missing: tuple[int, int, int, int] | None = None
    """Where the rows were that the file did not have, if any: left, top, right and bottom."""


def silence_warnings() -> None:
    """Ignore Pillow's warnings about odd metadata: they do not name the file, and its text is read all the same.

    This is for the whole process, because `warnings.catch_warnings` is not thread-safe.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(content: bytes, limits: Limits = _LIMITS) -> Bitmap:
    """Return the picture of a JPEG or PNG, turned as its EXIF orientation says.

    What is wrong with the file though it has a picture is logged.

    Raises:
        UnreadableImageError: no picture is left, it has too many pixels, or its kind is not supported.
    """
    if foreign := describe_foreign(content):
        raise UnreadableImageError(foreign)
    try:
        file = open_png(content) if content.startswith(png.SIGNATURE) else open_jpeg(content)
        _check_size(file, limits)
        image, complete, rows = _load(file)
        orientation = orientation_of(file.exif, file.xmp)
        upright = _flatten(turn(image, orientation))
    except MemoryError:
        raise  # It says something about this machine, not about the file.
    except UnreadableImageError:
        raise
    # A damaged file makes Pillow's parsers raise OSError, SyntaxError, AssertionError and more. No list of them is
    # complete, and only the file differs between calls.
    except Exception as error:
        raise damaged() from error
    oddities = file.oddities if complete else [*file.oddities, "a part of its picture is missing"]
    if oddities:
        told = "; ".join(oddities[:_MOST_TOLD])
        _log.warning("the picture of a file of %d bytes is read although %s", len(content), told)
    missing = None if complete else _missing(file.size, rows, orientation)
    return Bitmap(upright.width, upright.height, len(upright.getbands()), upright.tobytes(), complete, missing)


def _check_size(file: PictureFile, limits: Limits) -> None:
    if fault := describe_excess_pixels(*file.size, limits):
        raise UnreadableImageError(fault)


def _load(file: PictureFile) -> tuple[Image.Image, bool, int]:
    """Return the picture, whether all of it was there, and how many rows were."""
    try:
        image = _decode_pixels(file.content)
    except OSError:
        # Pillow can complete a PNG too, but only if all threads of the process let it.
        completed = complete_png(file.content) if file.content.startswith(png.SIGNATURE) else None
        if completed is None:
            raise
        content, rows = completed
        return _decode_pixels(content), False, rows
    return image, file.complete, image.height if file.complete else _whiten_missing_rows(image)


def _whiten_missing_rows(image: Image.Image) -> int:
    """Make the rows white that are missing at the end of a JPEG, and return how many there are before them."""
    # libjpeg fills what is missing with this grey. Tesseract would take a large grey area for the text, and what is
    # left of the picture for its background.
    missing = ImageChops.difference(image, Image.new(image.mode, image.size, (128,) * len(image.getbands())))
    left = missing.getbbox()
    rows = 0 if left is None else left[3]
    image.paste("white", (0, rows, image.width, image.height))
    return rows


def _missing(size: tuple[int, int], rows: int, orientation: int) -> tuple[int, int, int, int] | None:
    """Return where the rows behind the first ones are in the upright picture, None if there are no more."""
    mask = Image.new("1", size)
    mask.paste(1, (0, rows, *size))
    return turn(mask, orientation).getbbox()


def _decode_pixels(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    image.load()
    return image


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture as RGB if it has colours, else as 8-bit grey.

    Colours are kept because Tesseract finds a threshold for each channel: text and background may
    differ only in hue.
    """
    if image.mode.startswith("I"):
        image = _scale(image)
    if image.has_transparency_data:
        return lay_on_ground(image.convert("RGBA"))
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")


def _scale(image: Image.Image) -> Image.Image:
    """Return 16-bit grey as 8 bits, with an alpha if one of its values stands for transparent.

    Pillow itself would clip all values above 255 to white.
    """
    words = image.convert("I;16").tobytes()  # Little-endian.
    high, low = (Image.frombytes("L", image.size, words[start::2]) for start in (1, 0))
    key = image.info.get("transparency")
    if key is None:
        return high
    tables = ([255 * (value == wanted) for value in range(256)] for wanted in (key >> 8, key & 0xFF))
    same = [
        half.point(table)  # pyright: ignore[reportUnknownMemberType] # numpy's
        for half, table in zip((high, low), tables, strict=True)
    ]
    return Image.merge("LA", (high, ImageChops.invert(ImageChops.multiply(*same))))
