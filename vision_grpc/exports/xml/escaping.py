"""Text as XML 1.0 can hold it."""

import re

from vision_grpc.texts.strict import to_strict

# Production 2 of XML 1.0 (Char), without what is escaped: all other characters cannot be in a document at all.
_SPECIAL = re.compile("[^ !#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_REPLACEMENT = "\ufffd"


def escape(text: str) -> str:
    """Return a text for an element or for an attribute in double quotes, where a parser finds it unchanged.

    Characters that XML cannot hold (controls, lone surrogates, U+FFFE and U+FFFF) are replaced by U+FFFD.
    """
    return _SPECIAL.sub(_replace, text)


def is_plain(text: str) -> bool:
    """Return whether a text is the same when it is escaped."""
    return _SPECIAL.search(text) is None


def escape_key(key: str) -> str:
    r"""Return the key of a result, escaped; bytes that are not UTF-8 are shown as in a journal, such as `\xe9`."""
    return escape(to_strict(key))


def _replace(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], _REPLACEMENT)
