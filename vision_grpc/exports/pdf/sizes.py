"""How large a page is on paper, and how a picture is turned on it."""

POINTS_PER_INCH = 72

# PDF 1.7, annex C: a page has from 3 to 14,400 points a side.
_LEAST_POINTS, _MOST_POINTS = 3, 14_400
# That of A4, in points, for pictures that do not say how large they are.
_LONG_SIDE = 842
# EXIF 2.32, tag 0x011A: what is stated when the resolution is not known.
_UNKNOWN_DPI = 72.0


def page_size(pixels: tuple[int, int], dpi: object) -> tuple[float, float]:
    """Return the width and height in points of a picture, given what its file says of pixels per inch."""
    wide, high = pixels
    match dpi:
        case (x_dpi, y_dpi) if (stated := _sides(pixels, x_dpi, y_dpi)) is not None:
            return stated
        case _:
            scale = min(_LONG_SIDE / max(wide, high), 1.0)
            return max(wide * scale, _LEAST_POINTS), max(high * scale, _LEAST_POINTS)


def _sides(pixels: tuple[int, int], x_dpi: object, y_dpi: object) -> tuple[float, float] | None:
    try:
        densities = float(x_dpi), float(y_dpi)  # type: ignore[arg-type] # Pillow's have many types
        if densities == (_UNKNOWN_DPI, _UNKNOWN_DPI):
            return None
        wide, high = (POINTS_PER_INCH * side / density for side, density in zip(pixels, densities, strict=True))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (wide, high) if all(_LEAST_POINTS <= side <= _MOST_POINTS for side in (wide, high)) else None


def turning(orientation: int, wide: float, high: float) -> tuple[float, ...]:
    """Return the matrix of PDF that makes a picture of this size upright, given its orientation as a number of EXIF.

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
