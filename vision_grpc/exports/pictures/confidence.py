"""How sure a recognition is, in three bands that pictures and reports show alike, and one for where nobody says it."""

from math import inf
from typing import NamedTuple


class Band(NamedTuple):
    """A range of confidences."""

    name: str
    least: float
    """The least confidence in it, from 0 to 1."""

    colour: tuple[int, int, int]
    """Red, green and blue. The three differ in brightness, too, for those who see no difference between their hues."""


SURE = Band("sure", 0.85, (0, 122, 135))
UNSURE = Band("unsure", 0.6, (224, 142, 0))
DOUBTFUL = Band("doubtful", 0.0, (212, 41, 58))
BANDS = (SURE, UNSURE, DOUBTFUL)
UNKNOWN = Band("no confidence", inf, (84, 92, 112))
"""Where the API says nothing, as ocr/v1."""


def band_of(confidence: float | None) -> Band:
    """Return the band of a confidence, `UNKNOWN` of none."""
    if confidence is None:
        return UNKNOWN
    # Not a number is doubtful.
    return next((band for band in BANDS if confidence >= band.least), DOUBTFUL)
