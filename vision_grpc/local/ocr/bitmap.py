"""Image files decoded into the pixels that Tesseract reads."""

import io
import warnings
from typing import NamedTuple

from PIL import ExifTags, Image

from vision_grpc.contract.image_header import UnreadableImageError, read_header

# EXIF 2.32, tag 0x0112: which sides of the upright picture the first row and column of the file are.
_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Bitmap(NamedTuple):
    """An upright picture: rows from the top without padding, `channels` bytes per pixel (1 for grey, 3 for RGB)."""

    width: int
    height: int
    channels: int
    pixels: bytes


def silence_warnings() -> None:
    """Ignore Pillow's warnings about odd metadata: they do not name the file, and its text is read all the same.

    This is for the whole process, because `warnings.catch_warnings` is not thread-safe.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(content: bytes) -> Bitmap:
    """Return the picture of a JPEG or PNG, turned as its EXIF orientation says.

    Raises:
        UnreadableImageError: the file is truncated or damaged.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            _check_size(image, content)
            image.load()
            upright = _flatten(_turn(image))
    except (UnreadableImageError, MemoryError):
        raise  # A MemoryError says something about this machine, not about the file.
    # A damaged file makes Pillow's parsers raise OSError, SyntaxError, AssertionError, DecompressionBombError and more.
    # No list of them is complete, and only the file differs between calls.
    except Exception as error:
        message = "the file is truncated or damaged and cannot be decoded: copy or export it again"
        raise UnreadableImageError(message) from error
    return Bitmap(upright.width, upright.height, len(upright.getbands()), upright.tobytes())


def _check_size(image: Image.Image, content: bytes) -> None:
    # The limits were checked on the file's first header, but Pillow uses the last. It allocates nothing before `load`.
    header = read_header(content)
    if image.size != (header.width, header.height):
        sizes = f"{header.width} x {header.height} pixels, another {image.width} x {image.height}"
        message = f"one header of the file says {sizes}: export it again"
        raise UnreadableImageError(message)


def _turn(image: Image.Image) -> Image.Image:
    # ImageOps.exif_transpose also rewrites all tags, and fails if one of them is odd.
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - as in `decode`, but only the EXIF data is damaged, not the picture
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture as RGB if it has colours, else as 8-bit grey.

    Colours are kept because Tesseract finds a threshold for each channel: text and background may
    differ only in hue.
    """
    if image.has_transparency_data:
        # Transparent pixels are usually black underneath, which converting alone would show; viewers show white.
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if image.mode.startswith("I"):
        # Converting 16-bit grey directly would clip most of it to white.
        darker = image.point(lambda value: value * (1 / 256))  # pyright: ignore[reportUnknownMemberType] # numpy's
        return darker.convert("L")
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")
