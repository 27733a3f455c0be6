"""Texts that strict readers of JSON accept: without lone surrogates."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

_LONE = re.compile("[\ud800-\udfff]")
_LONE_BYTES = range(0xDC80, 0xDD00)


def to_strict(text: str) -> str:
    r"""Return a text with its lone surrogates escaped: `\xe9` for a byte of a name that is not UTF-8, else `\ud800`."""
    return _LONE.sub(_escape, text)


def is_strict(text: str) -> bool:
    """Return whether a text has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def strict_tree(value: Any) -> Any:  # noqa: ANN401 - plain values of any shape
    """Return plain values as JSON has them, each text in them strict."""
    if isinstance(value, str):
        return to_strict(value)
    if isinstance(value, Mapping):
        return {to_strict(name): strict_tree(each) for name, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [strict_tree(each) for each in cast("Iterable[Any]", value)]
    return value


def bytes_of_key(key: str) -> bytes:
    """Return the bytes that a key stands for: those of a file name that is not UTF-8 (PEP 383) are restored."""
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # A lone surrogate that is no byte of a name.
        return key.encode("utf-8", "surrogatepass")


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number & 0xFF:02x}" if number in _LONE_BYTES else f"\\u{number:04x}"
