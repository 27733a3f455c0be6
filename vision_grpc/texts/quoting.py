"""Names and other texts of users in messages: quoted where they would be mistaken, and never long."""

import os
import re

from vision_grpc.texts.encoded import encoding_of
from vision_grpc.texts.secrets import is_token
from vision_grpc.texts.urls import without_secrets

LONGEST = 256
"""How many characters of a text a message shows at most."""

_HEAD, _TAIL = 120, 100
# What a shell would not take as it is. Blanks are among it, so that the ends of a name are seen.
# A home folder and `#0`, the key of bytes, stay as they are.
_SPECIAL = re.compile(r"[\s'\"`$&|;<>()\[\]{}*?!\\]|^~(?!/)|^#(?!\d+$)|^$")
_SPECIAL_IN_DOUBLE = re.compile(r'["`$!\\]')
_ESCAPES = {"\a": r"\a", "\b": r"\b", "\t": r"\t", "\n": r"\n", "\v": r"\v", "\f": r"\f", "\r": r"\r", "\x1b": r"\e",
            "'": r"\'", "\\": r"\\"}  # fmt: skip
_ASCII_END = 0x80
# Bytes of a name that are not UTF-8 come as these (PEP 383).
_LONE_BYTES = range(0xDC80, 0xDD00)
_WIDE = 0xFFFF


def quote_name(name: str | os.PathLike[str]) -> str:
    r"""Return the name of a file or an image as a shell takes it.

    That is `scan.png`, `'two  blanks.png'`, `"it's.png"` or `$'a\tb.png'`.
    So a name can be recognised and copied whatever is in it. A long one is cut in the middle. Of base64 text in
    place of a name, only the length is returned, and of a URL neither the password nor the query.
    """
    name = without_secrets(os.fspath(name))
    if encoding_of(name) is not None:
        return show(name)
    shown = _cut(name)
    quoted = quote_word(shown)
    return quoted if shown == name else f"{quoted} ({len(name):,} characters)"


def quote_word(word: str) -> str:
    """Return a word of a command as a shell takes it, whole."""
    if "'" in word and word.isprintable() and not _SPECIAL_IN_DOUBLE.search(word):
        return f'"{word}"'
    if not word.isprintable() or "'" in word:
        return f"$'{''.join(map(_escape, word))}'"
    return f"'{word}'" if _SPECIAL.search(word) else word


def shorten(text: str) -> str:
    """Return a text as it is, or its beginning and its end and the number of its characters if it is long."""
    return text if len(text) <= LONGEST else f"{_cut(text)} ({len(text):,} characters)"


def show(value: object) -> str:
    """Return the `repr` of a value, bounded, and only the size of bytes, base64 text and secrets."""
    if isinstance(value, bytes | bytearray):
        return f"<{len(value):,} bytes>"
    if not isinstance(value, str):
        try:
            return shorten(repr(value))
        except Exception:  # noqa: BLE001 - of any class, and of an int of more digits than Python shows
            return f"<a {type(value).__name__}>"
    if is_token(value):
        return f"<{len(value):,} characters that look like a secret>"
    kind = encoding_of(value)
    return repr(shorten(without_secrets(value))) if kind is None else f"<{len(value):,} characters of {kind}>"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:_HEAD]}...{text[-_TAIL:]}"


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    if number < _ASCII_END:
        return f"\\x{number:02x}"
    if number in _LONE_BYTES:
        return f"\\x{number & 0xFF:02x}"
    return f"\\u{number:04x}" if number <= _WIDE else f"\\U{number:08x}"
