"""Texts that are an image in disguise: base64, hexadecimal digits and `data:` URLs in place of a path or of bytes."""

import re

# The beginnings of base64, in either alphabet, and of hexadecimal digits, with the format that they encode.
_BEGINNINGS = (
    (re.compile(r"[/_]9j[/_]"), "base64 text of a JPEG"),
    (re.compile(r"iVBORw0KGgo"), "base64 text of a PNG"),
    (re.compile(r"R0lGOD[dl]"), "base64 text of a GIF"),
    (re.compile(r"JVBERi0"), "base64 text of a PDF"),
    (re.compile(r"SUkqA|TU0AK"), "base64 text of a TIFF"),
    (re.compile(r"UklGR"), "base64 text of a WebP"),
    (re.compile(r"ffd8ff", re.IGNORECASE), "hexadecimal text of a JPEG"),
    (re.compile(r"89504e470d0a1a0a", re.IGNORECASE), "hexadecimal text of a PNG"),
)
_DATA_URL = re.compile(r"data:[\w/+.;=-]*,", re.IGNORECASE)
# Programs that convert bytes to text by `str` leave b'...' around it.
_BEFORE = re.compile(r"\ufeff?\s*(?:b?['\"])?\s*")
_REST = re.compile(r"[\w+/=\s-]*(?:['\"]\s*)?", re.ASCII)
# Files and folders may be called like shorter texts.
_SHORTEST = 24
_LONGEST_NAME, _LONGEST_PATH = 255, 4096
_SAMPLE = 1024


def encoding_of(text: str) -> str | None:
    """Return what kind of encoded image a text is, such as "base64 text of a PNG"; None if it may be a path."""
    if len(text) < _SHORTEST:
        return None
    sample = _BEFORE.sub("", text[:_SAMPLE], count=1)
    if _DATA_URL.match(sample):
        return "a data: URL"
    # A path that begins like an image has other characters further on, such as the dot of a suffix.
    if not _REST.fullmatch(sample):
        return None
    kind = next((kind for beginning, kind in _BEGINNINGS if beginning.match(sample)), None)
    return "base64 text" if kind is None and _is_too_long(text) else kind


def _is_too_long(path: str) -> bool:
    """Whether a system has no path of this length."""
    if path.startswith(("/", "~")):
        return False
    return len(path) > _LONGEST_PATH or max(map(len, path.split("/"))) > _LONGEST_NAME
