"""Words in Latin letters that were taken for Cyrillic ones: addresses, paths and names in code."""

import re
from collections.abc import Sequence

from vision_grpc.local.ocr.tesseract import EngineWord

# A page of addresses must not take many times as long as one of text.
_MOST_SPANS = 40
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_ADDRESS = re.compile(r"://|[@_\\]|/.*/|\w{2}[.:!|$]\w{2}")
# A hyphen may join words in two scripts, and digits may stand at either end of a word.
_MIXED = re.compile("[\u0400-\u04ff](?:[A-Za-z]|[0-9]+[\u0400-\u04ff])|[A-Za-z][\u0400-\u04ff]")
# Percentage. Tesseract cuts what it reads in the wrong script at dots and colons, and is not sure of the pieces.
_SURE = 80


def is_doubtful(text: str) -> bool:
    """Return whether a word has Cyrillic letters although it looks like an address or code, or mixes two scripts."""
    return bool(_CYRILLIC.search(text) and (_ADDRESS.search(text) or _MIXED.search(text)))


def doubtful_spans(words: Sequence[EngineWord]) -> list[slice]:
    """Return where doubtful words are, each with its unsure neighbours in the line; of very many, only the first."""
    spans: list[slice] = []
    start = 0
    for end in range(1, len(words) + 1):
        if end < len(words) and _are_one(words[end - 1], words[end]):
            continue
        if any(is_doubtful(word.text or "") for word in words[start:end]):
            spans.append(slice(start, end))
        start = end
    return spans[:_MOST_SPANS]


def _are_one(word: EngineWord, following: EngineWord) -> bool:
    return not following.begins_line and all(
        each.confidence < _SURE or is_doubtful(each.text or "") for each in (word, following)
    )


def around(words: Sequence[EngineWord]) -> tuple[int, int, int, int]:
    """Return the box around some words."""
    lefts, tops, rights, bottoms = zip(*(word.box for word in words), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
