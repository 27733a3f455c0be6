"""Images for tests: the smallest that passes, and one with a text that a real engine reads."""

import io
import struct
import zlib
from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# What Debian, Fedora, macOS and Windows have, with Latin and Cyrillic letters.
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf")
_UNKNOWN_LETTER = "\U0010fffd"


def blank_image(name: str = "") -> bytes:
    """Return a white PNG of one pixel; its bytes are others for each name, so that images can be told apart."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    label = [(b"tEXt", b"Title\0" + name.encode())] if name else []
    chunks = [(b"IHDR", header), *label, (b"IDAT", zlib.compress(b"\0\xff")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def text_image(text: str, *, size: int = 40, font: str | PathLike[str] | None = None) -> bytes:
    """Return a PNG with a text, black on white, in letters of so many pixels; a real engine reads it.

    Without `font`, a file, it is DejaVu Sans or another one that the system has, else that of Pillow. It needs Pillow.

    Raises:
        ImportError: Pillow is missing.
        OSError: there is no such font.
        ValueError: the font does not have a letter of the text.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as error:
        message = "text_image needs Pillow: pip install 'vision-grpc[images]'"
        raise ImportError(message) from error

    face = _find_font(size) if font is None else _load(font, size)
    _check_letters(face, text)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, font=face)
    margin = 2 * size
    picture = Image.new("L", (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin), "white")
    ImageDraw.Draw(picture).multiline_text((margin - left, margin - top), text, fill="black", font=face)
    content = io.BytesIO()
    picture.save(content, "PNG", dpi=(300, 300))
    return content.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _find_font(size: int) -> "Font":
    from PIL import ImageFont

    for name in _FONTS:
        try:
            return _load(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _load(font: str | PathLike[str], size: int) -> "Font":
    from PIL import ImageFont

    return ImageFont.truetype(font, size)


def _check_letters(font: "Font", text: str) -> None:
    """Raise ValueError for letters that the font would show as a box."""
    box = _shape(font, _UNKNOWN_LETTER)
    missing = sorted(letter for letter in set(text) if letter.isprintable() and _shape(font, letter) == box)
    if missing:
        message = f"the font has no letter {missing[0]!r}: name another one by font=, the path of a TrueType file"
        raise ValueError(message)


def _shape(font: "Font", letter: str) -> bytes:
    from PIL import Image, ImageDraw

    _, _, right, bottom = font.getbbox(letter)
    picture = Image.new("L", (int(right) + 1, int(bottom) + 1))
    ImageDraw.Draw(picture).text((0, 0), letter, fill="white", font=font)
    return picture.tobytes()
