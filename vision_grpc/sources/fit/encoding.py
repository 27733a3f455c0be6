"""Pictures as files of a limited size, with the least loss."""

import io
import math
from itertools import count
from typing import Literal, NamedTuple

from PIL import Image

from vision_grpc.sources.fit.flattening import for_jpeg

BEST_QUALITY = 95
LEAST_QUALITY = 30
"""Below this the picture is scaled.

Measured with the local service on eight grey pages at 150 to 300 dpi, also with blur and noise like those of a scan:
what share of the characters differs from those read before, when a page at quality 90 has to lose so many of its bytes,
and its quality falls to this number at least before it is scaled.

| bytes left | 20 | 30 | 40 | 50 | 60 | 70 | 80 |
|---|---|---|---|---|---|---|---|
| 50 % | 2.3 % | 2.3 % | 2.3 % | 2.7 % | 3.0 % | 2.5 % | 2.6 % |
| 30 % | 2.0 % | 2.2 % | 2.2 % | 3.9 % | 4.1 % | 4.4 % | 6.7 % |
| 20 % | 2.8 % | 2.8 % | 4.7 % | 7.4 % | 9.7 % | 19 % | 32 % |
| 20 %, noise | 1.7 % | 1.9 % | 1.9 % | 2.1 % | 1.9 % | 3.0 % | 5.1 % |
| 12 %, noise | 2.0 % | 3.2 % | 2.6 % | 3.9 % | 4.9 % | 12 % | 22 % |

So pixels are worth more than quality, down to here; the page of 300 dpi is read alike in all cases."""
# Colours at half the resolution cost less than a lower quality for all. From here on there is room for both.
_FINE_QUALITY = 80

LONGEST_JPEG_SIDE = 65_500
"""What libjpeg writes at most."""

# A PNG costs ten times as much time as a JPEG, mostly for nothing. So its size is estimated first, from bands of rows
# that are spread over the picture. The limit may be that much larger for the attempt to be worth its time.
_BANDS, _SHARE, _LEAST_BAND_ROWS = 8, 8, 32
_HOPE = 1.25

# How much of the limit is good enough, and how often the quality is guessed from the bytes reached.
_ENOUGH, _GUESSES = 0.93, 4
_FIRST_QUALITY = 75
# About: the bytes of a JPEG are proportional to this power of the quantization.
_POWER = -0.65


class Encoded(NamedTuple):
    """A picture as a file."""

    content: bytes
    format: Literal["JPEG", "PNG"]
    size: tuple[int, int]
    quality: int | None = None


def encode_png(picture: Image.Image, most_bytes: int) -> Encoded | None:
    """Return a simplified picture as a PNG, None if that has too many bytes."""
    if _estimate_png(picture) > most_bytes * _HOPE:
        return None
    content = _save(picture, "PNG")
    return Encoded(content, "PNG", picture.size) if len(content) <= most_bytes else None


def encode_jpeg(picture: Image.Image, most_bytes: int) -> Encoded:
    """Return a simplified picture as a JPEG of the best quality that fits; if none does, of the least."""
    picture = for_jpeg(picture)
    low, high, quality = LEAST_QUALITY - 1, BEST_QUALITY + 1, _FIRST_QUALITY
    fitting: Encoded | None = None
    for attempt in count(1):
        encoded = _encode_jpeg(picture, quality)
        share = len(encoded.content) / most_bytes
        if share <= 1:
            low, fitting = quality, encoded
        else:
            high = quality
        if high - low <= 1 or _ENOUGH <= share <= 1:
            return fitting or encoded
        aimed = _quality_of(_coarseness(quality) * ((1 + _ENOUGH) / 2 / share) ** (1 / _POWER))
        # Mostly two or three attempts come near enough. Where they do not, halves do.
        quality = min(max(aimed, low + 1), high - 1) if attempt < _GUESSES else (low + high) // 2
    raise AssertionError  # The numbers do not end.


def _encode_jpeg(picture: Image.Image, quality: int) -> Encoded:
    subsampling = "4:4:4" if quality >= _FINE_QUALITY else "4:2:0"
    # Not optimize: it saves 4 % of the bytes for twice the time, and Pillow's buffer for it is too small at times.
    content = _save(picture, "JPEG", quality=quality, subsampling=subsampling, comment=None)
    return Encoded(content, "JPEG", picture.size, quality)


def _coarseness(quality: int) -> float:
    # libjpeg, jpeg_quality_scaling: the factor of the quantization in percent.
    return 5_000 / quality if quality < 50 else 200 - 2 * quality  # noqa: PLR2004


def _quality_of(coarseness: float) -> int:
    return math.floor(5_000 / coarseness if coarseness > 100 else 100 - coarseness / 2)  # noqa: PLR2004


def _estimate_png(picture: Image.Image) -> float:
    """Return about how many bytes the picture has as a PNG."""
    wide, high = picture.size
    rows = max(_LEAST_BAND_ROWS, high // (_BANDS * _SHARE))
    if high < rows * _BANDS * 2:
        return 0  # It is so small that the attempt costs little.
    bands = picture.crop((0, 0, wide, rows * _BANDS))
    for band in range(_BANDS):
        top = (2 * band + 1) * high // (2 * _BANDS) - rows // 2
        bands.paste(picture.crop((0, top, wide, top + rows)), (0, band * rows))
    return len(_save(bands, "PNG")) * high / bands.height


def _save(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, icc_profile=None, **options)
    return file.getvalue()
