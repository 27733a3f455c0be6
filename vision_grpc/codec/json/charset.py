"""The text of an HTTP body, whichever charset it is in.

JSON has to be UTF-8 (RFC 8259, 8.1), and nearly all that comes is. But gateways write their pages in the charset of
their country, and some servers put a byte order mark before JSON, or write it in UTF-16, as an earlier RFC allowed.
"""

import codecs
import re
from collections.abc import Iterator

# The longer marks first: that of UTF-32 begins as that of UTF-16 does.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# Without a mark: which of the first four bytes are zeros, as the first two characters are ASCII (RFC 4627, 3).
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
_NAME = r"""["']?\s*(?:x-)?([\w.:-]{1,40})"""
_IN_HEADER = re.compile(rf"\bcharset\s*=\s*{_NAME}", re.ASCII | re.IGNORECASE)
_IN_PAGE = re.compile(
    rf"<meta\b[^>]*\bcharset\s*=\s*{_NAME}|<\?xml\b[^>]*\bencoding\s*=\s*{_NAME}", re.ASCII | re.IGNORECASE
)
# As far as the HTML standard has browsers look.
_PAGE_HEAD_BYTES = 1024
# Python has codecs beside those of charsets: under "Python Specific Encodings" in the documentation of `codecs`.
_NOT_CHARSETS = frozenset({"idna", "mbcs", "oem", "palmos", "punycode", "raw-unicode-escape", "unicode-escape"})


def decode_body(body: bytes, content_type: str) -> str:
    """Return the text of a body, with replacement characters where it is in none of the charsets that may be meant.

    Its first bytes show UTF-16 and UTF-32. Else it is UTF-8 if it can be: text in another charset hardly ever can.
    Else it is in the charset that its Content-Type names, or that the page itself names.
    """
    mark, charset = _unicode_form(body)
    if charset is not None:
        return body[len(mark) :].decode(charset, errors="replace")
    named = list(_named(body, content_type))
    # What looks like ASCII may be a charset of seven bits, such as ISO-2022-JP.
    for name in [*named, "utf-8"] if body.isascii() else ["utf-8", *named]:
        try:
            # A body that was cut may end within a character.
            return codecs.getincrementaldecoder(name)().decode(body)
        except UnicodeError:
            pass
    return body.decode(errors="replace")


def to_utf8(body: bytes, content_type: str) -> bytes:
    """Return a body in UTF-8 and without a byte order mark; see `decode_body`."""
    mark, charset = _unicode_form(body)
    if charset == "utf-8":
        return body[len(mark) :]
    if charset is None and not any(_named(b"", content_type)):
        return body
    return decode_body(body, content_type).encode(errors="surrogatepass")


def _unicode_form(body: bytes) -> tuple[bytes, str | None]:
    """Return the byte order mark and the form of Unicode that a body's first bytes show; None if they show none."""
    for mark, charset in _MARKS.items():
        if body.startswith(mark):
            return mark, charset
    return b"", _ZEROS.get(tuple(byte == 0 for byte in body[:4]))


def _named(body: bytes, content_type: str) -> Iterator[str]:
    """Yield the charsets that a body is said to be in, except UTF-8."""
    page = body[:_PAGE_HEAD_BYTES].decode("latin-1")
    for match in filter(None, (_IN_HEADER.search(content_type), _IN_PAGE.search(page))):
        try:
            codec = codecs.lookup(match[match.lastindex or 1])
            "".encode(codec.name)  # Not all codecs are for text.
        except (LookupError, UnicodeError):
            continue
        if codec.name not in _NOT_CHARSETS and codec.name != "utf-8":
            yield codec.name
