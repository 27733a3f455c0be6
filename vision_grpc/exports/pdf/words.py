"""Words as a PDF can hold them."""

import unicodedata

# Control characters, and halves of characters.
_UNREADABLE = frozenset({"Cc", "Cs"})
_REPLACEMENT = "\ufffd"


def readable(text: str) -> str:
    """Return a word with single blanks, and a replacement character for each that stands for nothing."""
    words = " ".join(text.split())
    if words.isprintable():
        return words
    return "".join(_REPLACEMENT if unicodedata.category(each) in _UNREADABLE else each for each in words)
