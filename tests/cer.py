"""The measures of OCR: how many characters are wrong, and how many words are not there."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


def character_error_rate(read: str, written: str) -> float:
    """Return the edits that turn what was read into what is written, per character written; blanks count as one."""
    read, written = " ".join(read.split()), " ".join(written.split())
    return edits(read, written) / len(written)


class WordsRead(NamedTuple):
    """What became of the words of a page, wherever on it they were read."""

    error_rate: float
    """Characters wrong, missing or too many, per character written."""
    missed: float
    """The part of the written words that were not read as they are."""


def words_read(read: Sequence[str], written: Sequence[str]) -> WordsRead:
    """Compare words without their order: those that have no equal are paired with the nearest that is left."""
    have, want = Counter(read), Counter(written)
    left = [*(have - want).elements()]
    missed = sorted((want - have).elements(), key=len, reverse=True)
    wrong = 0
    for word in missed:
        nearest = min(left, key=lambda other: edits(other, word), default="")
        if (distance := edits(nearest, word)) < len(word):
            left.remove(nearest)
        wrong += min(distance, len(word))
    wrong += sum(map(len, left))
    return WordsRead(wrong / sum(map(len, written)), len(missed) / len(written))


def edits(one: str, other: str) -> int:
    """Return how many characters must be added, removed or changed to turn one text into the other.

    The differences of a column of Levenshtein's table are bits of two numbers, as Myers described in 1999.
    """
    if not one:
        return len(other)
    places = dict.fromkeys(one, 0)
    for place, character in enumerate(one):
        places[character] |= 1 << place
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    rises, falls, distance = every, 0, len(one)
    for character in other:
        same = places.get(character, 0)
        level = (((same & rises) + rises) ^ rises) | same
        up, down = falls | ~(level | rises) & every, rises & level
        distance += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & every
        same |= falls
        rises, falls = down << 1 & every | ~(same | up) & every, up & same
    return distance
