"""Texts as one cell of a table, and texts without what no reader of a format takes."""

import re

from vision_grpc.texts.strict import to_strict

# Line ends as `str.splitlines` knows them, and what stands between columns.
_BREAKS = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_REPLACEMENT = "\ufffd"


def clean_line(text: str) -> str:
    """Return a text that is part of one line: tabs and line ends become spaces, other control characters U+FFFD."""
    return text if text.isprintable() else clean_text(_BREAKS.sub(" ", text))


def clean_text(text: str) -> str:
    r"""Return a text with U+FFFD in place of control characters, but for tabs and line ends; surrogates are escaped."""
    return to_strict(_CONTROLS.sub(_REPLACEMENT, text))
