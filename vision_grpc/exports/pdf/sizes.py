"""How large a page is on paper, and how a picture is turned on it."""

from typing import Any

POINTS_PER_INCH = 72

Matrix = tuple[float, float, float, float, float, float]
"""Where points lie after a change of coordinates, as the six numbers of the operator `cm`."""

# PDF 1.7, annex C: a page has from 3 to 14,400 points a side.
_LEAST_POINTS, _MOST_POINTS = 3, 14_400
# That of A4, in points, for pictures that do not say how large they are.
_LONG_SIDE = 842
# EXIF 2.32, tag 0x011A: what is stated when the resolution is not known.
_UNKNOWN_DPI = 72.0


def page_size(pixels: tuple[int, int], dpi: object) -> tuple[float, float]:
    """Return the width and height in points of a picture, given what its file says of pixels per inch."""
    wide, high = pixels
    if (stated := _stated_size(pixels, dpi)) is not None:
        return stated
    scale = min(_LONG_SIDE / max(wide, high), 1.0)
    return max(wide * scale, _LEAST_POINTS), max(high * scale, _LEAST_POINTS)


def _stated_size(pixels: tuple[int, int], dpi: Any) -> tuple[float, float] | None:  # noqa: ANN401 - Pillow's are of many types
    try:
        x_dpi, y_dpi = map(float, dpi)
        wide, high = POINTS_PER_INCH * pixels[0] / x_dpi, POINTS_PER_INCH * pixels[1] / y_dpi
    except (TypeError, ValueError, ArithmeticError):
        return None
    is_known = (x_dpi, y_dpi) != (_UNKNOWN_DPI, _UNKNOWN_DPI)
    return (wide, high) if is_known and all(_LEAST_POINTS <= side <= _MOST_POINTS for side in (wide, high)) else None


def turning(orientation: int, wide: float, high: float) -> Matrix:
    """Return the matrix that makes a picture of this size upright, given its orientation as a number of EXIF.

    Places are counted from the lower left corner, before and after.
    """
    return {
        2: (-1, 0, 0, 1, wide, 0),
        3: (-1, 0, 0, -1, wide, high),
        4: (1, 0, 0, -1, 0, high),
        5: (0, -1, -1, 0, high, wide),
        6: (0, -1, 1, 0, 0, wide),
        7: (0, 1, 1, 0, 0, 0),
        8: (0, 1, -1, 0, high, 0),
    }.get(orientation, (1, 0, 0, 1, 0, 0))


def written(matrix: Matrix) -> bytes:
    """Return the numbers of a matrix as a PDF has them."""
    return " ".join(f"{number:.4f}" for number in matrix).encode()
