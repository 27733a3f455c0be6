"""How large pictures are on paper, whatever their files say of it."""

from fractions import Fraction
from math import inf, nan

import pytest

from vision_grpc.exports.pdf.sizes import page_size


@pytest.mark.parametrize(
    ("pixels", "dpi", "size"),
    [
        ((2480, 3508), (300, 300), (595.2, 841.92)),
        # A fax has pixels that are not square.
        ((1728, 1143), (204, 98), (609.88, 839.76)),
        ((600, 300), (Fraction(300), Fraction(300)), (144, 72)),
        # What says nothing, or nothing sensible, is at most as long as A4.
        ((4000, 3000), None, (842, 631.5)),
        ((4000, 3000), (72, 72), (842, 631.5)),
        ((4000, 3000), (1, 1), (842, 631.5)),
        ((3000, 4000), (0, 0), (631.5, 842)),
        ((300, 400), (nan, nan), (300, 400)),
        ((300, 400), (inf, 300), (300, 400)),
        ((300, 400), (-300, -300), (300, 400)),
        ((300, 400), (300,), (300, 400)),
        ((300, 400), "300", (300, 400)),
        ((1, 60_000), None, (3, 842)),
    ],
)
def test_page_size(pixels: tuple[int, int], dpi: object, size: tuple[float, float]) -> None:
    assert page_size(pixels, dpi) == pytest.approx(size, abs=0.01)
