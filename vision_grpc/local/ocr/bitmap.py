"""Files decoded into the pixels that Tesseract reads."""

import io
import warnings
from typing import NamedTuple

from PIL import ExifTags, Image

from vision_grpc.contract.image_header import UnreadableImageError, read_header

# EXIF 2.32, tag 0x0112: where the picture's first row and column are when it is upright.
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
    """An upright picture: rows from the top, without padding, `channels` bytes a pixel (1 grey, 3 RGB)."""

    width: int
    height: int
    channels: int
    pixels: bytes


def silence_warnings() -> None:
    """Silence Pillow's warnings about odd metadata: they do not name the file, and the text is read all the same.

    The filter is for the whole process: `warnings.catch_warnings` is not safe with threads.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(content: bytes) -> Bitmap:
    """Return the picture of a JPEG or PNG, turned as its EXIF orientation says.

    Raises:
        UnreadableImageError: the file is cut or damaged.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            _check_size(image, content)
            image.load()
            upright = _flatten(_turn(image))
    except (UnreadableImageError, MemoryError):
        raise  # MemoryError is a fault of this machine, not of the file.
    # For damaged files Pillow raises OSError, SyntaxError, AssertionError, DecompressionBombError and others. No list
    # is complete, and only the file differs between calls.
    except Exception as error:
        message = "the file is cut or damaged and cannot be decoded: copy or export it again"
        raise UnreadableImageError(message) from error
    return Bitmap(upright.width, upright.height, len(upright.getbands()), upright.tobytes())


def _check_size(image: Image.Image, content: bytes) -> None:
    # Limits were checked on the first header, but Pillow uses the last. Nothing has been allocated yet.
    header = read_header(content)
    if image.size != (header.width, header.height):
        sizes = f"{header.width} x {header.height} pixels, another {image.width} x {image.height}"
        message = f"one header of the file says {sizes}: export it again"
        raise UnreadableImageError(message)


def _turn(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes all tags anew, and fails where any of them is odd.
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - as in `decode`; EXIF is damaged, the picture is not.
        return image
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture as RGB where it has colours, else as 8-bit grey.

    Colours are kept because Tesseract looks for the threshold in each channel: text may differ
    from its background only in hue.
    """
    if image.has_transparency_data:
        # White shows through transparent paper; `convert` alone would show the black under it.
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if image.mode.startswith("I"):
        # 16-bit grey: `convert` alone would clip it to white.
        darker = image.point(lambda value: value * (1 / 256))  # pyright: ignore[reportUnknownMemberType] # numpy's
        return darker.convert("L")
    return image.convert("L" if image.mode in {"1", "L"} else "RGB")
